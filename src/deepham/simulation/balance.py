"""Whether goods add up: what is missing from an economy's resource constraints, measured."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.simulation.period import Panel, World

SMALL = 0.01  # percent of output: an older solution's cross-sections miss the printed shares by a millionth


def resource_gap(economy: Economy, accounts: dict[str, Tensor], lost: Tensor) -> Tensor:
    """Largest violation of a resource constraint in each economy and period, percent of output, like the accounts; NaN,
    like `lost`, where the economy states none.

    Args:
        accounts: name -> (B, ...), as `Economy.accounts` returns them.
        lost: (B, ...) mean assets that are carried out of a period and are not there at the start of the next.
    """
    gaps = list(economy.balance(accounts).values())
    if not gaps:
        return torch.full_like(lost, float("nan"))
    gaps.append(lost.to(gaps[0]) / economy.period_length)
    return 100 * (torch.stack(gaps) / accounts["Y"]).abs().amax(0)


@torch.no_grad()
def gap_of(economy: Economy, panel: Panel) -> Tensor:
    """`resource_gap` (B,) of these economies, whatever their households choose."""
    anybody = World(economy, policy=lambda seen: seen.resources / 2)  # any choice and what it leaves add up
    nothing = torch.zeros_like(panel.population.k[:, :1])
    return resource_gap(economy, anybody.period(panel).accounts, nothing)[:, 0]


def why_unbalanced(economy: Economy, panel: bool) -> str:
    """Why goods do not add up to rounding in a simulation, of a panel or of the continuum; empty where they do."""
    if economy.unbalanced() or not panel:
        return economy.unbalanced()
    return (
        "how many of a panel's households are in each individual state is random, while firms employ the labour of a "
        "continuum; agents=None is without this noise"
    )
