"""A solution in words: what `Solution.summary` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import cached_property
from typing import Any, Protocol

from torch import Tensor

from deepham.economics.box import Box
from deepham.economics.economy import Economy
from deepham.errors import printable, show
from deepham.presentation.labels import labelled
from deepham.simulation.population import Population

# by the beginning of a measure's name, the first that fits
MEASURE_UNITS = {
    "euler": "percent of consumption",
    "bellman": "utils",
    "path_gap": "percent",
    "mean_K_gap": "percent",
    "wealth_sd_gap": "percent",
    "gini_gap": "percent",
    "top10_share_gap": "percent",
    "top1_share_gap": "percent",
    "resource_gap": "percent of output",
    "top": "share",
    "bottom": "share",
    "welfare_gap": "percent of consumption",
    "wealth_w1": "percent of mean wealth",
    "gini": "share",
    "top_mass": "share",
    "mean_K": "goods",
    "sd_K": "goods",
    "welfare": "goods",
    "wealth": "goods",
    "seconds": "seconds",
}
APART = ("measures", "standard_errors", "history", "digests", "algorithm", "made_by")  # of meta: not line by line
FIELD = 32  # characters of a value, which a meaning stands behind


class Kept(Protocol):
    """What is put into words; see Solution."""

    name: str
    economy: Economy
    network: dict
    meta: dict[str, Any]
    box: Box | None
    grid: Tensor
    z: Tensor

    @cached_property
    def ergodic(self) -> Population: ...
    @property
    def calibration(self) -> dict: ...


def summary(solution: Kept) -> str:
    """Economy, calibration, networks, distribution, how it was made, and the measures as a table."""
    economy, meta = solution.economy, solution.meta
    meanings = {each.name: str(each.metadata.get("meaning", "")) for each in fields(economy)}
    capital = solution.ergodic.mean(solution.ergodic.k)[:, 0].tolist()
    names = (label for label, _, _ in labelled(economy, solution.z))
    means = ", ".join(f"{mean:.4g} ({label})" for label, mean in zip(names, capital))
    parts = {
        "calibration": _columns((name, brief(x), meanings.get(name, "")) for name, x in solution.calibration.items()),
        **({"box": [str(solution.box)]} if solution.box else {}),
        "networks": _columns(
            (name, show(x) if isinstance(x, list) else str(x)) for name, x in solution.network.items() if x
        ),
        "ergodic distribution": _columns(
            [
                ("mean wealth", f"{means} goods"),
                ("grid", f"{len(solution.grid)} nodes from {solution.grid[0]:g} to {solution.grid[-1]:.4g} goods"),
            ]
        ),
        "made with": _columns(_made(meta)),
        "measures": _measures(meta.get("measures") or {}, meta.get("standard_errors") or {}),
    }
    lines = [f"Solution of {solution.name}; one period is a {economy.period}"]
    for title, rows in parts.items():
        lines += ["", title, *(f"  {row}" for row in rows)]
    return "\n".join(map(printable, lines))


def brief(value) -> str:
    """A parameter in one short line, its numbers to six digits; `Solution.calibration` has all of them."""
    return show(_rounded(value))


def _rounded(value):
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def with_unit(name: str, value) -> str:
    """A measure and its unit."""
    return f"{value:.6g} {_unit(name)}".rstrip() if isinstance(value, int | float) else str(value)


def _unit(name: str) -> str:
    return next((unit for start, unit in MEASURE_UNITS.items() if name.startswith(start)), "")


def _made(meta: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    algorithm, made = (found if isinstance(found := meta.get(name), dict) else {} for name in ("algorithm", "made_by"))
    if algorithm:
        sizes = [str(algorithm.get(name, "?")) for name in ("outer_iterations", "policy_steps")]
        yield "algorithm", f"{algorithm.get('name')}, {sizes[0]} x {sizes[1]} updates"
    for name, value in meta.items():
        if name not in APART:
            yield name, value if isinstance(value, str) else show(value)
    for name, value in made.items():
        if name == "seconds" and isinstance(value, dict):
            yield name, ", ".join(f"{what} {seconds:.0f}" for what, seconds in value.items())
        else:
            yield name, value if isinstance(value, str) else f"{value:.0f}" if isinstance(value, float) else show(value)


def _measures(measures: Mapping[str, Any], errors: Mapping[str, Any]) -> list[str]:
    if not measures:
        return ["none were taken; errors() takes them"]
    rows = [("", "value", "s.e.", "unit")]
    for name, value in measures.items():
        error = errors.get(name)
        known = isinstance(error, float) and error == error
        number = f"{value:.6g}" if isinstance(value, int | float) else str(value)
        rows.append((name, number, f"{error:.1g}" if known else "", _unit(name)))
    return _columns(rows)


def _columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Lines in which the entries of a column begin below each other, unless one before them is long."""
    rows = list(rows)
    widths = [min(FIELD, max(map(len, column))) for column in zip(*rows)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]
