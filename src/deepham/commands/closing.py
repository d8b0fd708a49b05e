"""What a run says at its end, and writes of how it went."""

from __future__ import annotations

import io
import logging
import shlex
import sys
from dataclasses import asdict
from typing import Any

import rich.console

from deepham.algorithm.business_cycle import Moments
from deepham.algorithm.ergodic import VerdictSettings
from deepham.callbacks.history import History
from deepham.commands.conclusion import Conclusion
from deepham.commands.resuming import program
from deepham.measures.verdict import Row, bar_met, named
from deepham.presentation.tables import advice, verdict_table
from deepham.runs.folders import RunFolders
from deepham.system.hardware import machine, peak_memory
from deepham.training.settings import Settings, device_name

log = logging.getLogger("deepham")
LONGEST_HISTORY = 2000  # outer iterations that meta.json shows; metrics.csv has all


def say_results(
    rows: list[Row], folders: RunFolders, seconds: dict[str, float], verdict: VerdictSettings, unbalanced: str
) -> None:
    """The verdict, what it misses, why goods do not add up if they do not, and where everything lies."""
    text = io.StringIO()
    title = f"Verdict on {folders.name}, measured in the continuum against the {named(verdict.bars, verdict.own_bars)}"
    table = verdict_table(rows, title)
    rich.console.Console(file=text, width=100, markup=False, emoji=False).print(table)
    log.info("%s", text.getvalue().rstrip())
    missed = [row.description for row in rows if row.met is False]
    if missed:
        log.info("THE BAR IS MISSED by: %s", "; ".join(missed))
    elif any(row.met for row in rows):
        log.info("every bar is met")
    if unbalanced:
        log.info("goods do not add up: %s", unbalanced)
    if advice(rows):
        log.info("%s", advice(rows))
    log.info("solution, checkpoint, metrics.json  %s/", folders.checkpoints)
    log.info("TensorBoard, metrics.csv, log       %s/", folders.logs)
    log.info(
        "training %.0f s, verdict %.0f s, peak memory %.0f MB", seconds["training"], seconds["verdict"], peak_memory()
    )


def origin(history: History, seconds: dict[str, float], settings: Settings) -> dict[str, Any]:
    """What meta.json says of how a solution was made."""
    columns = history.columns(LONGEST_HISTORY)
    made = {"command": shlex.join([*program(), *sys.argv[1:]]), "seconds": seconds, "peak_memory_mb": peak_memory()}
    return {
        "history": {name: [None if x is None else float(f"{x:.6g}") for x in each] for name, each in columns.items()},
        "made_by": made | machine(device_name(settings.trainer)),
    }


def metrics_of(
    settings: Settings,
    folders: RunFolders,
    end: Conclusion,
    rows: list[Row],
    seconds: dict[str, float],
    went: dict[str, Any],
) -> dict[str, Any]:
    """What metrics.json says of a run that has ended; went: how its training did."""
    return {
        "run": folders.name,
        "measures": end.measures,
        "standard_errors": end.errors,
        "reference": end.beside,
        "cycle": _by_name(end.cycle),
        "cycle_reference": end.cycle_beside and _by_name(end.cycle_beside),
        "bars": settings.verdict.bars,
        "bar_met": bar_met(rows),
        "missed": [row.measure for row in rows if row.met is False],
        "unbalanced": settings.economy.unbalanced(),
        **went,
        "seconds": seconds,
        "peak_memory_mb": peak_memory(),
        "verdict": [vars(row) for row in rows],
        "verdict_settings": asdict(settings.verdict),
    }


def _by_name(cycle: list[Moments]) -> dict[str, dict]:
    return {one.name: asdict(one) for one in cycle}
