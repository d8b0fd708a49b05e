"""What a measurement comes to, and how it is shown."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from statistics import median

from deepham.sheet import Sheet


@dataclass(frozen=True)
class Row:
    """The median of a measurement that was repeated.

    Attributes:
        part: of the benchmark.
        what: was measured.
        value: the median.
        unit: of the value.
        lowest, highest: of the repeats.
        repeats: how many.
        start_up: whether the start of the process (imports, configuration) is in it: "included", "excluded", or ""
            where the question does not arise.
        peak_memory_mb: of the process that was measured, None where it was not.
        note: what to know.
    """

    part: str
    what: str
    value: float
    unit: str
    lowest: float
    highest: float
    repeats: int
    start_up: str = ""
    peak_memory_mb: float | None = None
    note: str = ""

    @classmethod
    def of(
        cls,
        part: str,
        what: str,
        values: list[float],
        unit: str,
        start_up: str = "",
        peak: float | None = None,
        note: str = "",
    ) -> Row:
        return cls(part, what, median(values), unit, min(values), max(values), len(values), start_up, peak, note)


HEADINGS = ("part", "what", "median", "unit", "lowest", "highest", "repeats", "start-up", "MB", "note")


def sheet(rows: list[Row]) -> Sheet:
    """All of it, for markdown, CSV and LaTeX."""
    exact = [astuple(row) for row in rows]
    return Sheet(
        HEADINGS,
        [tuple(map(_cell, row)) for row in exact],
        "llrlrrrlrl",
        tuple(each.name for each in fields(Row)),
        exact,
    )


def number(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


def _cell(value: str | float | None) -> str:
    return "" if value is None else value if isinstance(value, str) else number(value)
