"""What simulation, objective and networks ask of the aggregate state and its shocks, whatever kind it is of.

The aggregate state z of B economies, (B, d), is one object that only its process and its economy look into: the index
of a finite chain, whole numbers (B, 1), or d numbers. Individual states are finite in both: eps is an index (B, N).
What is random about tomorrow's z is a shock of the same shape: tomorrow's index itself where z is a chain, standard
normal innovations where it is numbers. `follow` says where a shock leads; numbers may also move with today's
aggregates, as the net worth of an intermediary does. Shocks are made from uniform numbers, by inversion, so that all
randomness is in the hands of whoever draws those.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from deepham.economics.naming import Naming

Aggregates = dict[str, Tensor]  # name -> (B, 1), what `Economy.aggregates` and `Economy.prices` return


class ShockProcess(ABC):
    """Law of the aggregate state z and, given z and z', of the individual state eps.

    Shape letters: B economies, N agents, S next aggregate states, d numbers in z.

    Attributes:
        n_z: number of aggregate states by which cross-sections are told apart: those of a chain, one where z is
        numbers. n_eps: number of individual states.
        aggregate: transition probabilities of the aggregate states that are told apart, (n_z, n_z).
        individual: those of the individual states, (..., n_eps, n_eps), the last dimension being eps'.
        successors: the E states at most that may follow each of them, (n_eps, E): of ages and incomes a handful.
        moves: their probabilities, (..., n_eps, E).
        named: how many names the aggregate state has: of the states of a chain, or of the numbers.
        draws: d, and so many uniform numbers one draw of z takes.
        n_next: S where everything that may follow is enumerated.
        feature_unit: what networks divide each of the `features` of z by, (number of features,).
    """

    n_z: int
    n_eps: int
    aggregate: Tensor
    individual: Tensor
    successors: Tensor
    moves: Tensor
    draws: int
    n_next: int
    feature_unit: Tensor

    @property
    def dtype(self) -> torch.dtype:
        """Of probabilities, and of z where it is numbers."""
        return self.individual.dtype

    @property
    def named(self) -> int:
        return self.n_z

    @property
    def device(self) -> torch.device:
        return self.individual.device

    @abstractmethod
    def to(self, device=None, dtype=None) -> ShockProcess:
        """A copy whose tensors live on the device and have the floating dtype."""

    @abstractmethod
    def start(self, for_z: Tensor, for_eps: Tensor) -> tuple[Tensor, Tensor]:
        """z and eps (B, N) to start a simulation from, by their long-run distribution where that is known. Uniform
        numbers: for_z (B, d), for_eps (B, N).
        """

    @abstractmethod
    def follow(self, z: Tensor, shock: Tensor, aggregates: Aggregates | None = None) -> Tensor:
        """The aggregate state after z where this shock comes. shock and z broadcast against each other.

        aggregates: those beside z, one number (..., 1) where z is (..., d); None will do for a process that moves by
            itself.
        """

    @abstractmethod
    def draw_z(self, z: Tensor, uniform: Tensor, aggregates: Aggregates | None = None) -> Tensor:
        """The next aggregate state. uniform has the shape of z."""

    @abstractmethod
    def draw_path(self, start: Tensor, periods: int, generator: torch.Generator, mirrored: bool = False) -> Tensor:
        """Shocks (B, T, d) of a path that starts at z = start, B of them. The first belongs to the start itself.

        mirrored: from 1 - u wherever the path of the same generator takes the uniform number u: bad luck for good. What
            is linear in luck cancels in the mean of a path and its mirror image (antithetic variates).
        """

    @abstractmethod
    def next_states(
        self, z: Tensor, aggregates: Aggregates | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Aggregate states that may follow z, (B, S, d), and their probabilities or quadrature weights (B, S).

        generator: given, a process that has a setting for it draws some states in place of the full rule; their
            weighted mean is unbiased to the second order of the innovations.
        """

    @abstractmethod
    def sampled_states(
        self, z: Tensor, aggregates: Aggregates | None, draws: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Aggregate states that may follow z, (B, S, d), as a sample of so many draws weighs them, (B, S): the states
        of a chain by their shares in the draws, the nodes of the quadrature by their weights where z is numbers.
        """

    @abstractmethod
    def eps_probabilities(self, eps: Tensor, z: Tensor, z_next: Tensor) -> Tensor:
        """P(eps' | z, z', eps): (B, N, n_eps) for eps (B, N) and z, z_next (B, d). The last dimension of each
        is its own, and those before it broadcast."""

    @abstractmethod
    def move_probabilities(self, eps: Tensor, z: Tensor, z_next: Tensor) -> Tensor:
        """The same of the `successors` of each eps alone: (B, N, E)."""

    @abstractmethod
    def features(self, z: Tensor) -> Tensor:
        """z as numbers that networks can be fed, (B, number of features). Over `feature_unit` they are of order one as
        a whole."""

    @abstractmethod
    def cell(self, z: Tensor) -> Tensor:
        """Which of the n_z cross-sections that are told apart belongs to z (B, d): (B,)."""

    @abstractmethod
    def stationary_z(self) -> Tensor:
        """Long-run shares of the aggregate states that are told apart, (n_z,)."""

    @abstractmethod
    def eps_shares(self) -> Tensor:
        """Long-run shares of the individual states, (n_eps,)."""

    def stationary_eps(self) -> Tensor:
        """The same in each aggregate state that is told apart, (n_z, n_eps)."""
        return self.eps_shares().expand(self.n_z, -1)

    def average(self) -> Tensor:
        """P(eps' | eps) over all aggregate states at their long-run shares, (n_eps, n_eps)."""
        return self.individual

    def route(self, start: int, end: int) -> list[int]:
        """The states of the shortest path from one aggregate state that is told apart to another, without the first;
        empty where there is none."""
        return []

    @abstractmethod
    def typical_z(self) -> Tensor:
        """Aggregate states at which a calibration is checked: every index of a chain, the mean of numbers; (B, d)."""

    @abstractmethod
    def around_typical(self) -> Tensor:
        """Aggregate states at which equations are told apart: the typical ones and, of numbers, some to either side;
        (B, d)."""

    @abstractmethod
    def every_z(self) -> Tensor | None:
        """All aggregate states that there are, (n_z, 1); None where nobody could list them."""

    def farther(self, z: Tensor, factor: Tensor) -> Tensor:
        """States (B, d) so many times, (B, 1), as far from the typical one; those of a list stay."""
        usual = self.typical_z()[:1]
        return z if self.every_z() is not None else usual + factor * (z - usual)

    def settled(self, mass: Tensor) -> Tensor:
        """Masses (B, n_eps, G) of a histogram to start from, whose households were drawn: the same, where time evens
        out what the draw has left too many of.
        """
        return mass

    @property
    @abstractmethod
    def constant(self) -> bool:
        """Whether there is a single aggregate state, in which the economy always is."""

    @property
    @abstractmethod
    def counted(self) -> str:
        """How many aggregate states there are, in words."""

    @abstractmethod
    def moved_by_shocks(self, aggregates: Aggregates) -> bool:
        """Whether it makes a difference to z which shock comes. aggregates: beside the typical z."""

    # -- the aggregate states of cross-sections that are told apart, (n_z, d) --------------------------------------

    @abstractmethod
    def mean_z(self, z: Tensor) -> Tensor:
        """The aggregate state of each cross-section along a path z (B, T, d) or of economies z (B, d): (n_z, d), every
        index of a chain, the mean of numbers."""

    @abstractmethod
    def begin(self, shock: Tensor, mean: Tensor | None) -> Tensor:
        """The aggregate state (B, d) in which paths begin whose first shocks are these (B, d): the state that a
        chain's shock is; the mean (1, d) where z is numbers, which a first innovation does not move.

        mean: as `mean_z` gives it; None will do for a chain.
        """

    @abstractmethod
    def kept(self, mean: Tensor) -> dict[str, Tensor]:
        """What has to be kept beside cross-sections to know their aggregate states, as `mean_z` gives them: nothing of
        a chain, {"z": mean} of numbers."""

    @abstractmethod
    def restored(self, kept: Tensor | None) -> Tensor:
        """`mean_z` from the "z" that was kept, on the device of the process.

        Raises:
            InputError: one where there is nothing to keep, none where there is, or one that does not fit.
        """

    # -- as users know it ------------------------------------------------------------------------------------------

    @abstractmethod
    def naming(self, shock: str, names: tuple[str, ...]) -> Naming:
        """How users speak of z. shock: its public name. names: of what is `named`."""

    def draw_eps(self, eps: Tensor, z: Tensor, z_next: Tensor, uniform: Tensor) -> Tensor:
        """Next individual states by inversion. eps, uniform and result: (B, N)."""
        index = invert(self.move_probabilities(eps, z, z_next), uniform)
        return self.successors[eps, index]

    def _set_individual(self, individual: Tensor) -> None:
        """Keep transition probabilities (..., n_eps, n_eps), and which of them are ever positive."""
        possible = (individual.reshape(-1, *individual.shape[-2:]) > 0).any(0)
        most = int(possible.sum(1).max())
        first = possible.int().sort(dim=1, descending=True, stable=True).indices[:, :most]
        self.individual, self.successors = individual, first.sort(dim=1).values
        self.moves = individual.gather(-1, self.successors.expand(*individual.shape[:-1], most))


def invert(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """Draw an index from the last dimension of `probabilities` with one uniform number each."""
    thresholds = probabilities[..., :-1].cumsum(-1)
    return (uniform[..., None] >= thresholds).sum(-1)
