"""Figures that stand in several places are those of repeated.yaml.

A page writes <!--grid.time-->35 s = 29 units<!--/-->, of which a reader sees 35 s = 29 units. The second figure is the
first over machine.unit, what the machine unit (benchmarks/unit.py) takes on the machine of the times. python
docs/building/repeated.py writes the values of repeated.yaml into all pages; a test says where one is another.
"""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
SECONDS = {"s": 1, "min": 60, "minutes": 60}
MARKED = re.compile(r"<!--([a-z]\w*\.\w+)-->(.*?)<!--/-->")


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def numbers() -> dict[str, str]:
    """Every value by its name, such as grid.time; times with what they are in machine units."""
    groups = yaml.safe_load((Path(__file__).parent / "repeated.yaml").read_text(encoding="utf-8"))
    known = {f"{group}.{key}": str(value) for group, keys in groups.items() for key, value in keys.items()}
    unit = seconds(known["machine.unit"])
    return {name: with_units(value, unit) if name.endswith(".time") else value for name, value in known.items()}


def seconds(time: str) -> float:
    """Of a time in words, such as 1 min 21 s."""
    return sum(float(number) * SECONDS[unit] for number, unit in re.findall(r"([\d.]+) (minutes|min|s)\b", time))


def with_units(time: str, unit: float) -> str:
    """A time in words, and in machine units of so many seconds."""
    return f"{time} = {seconds(time) / unit:,.0f} units"


def filled(text: str, known: dict[str, str]) -> str:
    return MARKED.sub(lambda found: f"<!--{found[1]}-->{known[found[1]]}<!--/-->", text)


if __name__ == "__main__":
    known = numbers()
    for path in pages():
        text = path.read_text(encoding="utf-8")
        if filled(text, known) != text:
            path.write_text(filled(text, known), encoding="utf-8")
