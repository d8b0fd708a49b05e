"""What hours of work cost, in utils: a constant elasticity, or the leisure that is left of an endowment of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

STEPS = 12  # of Newton's method in log hours, whose slope lies between nu and nu + sigma


class Effort(Protocol):
    """Utils that n hours cost, increasing and convex."""

    @property
    def most(self) -> float | None:
        """The hours that there are; None: no end of them, and nobody ever works none."""
        ...

    def level(self, n: Tensor) -> Tensor:
        """Utils that n hours cost, nothing at none."""
        ...

    def supply(self, worth: Tensor) -> Tensor:
        """The hours of which the last costs so many utils; none where even the first costs more."""
        ...

    def at_limit(self, rest: Tensor, wage: Tensor, sigma: float) -> Tensor:
        """The hours of a household that consumes all it has, c = rest + wage n with u'(c) = c^-sigma, and weighs the
        last hour against that."""
        ...


@dataclass(frozen=True)
class Isoelastic:
    """phi n^(1+nu) / (1+nu): the elasticity of hours is 1/nu (Frisch)."""

    phi: float
    nu: float

    most = None

    def level(self, n: Tensor) -> Tensor:
        return self.phi / (1 + self.nu) * (n * n if self.nu == 1 else n ** (1 + self.nu))

    def supply(self, worth: Tensor) -> Tensor:
        if self.nu == 1:
            return worth / self.phi
        some = worth > 0  # the slope of a power at zero may be infinite
        return torch.where(some, (torch.where(some, worth, 1.0) / self.phi) ** (1 / self.nu), 0.0)

    def break_even(self, wage: Tensor) -> Tensor:
        return self.supply((1 + self.nu) * wage)

    def at_limit(self, rest: Tensor, wage: Tensor, sigma: float) -> Tensor:
        half = self.phi * rest
        # phi n (rest + wage n) = wage, the condition at nu = sigma = 1; elsewhere where Newton's method starts
        n = 2 * wage / (half + torch.sqrt(half**2 + 4 * self.phi * wage**2)).clamp_min(torch.finfo(rest.dtype).tiny)
        if self.nu == 1 == sigma:
            return n
        some = wage > 0
        w, y = torch.where(some, wage, 1.0), torch.where(some, n, 1.0).log().detach()
        for step in range(STEPS + 1):
            with torch.set_grad_enabled(step == STEPS and torch.is_grad_enabled()):  # the last carries the gradient
                n = y.exp()
                c = rest + w * n
                y = y - (self.nu * y + sigma * c.log() - (w / self.phi).log()) / (self.nu + sigma * w * n / c).detach()
        return torch.where(some, y.exp(), 0.0)


@dataclass(frozen=True)
class Leisure:
    """-weight log(1 - n / most): the rich would like to work less than no hours, which is a corner."""

    weight: float
    most: float

    def level(self, n: Tensor) -> Tensor:
        return -self.weight * torch.log1p(-n / self.most)

    def supply(self, worth: Tensor) -> Tensor:
        first = self.weight / self.most  # what the first hour costs
        return torch.where(worth > first, self.most - self.weight / worth.clamp_min(first), 0.0)

    def at_limit(self, rest: Tensor, wage: Tensor, sigma: float) -> Tensor:
        """Of log utility, sigma = 1, alone: Cobb and Douglas's shares."""
        some = wage * self.most > self.weight * rest
        n = (self.most - self.weight * rest / torch.where(some, wage, 1.0)) / (1 + self.weight)
        return torch.where(some, n, 0.0)
