"""The shocks that a response can be asked for: a change of the aggregate state, or a transfer of wealth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from deepham.economics.economy import Economy
from deepham.economics.naming import Change, Naming
from deepham.errors import InputError
from deepham.simulation.population import Population, levels_of
from deepham.solution import arguments

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Transfer:
    """In period 0 the share `share` of the wealth of the richest `top` is taken and given to the poorest `bottom`.

    Each of the rich loses the same share of its wealth, each of the poor gains the same amount. The state of the period
    before is `before`, None for any; both copies see the same aggregate states.
    """

    share: float
    top: float
    bottom: float
    before: int | None

    def apply(self, population: Population) -> Population:
        """The population (B, N) after the transfer; households at one level of wealth are treated alike."""
        k, weight = population.k, population.weight
        order = k.argsort(-1)
        below, above = levels_of(k.gather(-1, order), weight.gather(-1, order))
        rank = torch.empty_like(k).scatter(-1, order, (below + above) / 2)  # of the middle of each level
        rich, poor = (rank > 1 - self.top).to(k), (rank < self.bottom).to(k)
        taken = self.share * rich * k
        receive = population.mean(poor)
        if bool((receive == 0).any()):  # what is taken would be lost
            raise InputError(
                f"shock: nobody is among the poorest {self.bottom:g} of a cross-section; expected a larger "
                "share 'bottom', or more households"
            )
        return population.with_assets(k - taken + population.mean(taken) / receive * poor)

    def in_words(self, naming: Naming, period: str) -> str:
        """What a figure says of the shock."""
        share, top, bottom = (f"{100 * part:.3g} %" for part in (self.share, self.top, self.bottom))
        return f"a transfer of {share} of the wealth of the richest {top} to the poorest {bottom}"


Shock = Change | Transfer


def read_shock(economy: Economy, shock, hold: int, baseline: str, unit: str | None = None) -> Shock:
    """A shock from what a user gives: "good->bad", "any->bad", {"innovation": -2.0} where the aggregate state is a
    number, with a unit {"Z": 1.0} by its name, or {"transfer": 0.05, "top": 0.1, "bottom": 0.5}.

    Raises:
        InputError: no such state, or shares that are none.
    """
    naming = economy.naming
    hold = arguments.whole("hold", hold, 1)
    if not isinstance(baseline, str) or baseline not in ("drawn", "forced"):
        raise InputError(f"baseline: expected 'drawn' or 'forced', got {arguments.show(baseline)}")
    change = naming.read_change(shock, hold, baseline, unit)
    if change is not None:
        return change
    if unit is not None:
        raise InputError(
            f"unit: expected an innovation by the name of the aggregate state, {{{economy.aggregate_shock!r}: 1.0}}, "
            f"got {arguments.show(shock)}"
        )
    if isinstance(shock, Mapping) and set(shock) <= {"transfer", "top", "bottom", "after"} and "transfer" in shock:
        shares = {key: shock.get(key, default) for key, default in (("transfer", None), ("top", 0.1), ("bottom", 0.5))}
        for key, share in shares.items():
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
                raise InputError(f"shock[{key!r}]: expected a share between 0 and 1, got {arguments.show(share)}")
        if shares["top"] + shares["bottom"] > 1:
            raise InputError(
                f"shock: the richest {shares['top']:g} and the poorest {shares['bottom']:g} overlap; expected "
                "shares that add up to at most 1"
            )
        before = naming.read_before(shock.get("after", "any"))
        return Transfer(shares["transfer"], shares["top"], shares["bottom"], before)
    raise InputError(
        f"shock: expected {naming.change_in_words}, or a transfer such as "
        f"{{'transfer': 0.05, 'top': 0.1, 'bottom': 0.5}}, got {arguments.show(shock)}{naming.listed}"
    )
