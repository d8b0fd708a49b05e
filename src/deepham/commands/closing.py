"""What a run says at its end."""

from __future__ import annotations

import io
import logging

import rich.console

from deepham.algorithm.ergodic import VerdictSettings
from deepham.measures.verdict import Row, named
from deepham.presentation.tables import advice, verdict_table
from deepham.runs.folders import RunFolders
from deepham.system.hardware import peak_memory

log = logging.getLogger("deepham")


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
    if unbalanced:
        log.info("goods do not add up: %s", unbalanced)
    if advice(rows):
        log.info("%s", advice(rows))
    log.info("solution, checkpoint, metrics.json  %s/", folders.checkpoints)
    log.info("TensorBoard, metrics.csv, log       %s/", folders.logs)
    log.info(
        "training %.0f s, verdict %.0f s, peak memory %.0f MB", seconds["training"], seconds["verdict"], peak_memory()
    )
