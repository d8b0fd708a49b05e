"""Utility functions shared by the economies."""

from __future__ import annotations

import torch
from torch import Tensor


class CRRA:
    """Constant relative risk aversion: u(c) = (c^(1-sigma) - 1) / (1-sigma), log c at sigma = 1; c in goods per period,
    of any shape, u in utils.

    The "-1" keeps u continuous in sigma; it moves no choice.
    """

    def __init__(self, sigma: float):
        self.sigma = sigma

    def utility(self, c: Tensor) -> Tensor:
        """u(c), utils."""
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

    def frictionless_value(self, c: Tensor, mpc: float | Tensor, beta: float) -> Tensor:
        """Lifetime utility, utils, of consuming c now and (beta R)^(1/sigma) times as much in each period as in the one
        before.

        mpc = 1 - (beta R)^(1/sigma) / R is the share of one more good that this path spends now; where households
        differ in patience it is theirs, in the shape of c. With log utility the constant that depends on R is left
        out; it is zero at beta R = 1.
        """
        if self.sigma == 1:
            return torch.log(c) / mpc if isinstance(mpc, Tensor) else 1 / (1 - beta) * torch.log(c)
        return self.utility(c) / mpc + (1 / mpc - 1 / (1 - beta)) / (1 - self.sigma)

    def marginal_utility(self, c: Tensor) -> Tensor:
        """u'(c), utils per good."""
        return 1 / c if self.sigma == 1 else c**-self.sigma

    def inverse_marginal_utility(self, marginal: Tensor) -> Tensor:
        """The consumption whose marginal utility is that."""
        return 1 / marginal if self.sigma == 1 else marginal ** (-1 / self.sigma)


class Flow(CRRA):
    """Utility of a period in which c is consumed evenly: length * u(c / length), u being a flow by the unit of time.

    c is what is consumed in the period, and length its share of the unit of time: an economy of short periods counts
    utility by the year as one of long periods does.
    """

    def __init__(self, sigma: float, length: float):
        super().__init__(sigma)
        self.length, self.rate = length, CRRA(sigma)

    def utility(self, c: Tensor) -> Tensor:
        return self.length * self.rate.utility(c / self.length)

    def inverse_utility(self, u: Tensor) -> Tensor:
        return self.length * self.rate.inverse_utility(u / self.length)

    def frictionless_value(self, c: Tensor, mpc: float | Tensor, beta: float) -> Tensor:
        return self.length * self.rate.frictionless_value(c / self.length, mpc, beta)

    def marginal_utility(self, c: Tensor) -> Tensor:
        return self.rate.marginal_utility(c / self.length)

    def inverse_marginal_utility(self, marginal: Tensor) -> Tensor:
        return self.length * self.rate.inverse_marginal_utility(marginal)
