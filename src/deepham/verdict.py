"""What a solution has to reach: the project's bar, measure by measure."""

from __future__ import annotations

import math
from dataclasses import dataclass

# measure -> (what it is, unit, bar); signed measures are judged by their size
BARS = {
    "euler.mean": ("Euler error, mean", "% of cons.", 0.05),
    "euler.p99": ("Euler error, 99 %", "% of cons.", 0.3),
    "bellman_policy.mean": ("Bellman error, policy", "utils", 0.003),
    "bellman_optimality.mean": ("Bellman error, best choice", "utils", 0.003),
    "closed_form_gap.mean": ("gap to the closed form", "% of cons.", 0.1),
    "mean_K_gap": ("gap of mean K", "%", 0.3),
    "path_gap.mean": ("gap of the path of K, mean", "%", 0.3),
    "path_gap.max": ("gap of the path of K, max", "%", 0.8),
    "wealth_sd_gap": ("gap of the sd of wealth", "%", 10.0),
    "wealth_w1": ("Wasserstein-1 of wealth", "% of mean", 4.0),
    "top_mass": ("mass at the top node", "share", 1e-4),
}
# shown beside the reference, without a bar of their own
MOMENTS = {
    "welfare_gap": ("welfare lost by its policy", "% of cons."),
    "mean_K": ("mean of K", "goods"), "sd_K": ("sd of K", "goods"), "wealth_sd": ("sd of wealth", "goods"),
    "gini": ("Gini of wealth", ""), "wealth_q01": ("wealth, 1 %", "goods"), "wealth_q10": ("wealth, 10 %", "goods"),
    "wealth_q50": ("wealth, 50 %", "goods"), "wealth_q90": ("wealth, 90 %", "goods"),
    "wealth_q99": ("wealth, 99 %", "goods"),
}


@dataclass(frozen=True)
class Row:
    """One line of the verdict; `reference`, `bar` and `met` are None where there is nothing to hold against."""

    measure: str
    description: str
    value: float
    reference: float | None
    unit: str
    bar: float | None
    met: bool | None


def judge(measures: dict[str, float], reference: dict[str, float] | None = None) -> list[Row]:
    """The measures against the bar, and the moments beside the reference's on the same shocks, where there is one."""
    rows = [Row(name, text, measures[name], None, unit, bar, abs(measures[name]) < bar)
            for name, (text, unit, bar) in BARS.items() if name in measures]
    beside = reference or {}
    return rows + [Row(name, text, measures[name], beside.get(name), unit, None, None)
                   for name, (text, unit) in MOMENTS.items() if math.isfinite(measures.get(name, math.nan))]
