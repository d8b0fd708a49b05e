"""Utility functions shared by the economies."""

from __future__ import annotations

import torch
from torch import Tensor


class CRRA:
    """u(c) = (c^(1-sigma) - 1) / (1-sigma), log c at sigma = 1; c in units of the consumption good, u in utils.

    The "-1" keeps u continuous in sigma; it moves no choice.
    """

    def __init__(self, sigma: float):
        self.sigma = sigma

    def utility(self, c: Tensor) -> Tensor:
        if self.sigma == 1:
            return torch.log(c)
        if abs(1 - self.sigma) < 0.05:  # here c^(1-sigma) - 1 would cancel; further away its derivative would
            return torch.expm1((1 - self.sigma) * torch.log(c)) / (1 - self.sigma)
        return (c ** (1 - self.sigma) - 1) / (1 - self.sigma)

    def inverse_utility(self, u: Tensor) -> Tensor:
        """The consumption whose utility is u."""
        if self.sigma == 1:
            return torch.exp(u)
        if abs(1 - self.sigma) < 0.05:
            return torch.exp(torch.log1p((1 - self.sigma) * u) / (1 - self.sigma))
        return (1 + (1 - self.sigma) * u) ** (1 / (1 - self.sigma))

    def frictionless_value(self, c: Tensor, mpc: float, beta: float) -> Tensor:
        """Lifetime utility of c now and (beta R)^(1/sigma) times as much in every later period.

        mpc = 1 - (beta R)^(1/sigma) / R is what that path spends of one more good. With log utility the constant that
        depends on R is left out; it is zero at beta R = 1.
        """
        if self.sigma == 1:
            return 1 / (1 - beta) * torch.log(c)
        return self.utility(c) / mpc + (1 / mpc - 1 / (1 - beta)) / (1 - self.sigma)

    def marginal_utility(self, c: Tensor) -> Tensor:
        return 1 / c if self.sigma == 1 else c**-self.sigma

    def inverse_marginal_utility(self, marginal: Tensor) -> Tensor:
        return 1 / marginal if self.sigma == 1 else marginal ** (-1 / self.sigma)
