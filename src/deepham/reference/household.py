"""The household's problem on a grid, given a law of motion for mean assets.

Consumption by the endogenous grid method (Carroll, 2006), the value function by iterating on the policy's own Bellman
equation. Expectations are exact, or by the quadrature of the economy's own process where z is a number, and everybody
forecasts with log K' = a(z) + b(z) log K (Krusell and Smith, 1998), or with a polynomial of log K and z.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.errors import NotConverged
from deepham.reference.grid import Grid, bracket
from deepham.simulation.population import Population

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


@dataclass(frozen=True)
class PolynomialLaw:
    """log K' = log K + a polynomial of x = log K - centre[0] and y = z - centre[1]: where z is a number.

    Attributes:
        coefficients: (terms,) of x^i y^j with i + j up to the order, as `monomials` has them.
        centre: (2,) of log K and z.
    """

    coefficients: Tensor
    centre: Tensor

    @property
    def order(self) -> int:
        """The largest i + j."""
        return math.isqrt(2 * len(self.coefficients)) - 1

    def __call__(self, K: Tensor, z: Tensor) -> Tensor:
        """Next period's mean assets; K (...), z (..., 1)."""
        return K * torch.exp(monomials(K, z, self.centre, self.order) @ self.coefficients)

    def premium(self, K: Tensor, z: Tensor) -> Tensor:
        """None is paid: no planner's problem is solved where z is a number."""
        return torch.zeros_like(K)


def powers(order: int) -> list[tuple[int, int]]:
    """(i, j) of the terms of a `PolynomialLaw`, so that those of a lower order come first."""
    return [(i, total - i) for total in range(order + 1) for i in range(total, -1, -1)]


def monomials(K: Tensor, z: Tensor, centre: Tensor, order: int) -> Tensor:
    """x^i y^j with i + j up to the order, (..., terms), of `PolynomialLaw`."""
    x, y = K.log() - centre[0], z[..., 0] - centre[1]
    return torch.stack([x**i * y**j for i, j in powers(order)], -1)


def aggregates_at(economy: Economy, K: Tensor, z: Tensor) -> dict[str, Tensor]:
    """The aggregates of economies whose households hold K (B,) on average, in states z: those that have no other
    say."""
    return economy.aggregates(Population.panel(K[:, None], torch.zeros_like(K[:, None], dtype=torch.long)), z)


class HouseholdProblem:
    """One household that takes the law of motion as given.

    Arrays are (n_z, n_eps, J, G): today's z, of a chain or at its nodes, and eps, mean assets on their J nodes, assets
    on their G nodes. Those of tomorrow carry the S states that may follow z: (n_z, S, ...).
    """

    def __init__(self, economy: Economy, law: LawOfMotion | PolynomialLaw, grid: Grid):
        self.economy, self.grid = economy, grid
        chain = economy.chain
        states = torch.arange(chain.n_z, device=grid.K.device) if grid.z is None else grid.z[:, None]
        self.n_z, self.n_eps, self.J, self.G = len(states), chain.n_eps, len(grid.K), len(grid.k)
        K = grid.K.expand(self.n_z, -1)
        z = states[:, None].expand(-1, self.J, *states.shape[1:])  # (n_z, J) or (n_z, J, 1)
        self.resources = self._resources(K, z)[0]
        z_next, chance = chain.next_states(z.flatten(0, 1), aggregates_at(economy, K.flatten(), z.flatten(0, 1)))
        # (n_z, S, J, ...)
        z_next, chance = (x.reshape(self.n_z, self.J, *x.shape[1:]).transpose(1, 2) for x in (z_next, chance))
        K_next = law(K, z)[:, None].expand(chance.shape)
        self.corners = [(place.flatten(), weight[..., None, None]) for place, weight in grid.corners(z_next, K_next)]
        _, prices = self._resources(K_next, z_next)
        self.return_next = prices["R"]
        self.premium_next = law.premium(K_next, z_next)  # (n_z, S, J)
        individual = chain.eps_probabilities(
            torch.arange(self.n_eps, device=grid.K.device), states[:, None], z_next[:, :, 0]
        )
        self.probability = chance[:, :, 0, None, None] * individual  # (z, z', eps, eps'): no chance depends on K

    def consumption(self, start: Tensor | None = None, tolerance: float = 1e-8, most: int = 20_000) -> Tensor:
        """The policy, found by iterating until it moves by less than `tolerance` relative to itself. Raises
        NotConverged."""
        c = 0.5 * (self.resources - self.economy.borrowing_limit) if start is None else start
        for step in range(1, most + 1):
            new = self._egm_step(c)
            change = float((new / c - 1).abs().max())
            c = new
            if change < tolerance:
                return c
            if not math.isfinite(change):
                break
        raise NotConverged(
            f"reference: the household's policy still moves by {change:.1e} after {step} steps; try "
            "another reference.K_width or more reference.k_nodes"
        )

    def value(self, c: Tensor, tolerance: float = 1e-7, most: int = 20_000) -> Tensor:
        """Lifetime utility of following c, in utils; the error left is below tolerance / (1 - beta). Raises
        NotConverged."""
        economy = self.economy
        utility = economy.preferences.utility(c)
        low, share = bracket(self.grid.k, self.resources - c)
        v = utility / (1 - economy.beta)
        for _ in range(most):
            tomorrow = self._expect(self._tomorrow(v) + self.premium_next[..., None, None] * self.grid.k)
            new = utility + economy.beta * (
                (1 - share) * tomorrow.gather(-1, low) + share * tomorrow.gather(-1, low + 1)
            )
            change = new - v
            # the common part of the change repeats for ever, discounted: add it all at once
            v = new + economy.beta / (1 - economy.beta) * 0.5 * (change.max() + change.min())
            if float(change.max() - change.min()) < tolerance:
                return v
        raise NotConverged(
            f"reference: the value function still moves by {float(change.abs().max()):.1e} after {most} "
            "steps; try another reference.K_width or more reference.k_nodes"
        )

    def _egm_step(self, c: Tensor) -> Tensor:
        preferences, limit = self.economy.preferences, self.economy.borrowing_limit
        marginal = preferences.marginal_utility(self._tomorrow(c)) * self.return_next[..., None, None]
        marginal = self._expect(marginal + self.premium_next[..., None, None])
        # to a planner assets of the rich can be worth less than nothing
        chosen = preferences.inverse_marginal_utility(self.economy.beta * marginal.clamp_min(LEAST))
        needed = chosen + self.grid.k  # resources at which each k' on the grid is the choice
        low, share = bracket(needed, self.resources)
        new = (1 - share) * chosen.gather(-1, low) + share * chosen.gather(-1, low + 1)
        return torch.minimum(new, self.resources - limit)  # who would like to borrow consumes everything

    def _tomorrow(self, values: Tensor) -> Tensor:
        """Tomorrow's function on the k grid, at the (z', K') that may follow (z, K): (n_z, S, J, n_eps', G)."""
        table = values.transpose(1, 2).reshape(self.n_z * self.J, -1)
        shape = (*self.return_next.shape, self.n_eps, self.G)
        total = torch.zeros((), dtype=table.dtype, device=table.device)
        for place, weight in self.corners:  # in place: most of the time goes into the memory of such arrays
            part = table.index_select(0, place).reshape(shape).mul_(weight)
            total = part if total.dim() == 0 else total.add_(part)
        return total

    def _expect(self, tomorrow: Tensor) -> Tensor:
        return torch.einsum("zyef,zyjfg->zejg", self.probability, tomorrow)

    def _resources(self, K: Tensor, z: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Resources (..., n_eps, J, G) at mean assets K (..., J) and state z, and the prices (..., J) behind them."""
        flat_K, flat_z = K.reshape(-1), z.flatten(0, K.dim() - 1)
        prices = self.economy.prices(aggregates_at(self.economy, flat_K, flat_z), flat_z)
        k = self.grid.k.expand(self.n_eps, -1).reshape(1, -1).expand(len(flat_K), -1)
        eps = torch.arange(self.n_eps, device=k.device)[:, None].expand(-1, self.G).reshape(1, -1).expand_as(k)
        m = self.economy.resources(k, eps, flat_z, prices).reshape(*K.shape, self.n_eps, self.G)
        return m.movedim(-2, -3), {name: price.reshape(K.shape) for name, price in prices.items()}
