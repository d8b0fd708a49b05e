"""Figures that stand in several places are those of repeated.yaml.

A page writes <!--grid.time-->35 s<!--/-->, of which a reader sees 35 s. python docs/building/repeated.py writes the
values of repeated.yaml into all pages; a test says where one is another.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
MARKED = re.compile(r"<!--([a-z]\w*\.\w+)-->(.*?)<!--/-->")


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def numbers() -> dict[str, str]:
    """Every value by its name, such as grid.time."""
    groups = yaml.safe_load((Path(__file__).parent / "repeated.yaml").read_text(encoding="utf-8"))
    return {f"{group}.{key}": str(value) for group, keys in groups.items() for key, value in keys.items()}


def filled(text: str, known: dict[str, str]) -> str:
    return MARKED.sub(lambda found: f"<!--{found[1]}-->{known[found[1]]}<!--/-->", text)


if __name__ == "__main__":
    known = numbers()
    for path in pages():
        text = path.read_text(encoding="utf-8")
        if filled(text, known) != text:
            path.write_text(filled(text, known), encoding="utf-8")
