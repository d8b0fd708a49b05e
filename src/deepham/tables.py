"""The verdict, and the measures of several runs, as tables: for the terminal, as markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from statistics import fmean, stdev

from rich.table import Table

from deepham.verdict import BARS, MOMENTS, Row

HEADINGS = ("measure", "value", "grid", "unit", "bar", "met")


def _cells(row: Row) -> tuple[str, ...]:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.4g}"

    met = {True: "yes", False: "NO", None: ""}[row.met]
    return row.description, number(row.value), number(row.reference), row.unit, number(row.bar), met


def verdict_table(rows: list[Row], title: str) -> Table:
    """For the terminal."""
    table = Table(title=title, title_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in ("value", "grid", "bar") else "left")
    for row in rows:
        table.add_row(*_cells(row))
    return table


def verdict_markdown(rows: list[Row]) -> str:
    """A GitHub table."""
    return _markdown(HEADINGS, map(_cells, rows))


def verdict_csv(rows: list[Row]) -> str:
    """Full precision, with the measures' names."""
    return _csv(("name", *HEADINGS), (
        (row.measure, row.description, row.value, row.reference, row.unit, row.bar, row.met) for row in rows))


def verdict_latex(rows: list[Row]) -> str:
    """A tabular."""
    return _latex(HEADINGS, map(_cells, rows), "lrrlrl")


Runs = dict[str, dict[str, float]]  # name of the run -> measure -> value


def runs_table(runs: Runs) -> Table:
    """Mean, standard deviation and range of each measure over the runs, for the terminal."""
    table = Table(title=f"{len(runs)} runs", title_justify="left")
    for heading in ("measure", "unit", "mean", "sd", "lowest", "highest"):
        table.add_column(heading, justify="left" if heading in ("measure", "unit") else "right")
    for name, unit, values in _by_measure(runs):
        table.add_row(name, unit, *(f"{x:.4g}" for x in (*_mean_sd(values), min(values), max(values))))
    return table


def runs_markdown(runs: Runs) -> str:
    """A GitHub table with a column per run, the mean and the standard deviation."""
    return _markdown(*_runs_cells(runs))


def runs_csv(runs: Runs) -> str:
    """Full precision."""
    return _csv(("measure", "unit", *runs, "mean", "sd"), (
        (name, unit, *values, *_mean_sd(values)) for name, unit, values in _by_measure(runs)))


def runs_latex(runs: Runs) -> str:
    """A tabular with a column per run, the mean and the standard deviation."""
    return _latex(*_runs_cells(runs), "ll" + "r" * (len(runs) + 2))


def _runs_cells(runs: Runs):
    rows = [(name, unit, *(f"{x:.4g}" for x in (*values, *_mean_sd(values)))) for name, unit, values in _by_measure(runs)]
    return ("measure", "unit", *runs, "mean", "sd"), rows


def _by_measure(runs: Runs):
    """Description, unit and values of the measures that every run has, in the order of the verdict."""
    described = {name: (text, unit) for name, (text, unit, _) in BARS.items()} | MOMENTS
    for name, (text, unit) in described.items():
        if all(name in measures for measures in runs.values()):
            yield text, unit, [measures[name] for measures in runs.values()]


def _mean_sd(values: list[float]) -> tuple[float, float]:
    return fmean(values), stdev(values) if len(values) > 1 else float("nan")


def _markdown(headings, rows) -> str:
    lines = [headings, ("---",) * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _csv(headings, rows) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(headings)
    writer.writerows(rows)
    return text.getvalue()


def _latex(headings, rows, columns: str) -> str:
    body = " \\\\\n".join(" & ".join(line).replace("%", r"\%").replace("_", r"\_") for line in (headings, *rows))
    return f"\\begin{{tabular}}{{{columns}}}\n{body} \\\\\n\\end{{tabular}}\n"
