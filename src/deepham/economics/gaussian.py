"""Aggregate states that are numbers and move by normal innovations, beside a chain of individual states."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from deepham.economics.markov import stationary
from deepham.economics.named_numbers import NamedNumbers
from deepham.economics.process import Aggregates, ShockProcess, invert
from deepham.economics.quadrature import gauss_hermite, monomial, random_directions, standard_normal
from deepham.errors import InputError


class GaussianProcess(ShockProcess):
    """z (B, d), whose next value `follow` makes of z, d independent standard normal innovations and today's aggregates.

    A subclass states `follow`, `start`, `features`, `feature_unit` and `typical_z`.

    Args:
        d: number of innovations, and of the components of z.
        individual: P(eps' | eps), (n_eps, n_eps), rows sum to one.
        points: of the Gauss-Hermite rule that an expectation over one innovation (d = 1) is taken with; several are
            taken with the monomial rule of 2 d points.
        directions: so many random directions, two points each, in place of that rule wherever `next_states` is given a
            generator, which then costs the same for every d; None: the rule everywhere.

    Raises:
        InputError: numbers of points or directions below one.
    """

    n_z = 1

    def __init__(self, d: int, individual: Tensor, points: int = 5, directions: int | None = None):
        if points < 1 or directions is not None and directions < 1:
            raise InputError(f"points and directions: expected at least 1, got {points} and {directions}")
        self._set_individual(individual.double())
        self.nodes, self.weights = gauss_hermite(points) if d == 1 else monomial(d)
        self.directions = directions
        self.n_eps, self.draws, self.n_next = len(individual), d, len(self.nodes)
        self.aggregate = torch.ones(1, 1, dtype=torch.float64)

    def to(self, device=None, dtype=None) -> GaussianProcess:
        moved = object.__new__(type(self))
        vars(moved).update(
            {
                name: _moved(value, device, dtype) if isinstance(value, Tensor) else value
                for name, value in vars(self).items()
            }
        )
        return moved

    def draw_z(self, z: Tensor, uniform: Tensor, aggregates: Aggregates | None = None) -> Tensor:
        return self.follow(z, standard_normal(uniform), aggregates)

    def draw_path(self, start: Tensor, periods: int, generator: torch.Generator, mirrored: bool = False) -> Tensor:
        # the shocks of a period one after the other, so that a longer path begins like a shorter
        shape = (periods, *start.shape)
        uniform = torch.rand(shape, generator=generator, device=start.device, dtype=self.dtype)
        shocks = standard_normal(uniform).transpose(0, 1)
        return -shocks if mirrored else shocks

    def next_states(
        self, z: Tensor, aggregates: Aggregates | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        if generator is None or self.directions is None:
            nodes, weights = self.nodes, self.weights
        else:  # of its own in each economy: the noise averages out over them
            shape = (len(z), self.directions, self.draws)
            uniform = torch.rand(shape, generator=generator, device=z.device, dtype=self.dtype)
            nodes = random_directions(standard_normal(uniform))
            weights = torch.full_like(nodes[0, :, 0], 1 / nodes.shape[1])
        beside = {name: value[:, None] for name, value in (aggregates or {}).items()}
        return self.follow(z[:, None], nodes, beside), weights.expand(len(z), -1)

    def sampled_states(
        self, z: Tensor, aggregates: Aggregates | None, draws: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        return self.next_states(z, aggregates)

    def eps_probabilities(self, eps: Tensor, z: Tensor, z_next: Tensor) -> Tensor:
        return self.individual[eps]

    def move_probabilities(self, eps: Tensor, z: Tensor, z_next: Tensor) -> Tensor:
        return self.moves[eps]

    def draw_first_eps(self, uniform: Tensor) -> Tensor:
        """Individual states by their long-run shares: as many as uniform numbers."""
        return invert(self.eps_shares().expand(*uniform.shape, -1), uniform)

    def cell(self, z: Tensor) -> Tensor:
        return torch.zeros(len(z), dtype=torch.long, device=z.device)

    def stationary_z(self) -> Tensor:
        return torch.ones(1, dtype=self.dtype, device=self.device)

    def eps_shares(self) -> Tensor:
        return stationary(self.individual)

    def around_typical(self) -> Tensor:
        z = self.typical_z()
        step = 0.1 * torch.where(z == 0, 1.0, z.abs())
        return torch.cat([z - step, z, z + step])

    def every_z(self) -> None:
        return None

    @property
    def named(self) -> int:
        return self.draws

    @property
    def constant(self) -> bool:
        return False

    @property
    def counted(self) -> str:
        return "numbers"

    def moved_by_shocks(self, aggregates: Aggregates) -> bool:
        z = self.typical_z()
        shocked, calm = (self.follow(z, shock, aggregates) for shock in (torch.ones_like(z), torch.zeros_like(z)))
        return bool((shocked != calm).any())

    def in_deviations(self, size: np.ndarray, unit: str, number: int = 0) -> np.ndarray:
        """Innovations in standard deviations that move one number of z by so much, (n,): percent of what it would be,
        or its own units ("level"). Raises InputError where that cannot be known in advance.
        """
        raise InputError(
            f"unit: what an innovation moves depends on the state of the economy here, and has no {unit} in advance; "
            "expected standard deviations, {'innovation': ...}"
        )

    def mean_z(self, z: Tensor) -> Tensor:
        return z.flatten(0, -2).mean(0, keepdim=True)

    def begin(self, shock: Tensor, mean: Tensor | None) -> Tensor:
        assert mean is not None, "numbers begin at their mean"
        return mean.expand(len(shock), -1)

    def kept(self, mean: Tensor) -> dict[str, Tensor]:
        return {"z": mean}

    def restored(self, kept: Tensor | None) -> Tensor:
        wanted = tuple(self.typical_z().shape)
        if kept is None or kept.shape != wanted or not bool(kept.isfinite().all()):
            raise InputError(
                f"z: expected the mean of the aggregate state, finite numbers of shape {wanted}, got "
                f"{None if kept is None else kept.tolist()}"
            )
        return kept.detach().to(device=self.device, dtype=self.dtype)

    def naming(self, shock: str, names: tuple[str, ...]) -> NamedNumbers:
        return NamedNumbers(shock, names, self.in_deviations)


def _moved(value: Tensor, device, dtype) -> Tensor:
    return value.to(device=device, dtype=dtype if value.is_floating_point() else None)
