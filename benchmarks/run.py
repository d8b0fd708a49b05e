"""The benchmark from the command line: measure, show, write."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import torch
from omegaconf import DictConfig

from benchmarks.parts import PARTS
from benchmarks.rows import number, sheet
from benchmarks.settings import read
from benchmarks.unit import machine_unit
from deepham.errors import InputError
from deepham.presentation.saying import say
from deepham.system.files import write_json
from deepham.system.hardware import cpu_name, machine


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
    began, rows, units = time.perf_counter(), [], []
    for part in settings.parts:
        if not settings.gpus:
            # before each part: the machine may be busier by then
            units.append(machine_unit())
            say(f"{time.perf_counter() - began:5.0f} s  {'machine unit':<66} {number(units[-1]):>7} s")
            about["machine_unit"] = f"{number(median(units))} s"
        for row in PARTS[part](settings, output):
            rows.append(row := row.beside(units[-1] if units else None))
            spread = f"  ({number(row.lowest)} to {number(row.highest)})" if row.repeats > 1 else ""
            own = "" if row.machine_units is None else f"  {number(row.machine_units)} units"
            say(f"{time.perf_counter() - began:5.0f} s  {row.what:<66} {number(row.value):>7} {row.unit}{own}{spread}")
        # after every part: an hour's measurements are not lost with the last
        write_json(
            output / "benchmark.json",
            {
                "machine": about,
                "machine_units": units,
                "settings": asdict(settings),
                "rows": [asdict(row) for row in rows],
            },
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
