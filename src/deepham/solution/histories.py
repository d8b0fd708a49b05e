"""What each household of a simulated panel has, earns and does, period by period."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.simulation.period import Panel, Period

GIFT = 1e-3  # of typical consumption: what the marginal propensity to consume is measured with


class Histories:
    """Paths of N households in B economies over T periods. `datasets.record` hands it every period as it passes.

    Args:
        economy: that is followed.
        start: of the panel; says B, N, the device and the floating dtype.
        periods: T.

    Attributes:
        series: name -> (B, N, T). Assets and the individual state go by the economy's names; `descriptions` says what
            `c`, `m`, `income`, `mpc` and the assets carried into the next period are.
    """

    def __init__(self, economy: Economy, start: Panel, periods: int):
        self.economy, self.period = economy, 0
        k = start.population.k
        self.names = household_names(economy)
        # a period is written in one piece
        kept = {name: k.new_empty((periods, *k.shape)) for name in self.names.values()}
        kept[self.names["eps"]] = torch.empty((periods, *k.shape), dtype=torch.long, device=k.device)
        self.series = {name: each.permute(1, 2, 0) for name, each in kept.items()}

    def keep(self, period: Period) -> None:
        """Write down one period of the panel's own households."""
        seen = period.seen
        own = {
            "k": seen.k,
            "eps": seen.eps,
            "c": period.consumption,
            "m": seen.resources,
            "income": seen.resources - seen.k,
            "k_next": period.carried,
            "mpc": propensity(period, GIFT * self.economy.typical_household()["c"]),
        }
        for name, values in own.items():
            self.series[self.names[name]][..., self.period] = values
        self.period += 1


def propensity(period: Period, gift: float) -> Tensor:
    """Propensity to consume (B, N): the share of a gift of assets, goods, that is consumed at once, at the prices of
    the period."""
    world, seen = period.world, period.seen
    richer = world.observe(period.panel, seen.k + gift)
    return (world.choose(richer)["c"] - period.consumption) / (richer.resources - seen.resources)


def household_names(economy: Economy) -> dict[str, str]:
    """What a household's variables are called in a Dataset, beside the accounts and moments of the same economy.

    A name that is taken, by one of the economy's accounts or a state, gets `household_` in front.
    """
    names, taken = {}, {*economy.variables, economy.aggregate_shock}
    for key, name in {
        "k": economy.asset,
        "eps": economy.individual_shock,
        "c": "c",
        "m": "m",
        "income": "income",
        "k_next": f"{economy.asset}_next",
        "mpc": "mpc",
    }.items():
        names[key] = f"household_{name}" if name in taken else name
        taken.add(names[key])
    return names


def descriptions(economy: Economy) -> dict[str, tuple[str, str]]:
    """Description and unit of everything in `Histories.series`."""
    flow = f"goods per {economy.period}"
    texts = {
        "k": ("assets of the household, start of period", "goods"),
        "eps": ("individual state of the household", "index"),
        "c": ("consumption of the household", flow),
        "m": ("resources of the household, consumption and the assets carried", flow),
        "income": ("income of the household, resources less assets at the start of the period", flow),
        "k_next": ("assets that the household carries into the next period", "goods"),
        "mpc": ("marginal propensity to consume out of a small gift of assets, at unchanged prices", "share"),
    }
    return {name: texts[key] for key, name in household_names(economy).items()}
