"""What a household maximises: utility over a horizon of simulated periods, and the value network at its end.

Han, Yang and E (2021), section 3: with V given, the policy maximises E sum_{t<T} beta^t u(c_t) + beta^T V(s_T). The
gradient runs through the simulated law of motion of the household's own assets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepham.algorithm.planner import premium, with_premium
from deepham.economics.economy import Economy
from deepham.simulation.household import Observation, Policy, Value, observe
from deepham.simulation.population import Population
from deepham.simulation.rollout import Panel, draw_shocks, expand_next, expect


@dataclass(frozen=True)
class Lifetime:
    """Result of `lifetime_utility`.

    Attributes:
        utility: (B, N), utils, discounted to the first period, with gradients towards the policy.
        first: the observation of the first period.
        consumption: (B, N), in the first period.
    """

    utility: Tensor
    first: Observation
    consumption: Tensor


def lifetime_utility(
    economy: Economy,
    policy: Policy,
    value: Value,
    panel: Panel,
    horizon: int,
    generator: torch.Generator,
    price_taking: bool = True,
    players: int | None = None,
    exact: bool = True,
) -> Lifetime:
    """Simulate `horizon` periods and close with the value function.

    Args:
        panel: where the B economies start.
        horizon: T >= 1, number of periods whose utility is counted.
        price_taking: households take aggregates and prices as given (competitive equilibrium); otherwise the
            gradient knows that each household moves them (a game of N players).
        players: so many of the households, the first, whose choices carry a gradient; the others' are held (fictitious
            play). None: all.
        exact: take the expectation over (z_T, eps_T) by enumeration, otherwise by one draw. Of a vector z the nodes of
            the expectation are drawn where its process says so.
    """
    total: Tensor | float = 0.0
    discount = 1.0
    first = None
    for period in range(horizon):
        seen = observe(economy, panel.population, panel.z, price_taking=price_taking)
        consumption = _choose(policy, seen, players)
        if period > 0 and economy.objective == "planner":
            total = total + discount * premium(economy, policy, seen)
        total = total + discount * economy.preferences.utility(consumption)
        discount *= economy.beta
        saved = panel.population.with_assets(seen.resources - consumption)
        if period == 0:
            first, first_consumption = seen, consumption
        if period < horizon - 1 or not exact:
            z_next, eps_next = draw_shocks(economy, seen, generator)
            panel = Panel(Population(saved.k, eps_next, saved.weight), z_next)
    value = with_premium(economy, policy, value)
    if exact:
        total = total + discount * expected_value(economy, value, saved, seen, price_taking, generator)
    else:
        total = total + discount * _value_at(economy, value, panel, price_taking)
    return Lifetime(total, first, first_consumption)


def _choose(policy: Policy, seen: Observation, players: int | None) -> Tensor:
    """Consumption (B, N) of all; the graph of gradients has only the players' choices in it, and is that much
    smaller."""
    if players is None:
        return policy(seen)
    with torch.no_grad():
        held = policy(seen)
    own = {name: getattr(seen, name)[:, :players] for name in ("resources", "k", "eps")}
    return torch.cat([policy(replace(seen, **own)), held[:, players:]], 1)


def expected_value(
    economy: Economy,
    value: Value,
    saved: Population,
    seen: Observation,
    price_taking: bool = True,
    generator: torch.Generator | None = None,
) -> Tensor:
    """E V(next period) over (z', eps') by enumeration: (B, N). `saved` carries k' with today's eps, `seen` is today's;
    see `expand_next`. What a planner pays for k' is for `value` to hold, see `with_premium`.
    """
    panel, p_z, p_eps = expand_next(economy, saved, seen, generator)
    return expect(_value_at(economy, value, panel, price_taking), p_z, p_eps)


def _value_at(economy: Economy, value: Value, panel: Panel, price_taking: bool) -> Tensor:
    return value(observe(economy, panel.population, panel.z, price_taking=price_taking))
