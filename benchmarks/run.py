"""The benchmark from the command line: measure, show, write."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import torch
from omegaconf import DictConfig

from benchmarks.parts import PARTS
from benchmarks.rows import number, sheet
from benchmarks.settings import read
from deepham.errors import InputError
from deepham.files import write_json
from deepham.saying import say
from deepham.training.terminal import cpu_name, machine


def run(cfg: DictConfig) -> int:
    """Measure every part that is asked for, and write tables, JSON and figures. Returns the number of rows.

    Raises:
        InputError: bad input.
        ProcessLost, NotConverged: a measurement did not come to its end.
    """
    settings = read(cfg)
    output = Path(cfg.output or f"logs/benchmark-{datetime.now():%Y%m%d-%H%M%S}")
    about = describe(settings.gpus)
    say(", ".join(f"{name} {value}" for name, value in about.items()))
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"output: cannot write in {output}: {error.strerror}; choose another folder with output=..."
        ) from error
    began, rows = time.perf_counter(), []
    for part in settings.parts:
        for row in PARTS[part](settings, output):
            rows.append(row)
            spread = f"  ({number(row.lowest)} to {number(row.highest)})" if row.repeats > 1 else ""
            say(f"{time.perf_counter() - began:5.0f} s  {row.what:<66} {number(row.value):>7} {row.unit}{spread}")
        # after every part: an hour's measurements are not lost with the last
        write_json(
            output / "benchmark.json",
            {"machine": about, "settings": asdict(settings), "rows": [asdict(row) for row in rows]},
        )
        sheet(rows).write(output, "benchmark")
    say(f"{output}/benchmark.json, .md, .csv, .tex")
    return len(rows)


def describe(gpus: int) -> dict[str, str]:
    """The machine, the versions, the date, and how busy the machine is as the benchmark begins."""
    hardware = torch.cuda.get_device_name(0) if gpus else cpu_name(1)
    load = f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"
    return machine(hardware) | {
        "torch": torch.__version__,
        "load": load,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
