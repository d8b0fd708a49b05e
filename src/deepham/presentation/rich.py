"""What a notebook shows of a solution: its calibration, what was measured of it, and how to go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

CELL = "text-align: left; padding: 0.1em 1em 0.1em 0"


def table(title: str, rows: Iterable[tuple[str, ...]]) -> str:
    """A table in HTML, one row per tuple of texts, which are escaped."""
    cells = [[f'<td style="{CELL}">{escape(text)}</td>' for text in row] for row in rows]
    lines = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    return f'<table><caption style="text-align: left"><b>{escape(title)}</b></caption><tbody>{lines}</tbody></table>'


def solution_html(
    name: str,
    period: str,
    calibration: Mapping[str, tuple[str, str]],
    measures: Mapping[str, str],
    questions: Iterable[str],
) -> str:
    """A solution in HTML.

    Args:
        name, period: of the economy, and what one of its periods is.
        calibration: value and meaning of each parameter.
        measures: each measure with its unit.
        questions: lines of Python that ask the solution something.
    """
    asked = "\n".join(escape(line) for line in questions)
    return (
        f"<p>Solution of <b>{escape(name)}</b>; one period is a {escape(period)}.</p>"
        + table("Calibration", ((key, value, meaning) for key, (value, meaning) in calibration.items()))
        + table("Measures", measures.items() if measures else [("none were taken", "errors() takes them")])
        + f"<p><b>Ask it</b></p><pre>{asked}</pre>"
    )
