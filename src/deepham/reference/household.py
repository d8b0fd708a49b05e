"""The household's problem on a grid, given a law of motion for mean assets.

Consumption by the endogenous grid method (Carroll, 2006), the value function by iterating on the policy's own Bellman
equation. Expectations are exact, or by the quadrature of the economy's own process where z is a number, and everybody
forecasts with log K' = a(z) + b(z) log K (Krusell and Smith, 1998), or with a polynomial of log K and z.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.errors import NotConverged
from deepham.reference.fixed_point import fixed_point
from deepham.reference.forecasts import LawOfMotion, PolynomialLaw, PriceLaw, beside_of
from deepham.reference.grid import Grid
from deepham.simulation.interpolation import between, bracket
from deepham.simulation.period import Observation
from deepham.simulation.population import Population


def aggregates_at(
    economy: Economy, K: Tensor, z: Tensor, unknowns: dict[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """The aggregates of economies of which the one that is tracked is K (B, 1), in states z: those that have no other
    say. Where it is mean assets, households hold K on average. Unknowns beside are what they typically are, or given.
    """
    beside = {name: torch.full_like(K, economy.unknowns[name].typical) for name in beside_of(economy)}
    beside |= unknowns or {}
    if economy.tracked in economy.unknowns:
        typical = torch.full_like(K, economy.typical_household()["assets"])
        return economy.aggregates(equal_households(typical), z) | {economy.tracked: K} | beside
    return economy.aggregates(equal_households(K), z) | beside


def wide_at(economy: Economy, K: Tensor, z: Tensor) -> dict[str, Tensor]:
    """The same and the prices: all that the aggregate state may move with."""
    aggregates = aggregates_at(economy, K, z)
    return aggregates | economy.prices(aggregates, z)


def equal_households(K: Tensor) -> Population:
    """One household for each of the economies, which holds K (B, 1)."""
    return Population.panel(K, torch.zeros_like(K, dtype=torch.long))


class HouseholdProblem:
    """One household that takes the law of motion as given.

    Arrays are (n_z, n_eps, J, G): today's z, of a chain or at its nodes, and eps, mean assets on their J nodes, assets
    on their G nodes. Those of tomorrow carry the S states that may follow z: (n_z, S, ...).
    """

    def __init__(self, economy: Economy, law: LawOfMotion | PolynomialLaw | PriceLaw, grid: Grid):
        self.economy, self.grid, self.law = economy, grid, law
        chain = economy.chain
        states = (torch.arange(chain.n_z, device=grid.K.device) if grid.z is None else grid.z)[:, None]
        self.n_z, self.n_eps, self.J, self.G = len(states), chain.n_eps, len(grid.K), len(grid.k)
        K = grid.K.expand(self.n_z, -1)
        z = states.expand(-1, self.J)
        self.today = self._as_arrays(self._seen(K, z, {}), K)
        self.most = 1e3 * float(self.today.resources.max())  # who has no future would consume without end
        everywhere = z.reshape(-1, 1)
        following = chain.next_states(everywhere, wide_at(economy, K.reshape(-1, 1), everywhere))
        z_next, chance = (x.reshape(self.n_z, self.J, -1).transpose(1, 2) for x in following)  # (n_z, S, J)
        K_next = law.following(K[:, None], z[:, None], z_next)
        self.corners = grid.corners(z_next, K_next)
        self.shape_next = *K_next.shape, self.n_eps, self.G
        self.next = self._seen(K_next, z_next, law.outcomes(K_next, z_next))
        individual = chain.eps_probabilities(
            torch.arange(self.n_eps, device=grid.K.device), states[:, None], z_next[:, :, :1]
        )
        lives = economy.continues(torch.arange(self.n_eps)[:, None], torch.arange(self.n_eps))
        individual = individual if lives is None else individual * lives.to(individual)
        self.probability = chance[:, :, 0, None, None] * individual  # (z, z', eps, eps'): no chance depends on K

    def consumption(self, start: Tensor | None = None, tolerance: float = 1e-8, most: int = 20_000) -> Tensor:
        """The policy, found by iterating until it moves by less than `tolerance` relative to itself. Raises
        NotConverged."""
        start = self.economy.spending(0.5, self.today)[0]["c"] if start is None else start
        log_c, change, steps = fixed_point(lambda x: self._egm_step(x.exp()).log(), start.log(), tolerance, most)
        if change < tolerance:
            return self._egm_step(log_c.exp())  # whoever is at the limit consumes everything to the last digit
        raise NotConverged(
            f"reference: the household's policy still moves by {change:.1e} after {steps} steps; try "
            "another reference.K_width or more reference.k_nodes"
        )

    def value(self, c: Tensor, tolerance: float = 1e-7, most: int = 20_000) -> Tensor:
        """Lifetime utility of following c, in utils; the error left is below the tolerance. Raises
        NotConverged."""
        economy = self.economy
        choice = economy.complete(c, self.today)
        utility = economy.utility(choice, self.today)
        low, share = bracket(self.grid.k, economy.carry(choice, self.today))
        premium = economy.premium(self.next)
        paid = 0.0 if premium is None else premium.reshape(self.shape_next)
        discount = economy.discount(self.today.eps)

        def step(v: Tensor) -> Tensor:
            tomorrow = self._expect(self._tomorrow(v) + paid)
            return utility + discount * between(self.grid.k, tomorrow, low, share, self.grid.lines)

        v, change, steps = fixed_point(step, utility / (1 - economy.beta), (1 - economy.beta) * tolerance, most)
        if change < (1 - economy.beta) * tolerance:
            return v
        raise NotConverged(
            f"reference: the value function still moves by {change:.1e} after {steps} steps; try "
            "another reference.K_width or more reference.k_nodes"
        )

    def before_clearing(self, v: Tensor) -> Tensor:
        """The value function where markets have not cleared yet: that at the price which households forecast, whatever
        the price; in economies without unknowns v itself.
        """
        if self.economy.tracked not in self.economy.unknowns:
            return v
        z, K = self.today.z.reshape(self.n_z, self.J), self.grid.K.expand(self.n_z, -1)
        table = v.transpose(1, 2).reshape(self.n_z * self.J, -1)
        found = self.grid.corners(z, self.law(K, z)).of(table)
        return found.reshape(self.n_z, self.J, self.n_eps, self.G).transpose(1, 2).contiguous()

    def _egm_step(self, c: Tensor) -> Tensor:
        economy, resources = self.economy, self.today.resources
        choice = economy.complete(self._tomorrow(c).flatten(0, 2).flatten(1), self.next)
        choice = economy.desired(
            choice, self.next, lambda worth: self._expect(worth.reshape(self.shape_next)), self.today
        )
        chosen = choice["c"].clamp_max(self.most)
        # resources at which each k' on the grid is the choice
        needed = economy.needed(choice | {"c": chosen}, self.grid.k, self.today)
        low, share = bracket(needed, resources)
        new = between(needed, chosen, low, share, self.grid.lines)
        # next to the limit nodes are so close that a guess of the policy may point anywhere below the first of them
        new = torch.where(new > 0, new, chosen[..., :1])
        return torch.minimum(new, economy.spendable(self.today))  # who would like to borrow consumes everything

    def _tomorrow(self, values: Tensor) -> Tensor:
        """Tomorrow's function on the k grid, at the (z', K') that may follow (z, K): (n_z, S, J, n_eps', G)."""
        table = values.transpose(1, 2).reshape(self.n_z * self.J, -1)
        return self.corners.of(table).reshape(self.shape_next)

    def _expect(self, tomorrow: Tensor) -> Tensor:
        return torch.einsum("zyef,zyjfg->zejg", self.probability, tomorrow)

    def _seen(self, K: Tensor, z: Tensor, beside: dict[str, Tensor]) -> Observation:
        """What households at the nodes of assets see at mean assets K and in states z, (..., J): economies (..., J) and
        households (n_eps, G), each in one dimension; beside (..., J) stands among the prices.
        """
        K, z = K.reshape(-1, 1), z.reshape(-1, 1)
        aggregates = aggregates_at(self.economy, K, z, self.law.found(self.economy, K, z))
        prices = self.economy.prices(aggregates, z)
        k = self.grid.k.expand(self.n_eps, -1).reshape(1, -1).expand(len(K), -1)
        eps = torch.arange(self.n_eps, device=k.device)[:, None].expand(-1, self.G).reshape(1, -1).expand_as(k)
        m = self.economy.resources(k, eps, z, prices)
        prices = prices | {name: value.reshape(-1, 1) for name, value in beside.items()}
        return Observation(m, k, eps, z, equal_households(K), aggregates, prices)

    def _as_arrays(self, seen: Observation, K: Tensor) -> Observation:
        """The same in arrays (n_z, n_eps, J, G), what is economy-wide in (n_z, 1, J, 1)."""

        def own(values: Tensor) -> Tensor:
            return values.reshape(*K.shape, self.n_eps, self.G).movedim(-2, -3)

        def wide(values: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: value.reshape(*K.shape, 1, 1).movedim(-2, -3) for name, value in values.items()}

        m, k, eps = (own(values) for values in (seen.resources, seen.k, seen.eps))
        return replace(seen, resources=m, k=k, eps=eps, aggregates=wide(seen.aggregates), prices=wide(seen.prices))
