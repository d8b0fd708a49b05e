"""A table as text in four forms: markdown, CSV at full precision, LaTeX, and cells for a page."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from html.entities import codepoint2name
from pathlib import Path

# what LaTeX reads as a command, and symbols that its fonts lack
LATEX = {"%": r"\%", "_": r"\_", "&": r"\&", "#": r"\#", "$": r"\$", "|": r"$\mid$", "→": r"$\to$"}


@dataclass(frozen=True)
class Sheet:
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
        return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines) + "\n"

    def csv(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(self.exact_headings or self.headings)
        writer.writerows(self.rows if self.exact_rows is None else self.exact_rows)
        return text.getvalue()

    def latex(self) -> str:
        """A tabular."""
        body = " \\\\\n".join(" & ".join(map(_latex, line)) for line in (self.headings, *self.rows))
        return f"\\begin{{tabular}}{{{self.align}}}\n{body} \\\\\n\\end{{tabular}}\n"

    def write(self, folder: Path, name: str) -> None:
        """<name>.md, .csv and .tex in the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        for ending, text in (("md", self.markdown()), ("csv", self.csv()), ("tex", self.latex())):
            (folder / f"{name}.{ending}").write_text(text, encoding="utf-8", errors="backslashreplace")


def _latex(cell: str) -> str:
    greek = re.sub(r"[\u0370-\u03ff]", lambda found: f"$\\{codepoint2name[ord(found[0])]}$", cell)
    kept = re.split(r"(\$\\\w+\$)", greek)  # symbols just made are LaTeX already
    return "".join(part if part.startswith("$\\") and part.endswith("$") else "".join(LATEX.get(c, c) for c in part)
                   for part in kept)
