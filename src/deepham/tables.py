"""Tables for the terminal."""

from __future__ import annotations

from rich.table import Table

from deepham.verdict import Row


def verdict_table(rows: list[Row], title: str) -> Table:
    """Measure, value, bar, met or not."""
    table = Table(title=title, title_justify="left")
    table.add_column("measure")
    table.add_column("value", justify="right")
    table.add_column("unit")
    table.add_column("bar")
    table.add_column("met")
    for row in rows:
        met = {True: "yes", False: "NO", None: ""}[row.met]
        table.add_row(row.description, f"{row.value:.4g}", row.unit, row.bar, met)
    return table
