"""What a measurement comes to, and how it is shown."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields, replace
from statistics import median

from benchmarks.unit import in_units
from deepham.presentation.file_table import FileTable


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
        machine_units: the median over what the machine unit took beside it (benchmarks/unit.py); None of what is no
            time, and of times on a GPU.
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
    machine_units: float | None = None

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

    def beside(self, unit_seconds: float | None) -> Row:
        """The same with its time in machine units, of which one takes so many seconds; None: as it is."""
        if unit_seconds is None:
            return self
        return replace(self, machine_units=in_units(self.value, self.unit, unit_seconds))


HEADINGS = ("part", "what", "median", "unit", "lowest", "highest", "repeats", "start-up", "MB", "note", "units")


def sheet(rows: list[Row]) -> FileTable:
    """All of it, for markdown, CSV and LaTeX."""
    exact = [astuple(row) for row in rows]
    return FileTable(
        HEADINGS,
        [tuple(map(_cell, row)) for row in exact],
        "llrlrrrlrlr",
        tuple(each.name for each in fields(Row)),
        exact,
    )


def number(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"


def _cell(value: str | float | None) -> str:
    return "" if value is None else value if isinstance(value, str) else number(value)
