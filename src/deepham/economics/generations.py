"""A chain of ages and incomes: who dies is replaced by a newborn."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.markov import JointChain, as_numbers, stationary
from deepham.economics.process import invert
from deepham.errors import require

SUM = 1e-9  # of shares


class Generations(JointChain):
    """Households that age, and incomes that move while they work: who dies is replaced by somebody of the first age.

    The individual state is age * incomes + income. Income stays what it is from the last year of work on.

    Args:
        survival: probabilities (ages,) to see the next age; the last one is 0.
        incomes: P(e' | e), (n, n). newborn: shares (n,) of the incomes at the first age.
        aggregate: P(z' | z), (n_z, n_z).
        working: number of ages at which income moves on; None: all.

    Raises:
        InputError: survival outside of [0, 1], a last age that goes on, incomes without a single long run, or shares of
            the newborn that are none.
    """

    def __init__(self, survival, incomes, newborn, aggregate, working: int | None = None):
        survival, newborn = as_numbers("survival", survival), as_numbers("newborn", newborn)
        require(
            survival.dim() == 1 and len(survival) > 0, "survival: expected a list of probabilities, one for each age"
        )
        wrong = survival[(survival < 0) | (survival > 1)]
        require(len(wrong) == 0, f"survival: expected probabilities in [0, 1], got {wrong[:1].tolist()}")
        require(
            float(survival[-1]) == 0,
            f"survival: the last age goes on with probability {float(survival[-1]):g}; expected 0, or more ages",
        )
        moves = JointChain(incomes, 1, len(newborn)).individual[0, 0]
        stationary(moves, "incomes")  # refuses incomes without a single long run
        require(
            bool((newborn >= 0).all()) and abs(float(newborn.sum()) - 1) < SUM,
            f"newborn: expected shares of incomes that sum to 1, got {newborn.tolist()}",
        )
        ages, n = len(survival), len(newborn)
        stays = torch.eye(n, dtype=torch.float64)
        individual = torch.zeros(ages, n, ages, n, dtype=torch.float64)
        alive = [newborn]
        for age in range(ages):
            individual[age, :, 0] = (1 - survival[age]) * newborn
            if age + 1 < ages:
                move = moves if working is None or age + 1 < working else stays
                individual[age, :, age + 1] += survival[age] * move
                alive.append(survival[age] * (alive[-1] @ move))
        self.shares = torch.stack(alive).flatten()
        self.shares = self.shares / self.shares.sum()
        z = JointChain(aggregate, len(aggregate), 1).aggregate
        joint = torch.einsum("zy,ef->zeyf", z, individual.reshape(ages * n, -1))
        super().__init__(joint.reshape(ages * n * len(z), -1), n_z=len(z), n_eps=ages * n)
        # as they are: divided again by the probability of z' a tiny one loses its digits
        self._set_individual(individual.reshape(ages * n, -1).repeat(len(z), len(z), 1, 1))

    def to(self, device=None, dtype=None) -> Generations:
        moved = super().to(device, dtype)
        assert isinstance(moved, Generations)
        moved.shares = self.shares.to(device=device, dtype=dtype)
        return moved

    def stationary_eps(self) -> Tensor:
        return self.shares.expand(self.n_z, -1)

    def eps_shares(self) -> Tensor:
        return self.shares

    def average(self) -> Tensor:
        return self.individual[0, 0]

    def start(self, for_z: Tensor, for_eps: Tensor) -> tuple[Tensor, Tensor]:
        """As many of each age as there are in the long run: a cohort that is too large would stay so for a life."""
        n = for_eps.shape[1]
        middle = (torch.arange(n, device=for_eps.device) + 0.5) / n
        return invert(self.stationary_z(), for_z), invert(self.shares.to(middle), middle).expand(for_eps.shape)

    def settled(self, mass: Tensor) -> Tensor:
        """Exactly as many in each state as there are in the long run, who may be a number that these do not divide. In
        a state that nobody was drawn in, households are as rich as all together.
        """
        found, everybody = mass.sum(2, keepdim=True), mass.sum(1, keepdim=True)
        spread = torch.where(found > 0, mass / found, everybody / everybody.sum(2, keepdim=True))
        return self.shares.to(mass)[:, None] * spread
