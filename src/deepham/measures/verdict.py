"""What a solution has to reach, measure by measure: bars, which a run is held against, and goals, which are further."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from deepham.economics.economy import Economy, require
from deepham.errors import show

# measure -> (what it is, unit, standard bar and goal, quick bar and goal); signed measures are judged by their size.
# {K} is the aggregate that the economy follows, `Economy.tracked`
_JUDGED = {
    "euler.mean": ("Euler error, mean", "% cons.", (0.02, 0.003), (0.05, 0.01)),
    "euler.p99": ("Euler error, 99 %", "% cons.", (0.1, 0.02), (0.3, 0.05)),
    "bellman_policy.mean": ("Bellman error, policy", "utils", (0.001, 0.0002), (0.003, 0.0003)),
    "bellman_optimality.mean": ("Bellman error, best choice", "utils", (0.001, 0.0002), (0.003, 0.0003)),
    "labour.mean": ("error of hours, mean", "% hours", (0.05, 0.01), (0.1, 0.02)),
    "labour.p99": ("error of hours, 99 %", "% hours", (0.25, 0.05), (0.5, 0.1)),
    "mean_K_gap": ("gap of mean {K}", "%", (0.15, 0.03), (0.3, 0.05)),
    "path_gap.mean": ("gap of the path of {K}, mean", "%", (0.15, 0.03), (0.3, 0.05)),
    "path_gap.max": ("gap of the path of {K}, max", "%", (0.4, 0.1), (0.8, 0.15)),
    "path_gap_L.mean": ("gap of the path of L, mean", "%", (0.15, 0.03), (0.3, 0.05)),
    "path_gap_L.max": ("gap of the path of L, max", "%", (0.4, 0.1), (0.8, 0.15)),
    "wealth_sd_gap": ("gap of the sd of wealth", "%", (3.0, 0.5), (10.0, 2.0)),
    "gini_gap": ("gap of the Gini", "%", (3.0, 0.5), (10.0, 2.0)),
    "top10_share_gap": ("gap of the top 10 % share", "%", (3.0, 0.5), (10.0, 2.0)),
    "top1_share_gap": ("gap of the top 1 % share", "%", (3.0, 0.5), (10.0, 2.0)),
    "wealth_w1": ("Wasserstein-1 of wealth", "% mean", (1.0, 0.25), (4.0, 0.5)),
    "wealth_distance": ("W1 of wealth over its sd", "%", (4.0, 1.0), (4.0, 1.0)),
    "price_gap.mean": ("gap of the rate r, mean", "bp", (1.0, 0.3), (1.0, 0.3)),
    "price_gap.max": ("gap of the rate r, max", "bp", (4.0, 1.0), (4.0, 1.0)),
    "schedule.mean": ("Euler error, prices 1 % off", "% cons.", (0.2, 0.05), (0.2, 0.05)),
    "condition.pi.mean": ("Phillips curve, mean", "bp a year", (1.0, 0.2), (1.0, 0.2)),
    "condition.pi.max": ("Phillips curve, max", "bp a year", (5.0, 1.0), (5.0, 1.0)),
    "clearing.max": ("excess demand, max", "% inc.", (1e-6, None), (1e-6, None)),
    "top_mass": ("mass at the top node", "share", (1e-4, None), (1e-4, None)),
    "resource_gap": ("goods that do not add up", "% of Y", (1e-6, None), (1e-6, None)),
}
BAR_SETS = {
    "standard": {name: bars for name, (_, _, bars, _) in _JUDGED.items()},
    "quick": {name: bars for name, (_, _, _, bars) in _JUDGED.items()},
}
# shown beside the reference, without a bar of their own
_MOMENTS = {
    "welfare_gap": ("welfare lost by its policy", "% cons."),
    "mean_K": ("mean of {K}", "goods"),
    "sd_K": ("sd of {K}", "goods"),
    "welfare": ("welfare, as consumption", "goods"),
    "wealth_sd": ("sd of wealth", "goods"),
    "gini": ("Gini of wealth", ""),
    "top10_share": ("share of the top 10 %", "share"),
    "top1_share": ("share of the top 1 %", "share"),
    "top01_share": ("share of the top 0.1 %", "share"),
    "wealth_q01": ("wealth, 1 %", "goods"),
    "wealth_q10": ("wealth, 10 %", "goods"),
    "wealth_q50": ("wealth, 50 %", "goods"),
    "wealth_q90": ("wealth, 90 %", "goods"),
    "wealth_q99": ("wealth, 99 %", "goods"),
    "wealth_q999": ("wealth, 99.9 %", "goods"),
}


KNOWN = "known."  # begins the measures of an economy's own answers, `Economy.known`


def measures_of(economy: Economy | None = None) -> dict[str, tuple[str, str]]:
    """measure -> (what it is, unit), in the words of an economy and with the answers that it knows in advance."""
    texts = {name: (text, unit) for name, (text, unit, _, _) in _JUDGED.items()} | _MOMENTS
    tracked, answers = (economy.tracked, economy.answers) if economy else ("K", {})
    told = {name: (text.format(K=tracked), unit) for name, (text, unit) in texts.items()}
    return {f"{KNOWN}{name}": said for name, said in answers.items()} | told


MEASURES = measures_of()
JUDGED = tuple(_JUDGED)  # those with a bar

Bars = Mapping[str, tuple[float, float | None]]  # measure -> (bar, goal)


def bars_of(name: str, own: Mapping[str, list] | None = None) -> Bars:
    """A set of bars by its name, with an economy's own in place of some.

    Args:
        own: measure -> [bar] or [bar, goal].

    Raises:
        InputError: no such set, no such measure, or a bar that is not a positive number.
    """
    require(name in BAR_SETS, f"verdict.bars: expected {' or '.join(BAR_SETS)}, got {show(name)}")
    bars = dict(BAR_SETS[name])
    for measure, pair in (own or {}).items():
        require(
            measure in bars or measure.startswith(KNOWN),
            f"verdict.own_bars: there is no measure {show(measure)} with a bar; there is {', '.join(bars)}, and "
            f"{KNOWN}<name> of an economy's known answers",
        )
        numbers = list(pair) if isinstance(pair, list | tuple) else [pair]
        require(
            len(numbers) in (1, 2) and all(type(x) in (int, float) and 0 < x < math.inf for x in numbers),
            f"verdict.own_bars.{measure}: expected a bar, or [bar, goal], positive numbers, got {show(pair)}",
        )
        bars[measure] = (float(numbers[0]), float(numbers[1]) if len(numbers) > 1 else None)
    return bars


def named(name: str, own: Mapping[str, list] | None = None) -> str:
    """What a table calls these bars."""
    return f"{name} bars" + (f", with the economy's own for {', '.join(own)}" if own else "")


@dataclass(frozen=True)
class Row:
    """One line of the verdict; `reference`, `error` (standard error of the value), `bar`, `goal`, `met` (the bar) and
    `reached` (the goal) are None where there is none.
    """

    measure: str
    description: str
    value: float
    error: float | None
    reference: float | None
    unit: str
    bar: float | None
    goal: float | None
    met: bool | None
    reached: bool | None


def judge(
    measures: dict[str, float],
    bars: Bars,
    reference: dict[str, float] | None = None,
    errors: dict[str, float] | None = None,
    economy: Economy | None = None,
) -> list[Row]:
    """The measures against bar and goal, each beside the reference's on the same shocks.

    Args:
        errors: standard errors of moments.
        economy: in whose words measures are told, and whose known answers are among them. Where goods do not add up in
            it as it is stated, they have no bar.
    """
    beside, errors, unbalanced = reference or {}, errors or {}, economy.unbalanced() if economy else ""
    rows = []
    told = measures_of(economy)
    told |= {name: (name.removeprefix(KNOWN), "") for name in measures if name.startswith(KNOWN) and name not in told}
    for name, (text, unit) in told.items():
        value = measures.get(name)
        if (
            value is None
            or name in _MOMENTS
            and not math.isfinite(value)
            or name == "resource_gap"
            and math.isnan(value)
        ):
            continue
        bar, goal = bars.get(name, (None, None)) if not (name == "resource_gap" and unbalanced) else (None, None)
        error = errors.get(name, math.nan)
        rows.append(
            Row(
                name,
                text,
                value,
                error if math.isfinite(error) else None,
                beside.get(name),
                unit,
                bar,
                goal,
                None if bar is None else abs(value) < bar,
                None if goal is None else abs(value) < goal,
            )
        )
    return rows


def bar_met(rows: list[Row]) -> bool:
    """Whether something was held against a bar, and nothing misses it."""
    met = [row.met for row in rows if row.met is not None]
    return bool(met) and all(met)
