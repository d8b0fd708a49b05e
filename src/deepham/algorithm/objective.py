"""What a household maximises: utility over a horizon of simulated periods, and the value network at its end.

Han, Yang and E (2021), section 3: with V given, the policy maximises E sum_{t<T} beta^t u(c_t) + beta^T V(s_T). The
gradient runs through the simulated law of motion of the household's own assets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from deepham.simulation.expectation import expand_next, expect
from deepham.simulation.period import Observation, Panel, Period, Policy, World
from deepham.simulation.walk import walk


@dataclass(frozen=True)
class Lifetime:
    """Result of `lifetime_utility`.

    Attributes:
        utility: (B, N), utils, discounted to the first period, with gradients towards the policy.
        first: the first period.
    """

    utility: Tensor
    first: Period


def lifetime_utility(
    world: World,
    panel: Panel,
    horizon: int,
    generator: torch.Generator,
    players: int | None = None,
    exact: bool = True,
) -> Lifetime:
    """Simulate `horizon` periods and close with the value function.

    Args:
        world: with price_taking=False the gradient knows that each household moves prices (a game of N players).
        panel: where the B economies start.
        horizon: T >= 1, number of periods whose utility is counted.
        players: so many of the households, the first, whose choices carry a gradient; the others' are held (fictitious
            play). None: all.
        exact: take the expectation over (z_T, eps_T) by enumeration, otherwise by one draw. Of a vector z the nodes of
            the expectation are drawn where its process says so.
    """
    economy = world.economy
    playing = world if players is None else replace(world, policy=_first(players, world.policy))
    total: Tensor | float = 0.0
    discount: Tensor | float = 1.0
    first = before = period = None
    for t, period in enumerate(walk(playing, panel, horizon if exact else horizon + 1, generator)):
        first = period if first is None else first
        lives = None if before is None else economy.continues(before.seen.eps, period.seen.eps)
        discount = discount if lives is None else discount * lives
        if t == horizon:
            break
        premium = None if before is None else economy.premium(period.seen)  # that of the first period is not chosen
        if premium is not None:
            total = total + discount * premium
        total = total + discount * period.utility
        before, discount = period, discount * economy.discount(period.seen.eps)
    assert first is not None and period is not None
    closing = expected_value(world, period, generator) if exact else world.start_value(period.before)
    return Lifetime(total + discount * closing, first)


def _first(players: int, policy: Policy) -> Policy:
    """The policy of all, whose graph of gradients has only the first players' choices in it, and is that much
    smaller."""

    def choose(seen: Observation) -> Tensor:
        with torch.no_grad():
            held = policy(seen)
        own = {name: getattr(seen, name)[:, :players] for name in ("resources", "k", "eps")}
        return torch.cat([policy(replace(seen, **own)), held[:, players:]], 1)

    return choose


def expected_value(world: World, period: Period, generator: torch.Generator | None = None) -> Tensor:
    """E V(next period) over (z', eps') by enumeration, with what a planner pays for k': (B, N), utils; see
    `expand_next`.
    """
    panel, p_z, p_eps = expand_next(world.economy, period.saved, period.seen, generator)
    return expect(world.start_value(world.before(panel)), p_z, p_eps)
