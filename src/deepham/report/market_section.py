"""The section on markets that clear within the period, of an economy that has such."""

from __future__ import annotations

from deepham.presentation.file_table import FileTable
from deepham.report import figures_markets
from deepham.report.page import Illustration, Section
from deepham.report.study import Study


def market_section(studies: list[Study]) -> Section | None:
    """None where no market has to clear, as where prices follow from the cross-section."""
    shown = [study for study in studies if study.markets]
    if not shown:
        return None
    economy = shown[0].solved.economy
    names = " and ".join(market.name for market in shown[0].markets)
    section = Section(
        "Markets that clear",
        [
            f"{names}: found within every {economy.period}, for the whole cross-section. A demand curve shows what "
            "households would choose at other values today alone, while they expect the markets of all later periods "
            "to clear: a solution may have the right price and a wrong curve."
        ],
        [
            Illustration(
                "schedules",
                figures_markets.schedules_figure(shown),
                "What is left of the condition of each market; dots: where it clears.",
            ),
            Illustration("schedules_table", _table(shown), "Where markets clear, and how steep the curves are there."),
            Illustration(
                "plans",
                figures_markets.plans_figure(shown[0]),
                f"{shown[0].label}: what households do at three values, today alone, by individual state.",
            ),
        ],
    )
    if not economy.chain.constant:
        caption = "On the same shocks, each with its own policy from the same start."
        section.shown.append(Illustration("prices", figures_markets.paths_figure(shown), caption))
    return section


def _table(studies: list[Study]) -> FileTable:
    headings = ("market", "cross-section", "solution", "clears at", "unit", "slope, percent per unit")
    exact = [
        (market.name, one.at, study.label, one.clears, market.unit, one.slope)
        for row, market in enumerate(studies[0].markets)
        for place in range(len(market.schedules))
        for study in studies
        for one in (study.markets[row].schedules[place],)
    ]
    rows = [(*titles, f"{clears:.5g}", unit, f"{slope:.4g}") for *titles, clears, unit, slope in exact]
    return FileTable(headings, rows, "lllrlr", headings, exact)
