"""A table as text in four forms: markdown, CSV at full precision, LaTeX, and cells for a page."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from html.entities import name2codepoint
from pathlib import Path

# Greek letters that LaTeX has a command for; it takes the others from the Latin ones
COMMANDS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
).split()
GREEK = (
    {chr(name2codepoint[name]): f"$\\{name}$" for name in COMMANDS}
    | {"ς": r"$\varsigma$", "ο": "$o$"}
    | dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧ", "ABEZHIKMNOPTX"))
)
# what LaTeX reads as a command, and symbols that its fonts lack
LATEX = GREEK | {
    "%": r"\%",
    "_": r"\_",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"$\mid$",
    "<": "$<$",
    ">": "$>$",
    "→": r"$\to$",
    "−": "$-$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "×": r"$\times$",
    "∞": r"$\infty$",
}
FORMULA = ("=", "+", "-", "@")  # what a spreadsheet takes for the beginning of one
NUMBER = re.compile(r"[-+]?([\d.]+(e[-+]?\d+)?|inf)( \([\d.e+-]+\))?")  # alone, or a mean with its standard deviation


@dataclass(frozen=True)
class FileTable:
    """Headings and rows for reading, and for computing on.

    Attributes:
        headings, rows: cells as text.
        exact_headings, exact_rows: the same at full precision, for CSV; those for reading where there is nothing more.
        align: a letter a column, l or r, as LaTeX has it.
    """

    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]
    align: str
    exact_headings: tuple[str, ...] = ()
    exact_rows: list[tuple] | None = None

    def markdown(self) -> str:
        """A GitHub table."""
        lines = [self.headings, ("---",) * len(self.headings), *self.rows]
        return (
            "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"
        )

    def csv(self) -> str:
        """A cell of text that a spreadsheet would compute has an apostrophe before it; numbers stay as they are."""
        text = io.StringIO()
        writer = csv.writer(text)
        for line in (
            self.exact_headings or self.headings,
            *(self.rows if self.exact_rows is None else self.exact_rows),
        ):
            writer.writerow(map(_no_formula, line))
        return text.getvalue()

    def latex(self) -> str:
        """A tabular."""
        body = " \\\\\n".join(map(_latex_row, (self.headings, *self.rows)))
        return f"\\begin{{tabular}}{{{self.align}}}\n{body} \\\\\n\\end{{tabular}}\n"

    def write(self, folder: Path, name: str) -> None:
        """<name>.md, .csv and .tex in the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for ending, text in (("md", self.markdown()), ("csv", self.csv()), ("tex", self.latex())):
            (folder / f"{name}.{ending}").write_text(text, encoding="utf-8", errors="backslashreplace")


def _latex_row(cells: tuple[str, ...]) -> str:
    row = " & ".join("".join(LATEX.get(letter, letter) for letter in cell) for cell in cells)
    # the end of the row before would take a bracket for its own argument, and a star for its own
    return f"{{}}{row}" if row.lstrip().startswith(("[", "*")) else row


def _no_formula(cell):
    harmless = not isinstance(cell, str) or len(cell) == 1 or not cell.startswith(FORMULA) or NUMBER.fullmatch(cell)
    return cell if harmless else f"'{cell}"
