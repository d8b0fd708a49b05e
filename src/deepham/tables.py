"""The verdict as a table: for the terminal, and as markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io

from rich.table import Table

from deepham.verdict import Row

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
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def verdict_csv(rows: list[Row]) -> str:
    """Full precision, with the measures' names."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("name", *HEADINGS))
    for row in rows:
        writer.writerow((row.measure, row.description, row.value, row.reference, row.unit, row.bar, row.met))
    return text.getvalue()


def verdict_latex(rows: list[Row]) -> str:
    """A tabular."""
    lines = [" & ".join(HEADINGS), *(" & ".join(_cells(row)) for row in rows)]
    body = " \\\\\n".join(line.replace("%", r"\%") for line in lines)
    return "\\begin{tabular}{lrrlrl}\n" + body + " \\\\\n\\end{tabular}\n"
