"""What a solution has to reach: the project's bar, measure by measure."""

from __future__ import annotations

from dataclasses import dataclass

from deepham import economics
from deepham.economics.economy import Economy

# measure -> (what it is, unit, bar)
BARS = {
    "euler.mean": ("Euler error, mean", "% of cons.", 0.05),
    "euler.p99": ("Euler error, 99 %", "% of cons.", 0.3),
    "bellman_policy.mean": ("Bellman error, policy", "utils", 0.003),
    "bellman_optimality.mean": ("Bellman error, best choice", "utils", 0.003),
    "top_mass": ("mass at the top node", "share", 1e-4),
    "closed_form_gap.mean": ("gap to the closed form", "% of cons.", 0.1),
}
# moment -> (what it is, tolerated relative distance to the grid solution on other shocks)
PUBLISHED_BARS = {"mean_K": ("mean of K", 0.005), "wealth_sd": ("sd of wealth", 0.15)}


@dataclass(frozen=True)
class Row:
    """One line of the verdict; `bar` is text, `met` None where there is nothing to meet."""

    measure: str
    description: str
    value: float
    unit: str
    bar: str
    met: bool | None


def judge(economy_name: str, economy: Economy, measures: dict[str, float]) -> list[Row]:
    """The measures against the bar and, at the shipped calibration, the moments beside the grid solution's."""
    rows = [Row(name, text, measures[name], unit, f"below {bar:g}", measures[name] < bar)
            for name, (text, unit, bar) in BARS.items() if name in measures]
    if economy.parameters() != economics.calibration(economy_name):
        return rows
    for name, reference in economy.published.items():
        text, tolerance = PUBLISHED_BARS.get(name, (name.replace("_", " "), None))
        met = None if tolerance is None else abs(measures[name] / reference - 1) < tolerance
        bar = f"grid {reference:g}" + (f" +- {100 * tolerance:g} %" if tolerance else "")
        rows.append(Row(name, text, measures[name], "goods" if name != "gini" else "", bar, met))
    return rows
