"""One table over several runs, such as the seeds of a sweep: each run, mean and standard deviation."""

from __future__ import annotations

import glob
import json
from pathlib import Path

import rich
from omegaconf import DictConfig, ListConfig, OmegaConf

from deepham.economics.economy import require
from deepham.errors import InputError
from deepham.paths import check_folder
from deepham.tables import runs_sheet, runs_table


def run(cfg: DictConfig) -> int:
    """Print the table and write it as markdown, CSV and LaTeX. Returns the number of runs.

    Raises:
        InputError: no such runs, or runs that are not finished.
    """
    require(not OmegaConf.is_missing(cfg, "runs"), "runs: give a glob or a list of run folders")
    check_folder("output", cfg.output)
    runs = {folder.name: _measures(folder) for folder in _folders(cfg.runs)}
    output = Path(cfg.output)
    runs_sheet(runs).write(output, "runs")
    console = rich.get_console()
    console.print(runs_table(runs))
    console.print(f"{output}/runs.md, .csv, .tex", highlight=False)
    return len(runs)


def _folders(runs) -> list[Path]:
    patterns = [str(pattern) for pattern in runs] if isinstance(runs, ListConfig) else [str(runs)]
    folders = sorted({Path(path) for pattern in patterns for path in glob.glob(pattern) if Path(path).is_dir()
                      and Path(path).name != "reference"})
    require(bool(folders), f"runs: no folder matches {', '.join(patterns)}")
    names = [folder.name for folder in folders]
    twice = next((name for name in names if names.count(name) > 1), None)
    require(twice is None, f"runs: there are two folders called {twice}; give one of them")
    return folders


def _measures(folder: Path) -> dict[str, float]:
    """Of scripts/evaluate.py where the run was evaluated, else of the verdict at its end."""
    for name in ("evaluation.json", "metrics.json"):
        try:
            measures = json.loads((folder / name).read_text(encoding="utf-8"))["measures"]
            if not all(value is None or type(value) in (int, float) for value in measures.values()):
                raise TypeError("expected numbers")
            return {key: float("nan") if value is None else float(value) for key, value in measures.items()}
        except FileNotFoundError:
            continue
        # the last three: no mapping, numbers beyond those of a computer, lists within lists without end
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise InputError(f"runs: {folder / name} is damaged; expected a number for each name under "
                             f"measures") from error
    raise InputError(f"runs: {folder} has neither evaluation.json nor metrics.json; is it a finished run?")
