"""The verdict, and the measures of several runs, as tables: for the terminal and for files."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from deepham.algorithm.by_wealth import WealthBin
from deepham.measures.verdict import MEASURES, Row
from deepham.presentation.file_table import FileTable

HEADINGS = ("measure", "value", "s.e.", "grid", "unit", "bar", "goal", "met")


def _cells(row: Row) -> tuple[str, ...]:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.3g}" if abs(value) < 10 else f"{value:.4g}"

    error = "" if row.error is None else f"{row.error:.1g}"
    return (
        row.description,
        number(row.value),
        error,
        number(row.reference),
        row.unit,
        number(row.bar),
        number(row.goal),
        _met(row),
    )


def _met(row: Row) -> str:
    """How far the measure gets: to the goal, to the bar, or not even there."""
    return "goal" if row.met and row.reached else {True: "bar", False: "NO", None: ""}[row.met]


def verdict_table(rows: list[Row], title: str) -> Table:
    """For the terminal, 80 columns wide at most."""
    table = Table(title=Text(title), title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=0)
    for heading in HEADINGS:
        table.add_column(
            heading, justify="right" if heading in ("value", "s.e.", "grid", "bar", "goal") else "left", no_wrap=True
        )
    for row in rows:
        table.add_row(*_cells(row))
    return table


def advice(rows: list[Row]) -> str | None:
    """What to change where the wealth grid ends too low for what the verdict says; None where it does not."""
    if not any(row.measure == "top_mass" and row.met is False for row in rows):
        return None
    setting = "reference.top" if any(row.reference is not None for row in rows) else "verdict.top"
    return (
        "too many households stand at the top node of the wealth grid, and moments are cut off there; "
        f"set {setting} higher"
    )


def verdict_file_table(rows: list[Row]) -> FileTable:
    """The verdict; at full precision with the measures' names."""
    return FileTable(
        HEADINGS,
        [_cells(row) for row in rows],
        "lrrrlrrl",
        ("name", *HEADINGS),
        [
            (row.measure, row.description, row.value, row.error, row.reference, row.unit, row.bar, row.goal, _met(row))
            for row in rows
        ],
    )


BIN_HEADINGS = (
    "households from, %",
    "to",
    "wealth from, goods",
    "to",
    "Euler, %",
    "signed",
    "Bellman, utils",
    "signed",
)


def by_wealth_file_table(bins: list[WealthBin]) -> FileTable:
    """Mean errors by wealth; at full precision with the fields' names."""
    return FileTable(
        BIN_HEADINGS,
        [_bin_cells(one) for one in bins],
        "r" * len(BIN_HEADINGS),
        tuple(asdict(bins[0])),
        [tuple(asdict(one).values()) for one in bins],
    )


def _bin_cells(one: WealthBin) -> tuple[str, ...]:
    return tuple(
        f"{x:.3g}"
        for x in (
            100 * one.low,
            100 * one.high,
            one.k_low,
            one.k_high,
            one.euler,
            one.euler_signed,
            one.bellman,
            one.bellman_signed,
        )
    )


Runs = dict[str, dict[str, float]]  # name of the run -> measure -> value


def runs_table(runs: Runs) -> Table:
    """Mean, standard deviation and range of each measure over the runs, for the terminal."""
    table = Table(
        title=f"{len(runs)} runs", title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0)
    )
    for heading in ("measure", "unit", "mean", "sd", "lowest", "highest"):
        table.add_column(heading, justify="left" if heading in ("measure", "unit") else "right", no_wrap=True)
    for name, unit, values in _by_measure(runs):
        table.add_row(name, unit, *(_brief(x, 3) for x in (*mean_sd(values), np.min(values), np.max(values))))
    return table


def runs_file_table(runs: Runs, spread: bool = True) -> FileTable:
    """A column per run and, with `spread`, the mean and the standard deviation of each measure over them."""
    headings = ("measure", "unit", *runs, *(("mean", "sd") if spread else ()))
    exact = [(name, unit, *values, *(mean_sd(values) if spread else ())) for name, unit, values in _by_measure(runs)]
    rows = [(name, unit, *(_brief(x, 4) for x in values)) for name, unit, *values in exact]
    return FileTable(headings, rows, "ll" + "r" * (len(headings) - 2), headings, exact)


def _brief(value: float, digits: int) -> str:
    return "" if value != value else f"{value:.{digits}g}"


def _by_measure(runs: Runs):
    """Description, unit and values of the measures that there are, in the order of the verdict; NaN for a run that
    lacks one, which then has no mean.
    """
    for name, (text, unit) in MEASURES.items():
        if any(name in measures for measures in runs.values()):
            yield text, unit, [measures.get(name, float("nan")) for measures in runs.values()]


def mean_sd(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation, NaN where there are too few numbers for one."""
    if not values:
        return float("nan"), float("nan")
    with np.errstate(invalid="ignore", over="ignore"):  # a run may lack a number, or have one that is hardly one
        return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
