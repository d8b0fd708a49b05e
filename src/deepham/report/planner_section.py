"""The section of a report that holds a planner against the market: their economies, the way from one to the other, who
gains."""

from __future__ import annotations

import math

import numpy as np

from deepham.economics.economy import Economy
from deepham.presentation.file_table import FileTable
from deepham.report import figures_of_studies as figures
from deepham.report.page import Illustration, Section
from deepham.report.study import Study
from deepham.report.takeover import Estimate, Takeover
from deepham.solution.welfare import GROUPS

# of `report.takeover.statistics`: what it is, unit
STATISTICS = {
    "K": ("capital K", "goods"),
    "Y": ("output Y", "goods"),
    "K/Y": ("K / Y", "{period}s"),
    "r": ("net return r", "percent per {period}"),
    "cv": ("wealth, coefficient of variation", ""),
    "gini": ("wealth, Gini", ""),
    "C_cv": ("consumption, coefficient of variation", ""),
    "C_gini": ("consumption, Gini", ""),
    "externality": ("D, over mean marginal utility", "percent per {period}"),
}


def planner_section(studies: list[Study], takeover: Takeover | None) -> Section | None:
    """None where no economy on the page states a planner's problem."""
    shown = [study for study in studies if study.statistics]
    if not shown:
        return None
    economy = shown[0].solved.economy
    section = Section(
        "Market and planner",
        [
            "A planner that cannot redistribute tells households how much to save, and counts all of them alike. Its "
            "condition is a household's with one more term, D: what one more unit of capital a head is worth to all "
            "households by the prices that it moves. D is shown over the mean marginal utility, so that it compares "
            f"with a return: percent a {economy.period}. In the market nobody counts it."
        ],
        [
            Illustration(
                "planner_statistics",
                _statistics_file_table(shown),
                "Means over time; dispersion is that across households "
                "within a period. In brackets standard errors over panels, whose aggregates are those of their few "
                "households.",
            )
        ],
    )
    if economy.chain.n_z > 1:
        section.shown.append(
            Illustration(
                "externality",
                figures.externality_figure(shown),
                "D along the simulated path, by the aggregate state, against capital.",
            )
        )
    if takeover is None:
        section.paragraphs.append(
            "Who gains is shown where a market's and a planner's solution of one calibration are on the "
            "page: compare=[checkpoints/<the other>]."
        )
        return section
    section.paragraphs += _in_words(takeover, economy)
    section.shown += _illustrations(takeover, economy)
    return section


def _illustrations(takeover: Takeover, economy: Economy) -> list[Illustration]:
    """Of the way to the planner's capital, and of who gains by it."""
    return [
        Illustration(
            "takeover",
            figures.takeover_figure(takeover, economy),
            "Capital and D after the change and without it: "
            "mean over the paths of the aggregate shock, and, thin, the first of them.",
        ),
        Illustration(
            "gains",
            figures.gains_figure(takeover, economy),
            "What the planner has households do in the first period, and what they gain over their lives.",
        ),
        Illustration(
            "gains_table",
            _gains_file_table(takeover, economy),
            "Gains in percent of consumption, for ever, between "
            "quantiles of wealth; in brackets standard errors over paths of the aggregate shock.",
        ),
    ]


def _in_words(takeover: Takeover, economy: Economy) -> list[str]:
    before, after = takeover.market, takeover.planner
    errors = "; ".join(
        f"{mean:.2f} and {p99:.1f} in {economy.period} {t}" for t, (mean, p99) in takeover.errors.items()
    )
    return [
        f"{after} takes over what {before} has left: households, with their wealth and incomes, are those of the "
        f"market's ergodic cross-sections, and from today on save as the planner tells them, on the same aggregate "
        f"shocks. Gains are the percent by which consumption in the market would have to rise, for ever, to make a "
        f"household as well off; the way to the planner's capital is part of them, the premium on assets is not.",
        f"Over all households the gain is {_percent(takeover.mean)} on average, and {_percent(takeover.gaining, 100)} "
        f"of them gain. The mean of all households' utility, which is what the planner maximises, rises by as much as "
        f"{_percent(takeover.veil)} of everybody's consumption would raise it.",
        "Error of the planner's condition along the way on the first path, mean and 99th percentile, in percent of "
        f"consumption: {errors}.",
    ]


def _statistics_file_table(shown: list[Study]) -> FileTable:
    economy = shown[0].solved.economy
    columns = {
        f"{study.label}, {population}": found for study in shown for population, found in study.statistics.items()
    }
    rows, exact = [], []
    for name in next(iter(columns.values())):
        kind, _, state = name.partition(", ")
        text, unit = STATISTICS[kind]
        unit = unit.format(period=economy.period)
        rows.append(
            (f"{text}, z {state}" if state else text, unit, *(_cell(*found[name]) for found in columns.values()))
        )
        exact.append((name, unit, *(x for found in columns.values() for x in found[name])))
    return FileTable(
        ("", "unit", *columns), rows, "ll" + "r" * len(columns), ("name", "unit", *_with_errors(columns)), exact
    )


def _gains_file_table(takeover: Takeover, economy: Economy) -> FileTable:
    """A row a group of households by wealth: mean gains by individual state and of all, and how many gain."""
    names = economy.names_of(economy.individual_shock, economy.chain.n_eps)
    described, gains = (
        ("households by wealth, %", "mean wealth, goods"),
        (*(f"{name} income" for name in names), "all", "gaining, %"),
    )

    def both(part: str) -> np.ndarray:
        """Values or standard errors of everything, (groups + 1, n_eps + 2)."""
        of = {
            name: getattr(getattr(takeover, name), part)
            for name in ("groups", "by_state", "mean", "winners", "gaining")
        }
        together = np.vstack([of["groups"], [*of["by_state"], of["mean"]]])
        return np.column_stack([together, 100 * np.append(of["winners"], of["gaining"])])

    levels = [*(f"{100 * low:g}-{100 * high:g}" for low, high in GROUPS), "all"]
    wealth = [*takeover.wealth.tolist(), float((takeover.mass * takeover.k).sum())]
    lines = list(zip(levels, wealth, both("value").tolist(), both("se").tolist()))
    rows = [
        (level, f"{k:.4g}", *(_cell(*each, ".3g") for each in zip(values, errors)))
        for level, k, values, errors in lines
    ]
    exact = [(level, k, *(x for each in zip(values, errors) for x in each)) for level, k, values, errors in lines]
    return FileTable(
        (*described, *gains), rows, "l" + "r" * (len(gains) + 1), (*described, *_with_errors(gains)), exact
    )


def _with_errors(names) -> tuple[str, ...]:
    """Headings of values and their standard errors in turn."""
    return tuple(f"{name}{part}" for name in names for part in ("", ", s.e."))


def _cell(value: float, error: float, form: str = ".4g") -> str:
    if math.isnan(value):
        return ""
    return f"{value:{form}} ({error:.1g})" if error > 1e-9 else f"{value:{form}}"


def _percent(estimate: Estimate, factor: float = 1) -> str:
    error = "" if math.isnan(estimate.se) else f" (s.e. {factor * estimate.se:.2g})"
    return f"{factor * estimate.value:.2f}{error} %"
