"""The household's problem on a grid, given a law of motion for aggregate capital.

Consumption by the endogenous grid method (Carroll, 2006), the value function by iterating on the policy's own Bellman
equation. Expectations are exact, and everybody forecasts with log K' = a(z) + b(z) log K (Krusell and Smith, 1998).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.errors import InputError
from deepham.reference.grid import Grid, bracket


LEAST = 1e-12  # marginal utility: nobody consumes what it belongs to


@dataclass(frozen=True)
class LawOfMotion:
    """log K' = intercept[z] + slope[z] log K. Both (n_z,).

    Under a planner also what assets are paid, D = premium_intercept[z] + premium_slope[z] log K, utils a unit
    (algorithm/planner.py).
    """

    intercept: Tensor
    slope: Tensor
    premium_intercept: Tensor | None = None
    premium_slope: Tensor | None = None

    def __call__(self, K: Tensor, z: Tensor) -> Tensor:
        """Next period's capital; K and z of one shape."""
        return torch.exp(self.intercept[z] + self.slope[z] * K.log())

    def premium(self, K: Tensor, z: Tensor) -> Tensor:
        """D in an economy with capital K in state z; K and z of one shape."""
        if self.premium_intercept is None:
            return torch.zeros_like(K)
        return self.premium_intercept[z] + self.premium_slope[z] * K.log()


class HouseholdProblem:
    """One household that takes the law of motion as given.

    Arrays are (n_z, n_eps, J, G): today's z and eps, aggregate capital on its J nodes, assets on their G nodes. Those of
    tomorrow carry z' after z: (n_z, n_z', ...).
    """

    def __init__(self, economy: Economy, law: LawOfMotion, grid: Grid):
        self.economy, self.grid = economy, grid
        chain = economy.chain
        self.n_z, self.n_eps, self.J, self.G = chain.n_z, chain.n_eps, len(grid.K), len(grid.k)
        z = torch.arange(self.n_z, device=grid.K.device)
        self.resources = self._resources(grid.K.expand(self.n_z, -1), z[:, None].expand(-1, self.J))[0]
        K_next = law(grid.K.expand(self.n_z, -1), z[:, None].expand(-1, self.J))  # (n_z, J)
        self.low, self.share = bracket(grid.K.log(), K_next.log())
        by_next = K_next[:, None].expand(-1, self.n_z, -1)  # (n_z, n_z', J)
        _, prices = self._resources(by_next, z[None, :, None].expand_as(by_next))
        self.return_next = prices["R"]
        self.premium_next = law.premium(by_next, z[None, :, None].expand_as(by_next))  # (n_z, n_z', J)
        self.probability = chain.aggregate[:, :, None, None] * chain.individual  # (z, z', eps, eps')

    def consumption(self, start: Tensor | None = None, tolerance: float = 1e-8, most: int = 20_000) -> Tensor:
        """The policy, found by iterating until it moves by less than `tolerance` relative to itself."""
        c = 0.5 * self.resources if start is None else start
        for _ in range(most):
            new = self._egm_step(c)
            change = float((new / c - 1).abs().max())
            c = new
            if change < tolerance:
                return c
            if not math.isfinite(change):
                break
        raise InputError(f"reference: the household's policy still moves by {change:.1e} after {most} steps; try "
                         "another reference.K_width or more reference.k_nodes")

    def value(self, c: Tensor, tolerance: float = 1e-7, most: int = 20_000) -> Tensor:
        """Lifetime utility of following c, in utils; the error left is below tolerance / (1 - beta)."""
        economy = self.economy
        utility = economy.preferences.utility(c)
        low, share = bracket(self.grid.k, self.resources - c)
        v = utility / (1 - economy.beta)
        for _ in range(most):
            tomorrow = self._expect(self._at_next_capital(v) + self.premium_next[:, :, None, :, None] * self.grid.k)
            new = utility + economy.beta * (
                (1 - share) * tomorrow.gather(-1, low) + share * tomorrow.gather(-1, low + 1))
            change = new - v
            # the common part of the change repeats for ever, discounted: add it all at once
            v = new + economy.beta / (1 - economy.beta) * 0.5 * (change.max() + change.min())
            if float(change.max() - change.min()) < tolerance:
                return v
        raise InputError(f"reference: the value function still moves by {float(change.abs().max()):.1e} after {most} "
                         "steps; try another reference.K_width or more reference.k_nodes")

    def _egm_step(self, c: Tensor) -> Tensor:
        preferences, limit = self.economy.preferences, self.economy.borrowing_limit
        marginal = preferences.marginal_utility(self._at_next_capital(c)) * self.return_next[:, :, None, :, None]
        marginal = self._expect(marginal + self.premium_next[:, :, None, :, None])
        # to a planner assets of the rich can be worth less than nothing
        chosen = preferences.inverse_marginal_utility(self.economy.beta * marginal.clamp_min(LEAST))
        needed = chosen + self.grid.k  # resources at which each k' on the grid is the choice
        low, share = bracket(needed, self.resources)
        new = (1 - share) * chosen.gather(-1, low) + share * chosen.gather(-1, low + 1)
        return torch.minimum(new, self.resources - limit)  # who would like to borrow consumes everything

    def _at_next_capital(self, values: Tensor) -> Tensor:
        """Tomorrow's function on the k grid, at the K' that follows (z, K): (n_z, n_z', n_eps', J, G)."""
        share = self.share[:, None, None, :, None]
        below, above = values[:, :, self.low], values[:, :, self.low + 1]  # (n_z', n_eps', n_z, J, G)
        order = (2, 0, 1, 3, 4)
        return (1 - share) * below.permute(order) + share * above.permute(order)

    def _expect(self, tomorrow: Tensor) -> Tensor:
        return torch.einsum("zyef,zyfjg->zejg", self.probability, tomorrow)

    def _resources(self, K: Tensor, z: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Resources (..., n_eps, J, G) at capital K (..., J) and state z, and the prices (..., J) behind them."""
        flat_K, flat_z = K.reshape(-1), z.reshape(-1)
        prices = self.economy.prices({"K": flat_K}, flat_z)
        k = self.grid.k.expand(self.n_eps, -1).reshape(1, -1).expand(len(flat_K), -1)
        eps = torch.arange(self.n_eps, device=k.device)[:, None].expand(-1, self.G).reshape(1, -1).expand_as(k)
        m = self.economy.resources(k, eps, flat_z, prices).reshape(*K.shape, self.n_eps, self.G)
        return m.movedim(-2, -3), {name: price.reshape(K.shape) for name, price in prices.items()}
