"""What a solution has to reach, measure by measure: the project's bar, and its goal."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

# measure -> (what it is, unit, bar, goal or None); signed measures are judged by their size
BARS = {
    "euler.mean": ("Euler error, mean", "% cons.", 0.05, 0.01),
    "euler.p99": ("Euler error, 99 %", "% cons.", 0.3, 0.05),
    "bellman_policy.mean": ("Bellman error, policy", "utils", 0.003, 0.0003),
    "bellman_optimality.mean": ("Bellman error, best choice", "utils", 0.003, 0.0003),
    "closed_form_gap.mean": ("gap to the closed form", "% cons.", 0.1, None),
    "mean_K_gap": ("gap of mean K", "%", 0.3, 0.05),
    "path_gap.mean": ("gap of the path of K, mean", "%", 0.3, 0.05),
    "path_gap.max": ("gap of the path of K, max", "%", 0.8, 0.15),
    "wealth_sd_gap": ("gap of the sd of wealth", "%", 10.0, 2.0),
    "wealth_w1": ("Wasserstein-1 of wealth", "% of mean", 4.0, 0.5),
    "top_mass": ("mass at the top node", "share", 1e-4, None),
}
# shown beside the reference, without a bar of their own
MOMENTS = {
    "welfare_gap": ("welfare lost by its policy", "% cons."),
    "mean_K": ("mean of K", "goods"), "sd_K": ("sd of K", "goods"),
    "welfare": ("welfare, as consumption", "goods"), "wealth_sd": ("sd of wealth", "goods"),
    "gini": ("Gini of wealth", ""), "wealth_q01": ("wealth, 1 %", "goods"), "wealth_q10": ("wealth, 10 %", "goods"),
    "wealth_q50": ("wealth, 50 %", "goods"), "wealth_q90": ("wealth, 90 %", "goods"),
    "wealth_q99": ("wealth, 99 %", "goods"),
}


@dataclass(frozen=True)
class Row:
    """One line of the verdict; `reference`, `bar`, `goal`, `met` (the bar) and `reached` (the goal) are None where there
    is nothing to hold against.
    """

    measure: str
    description: str
    value: float
    reference: float | None
    unit: str
    bar: float | None
    goal: float | None
    met: bool | None
    reached: bool | None


def judge(measures: dict[str, float], reference: dict[str, float] | None = None, assets: str = "K") -> list[Row]:
    """The measures against bar and goal, each beside the reference's on the same shocks.

    assets: what the economy calls the mean of households' assets, `Economy.mean_assets`.
    """
    def named(text: str) -> str:
        return re.sub(r"\bK\b", assets, text)

    beside = reference or {}
    rows = [Row(name, named(text), measures[name], beside.get(name), unit, bar, goal, abs(measures[name]) < bar,
                None if goal is None else abs(measures[name]) < goal)
            for name, (text, unit, bar, goal) in BARS.items() if name in measures]
    return rows + [Row(name, named(text), measures[name], beside.get(name), unit, None, None, None, None)
                   for name, (text, unit) in MOMENTS.items() if math.isfinite(measures.get(name, math.nan))]
