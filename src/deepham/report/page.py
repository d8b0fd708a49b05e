"""A report on disk: one page that opens offline, with its figures as PNG and PDF and its tables as text beside it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, PackageLoader
from matplotlib.figure import Figure

from deepham.presentation.figures import save_figures
from deepham.presentation.file_table import FileTable


@dataclass(frozen=True)
class Illustration:
    """A figure or a table, under the name of its file, with the sentence below it."""

    name: str
    content: Figure | FileTable
    caption: str

    @property
    def width(self) -> int:
        """Of a figure on the page, pixels: letters of one size in all of them."""
        assert isinstance(self.content, Figure)
        return round(80 * self.content.get_figwidth())


@dataclass
class Section:
    """A heading, what is said under it, and what is shown; `preformatted` is text whose line ends count."""

    title: str
    paragraphs: list[str] = field(default_factory=list)
    shown: list[Illustration] = field(default_factory=list)
    preformatted: str = ""

    @property
    def anchor(self) -> str:
        return self.title.lower().replace(" ", "-").replace(",", "")

    @property
    def figures(self) -> list[Illustration]:
        return [each for each in self.shown if isinstance(each.content, Figure)]

    @property
    def tables(self) -> list[Illustration]:
        return [each for each in self.shown if isinstance(each.content, FileTable)]


def write(folder: Path, title: str, subtitle: str, sections: list[Section]) -> Path:
    """Write report.html and everything beside it. Returns its path."""
    for section in sections:
        save_figures({each.name: each.content for each in section.shown if isinstance(each.content, Figure)}, folder)
        for each in section.shown:
            if isinstance(each.content, FileTable):
                each.content.write(folder, each.name)
    inline = {
        each.name: base64.b64encode((folder / f"{each.name}.png").read_bytes()).decode()
        for section in sections
        for each in section.figures
    }
    environment = Environment(
        loader=PackageLoader("deepham", "report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page = folder / "report.html"
    page.write_text(
        environment.get_template("page.html").render(title=title, subtitle=subtitle, sections=sections, inline=inline),
        encoding="utf-8",
    )
    return page
