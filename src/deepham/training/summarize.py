"""One table over several runs, such as the seeds of a sweep: each run, mean and standard deviation; and by setting."""

from __future__ import annotations

import glob
from pathlib import Path

import rich
from omegaconf import DictConfig, ListConfig, OmegaConf

from deepham.economics.economy import require
from deepham.paths import check_folder
from deepham.sweeps import varying
from deepham.tables import runs_sheet, runs_table
from deepham.training.outcomes import outcomes
from deepham.training.sweep import show_settings
from deepham.verdict import MEASURES


def run(cfg: DictConfig) -> int:
    """Print the tables and write them as markdown, CSV and LaTeX, and the figure where a setting varies. Returns the number
    of runs that trained to their end; the others are listed.

    Raises:
        InputError: no such runs, or none that trained to its end.
    """
    require(not OmegaConf.is_missing(cfg, "runs"), "runs: give a glob or a list of run folders")
    check_folder("output", cfg.output)
    require(isinstance(cfg.measure, str) and cfg.measure in MEASURES,
            f"measure: no measure {cfg.measure!r}; there is {', '.join(MEASURES)}")
    runs = outcomes(_folders(cfg.runs))
    finished = {run.name: run.measures for run in runs if run.complete}
    output, console = Path(cfg.output), rich.get_console()
    for run in runs:
        if not run.complete:
            console.print(f"{run.name}: {run.stopped or run.why}", highlight=False, markup=False, soft_wrap=True)
    require(bool(finished), f"runs: none of {len(runs)} is finished; their status.json says why")
    runs_sheet(finished).write(output, "runs")
    console.print(runs_table(finished))
    console.print(f"{output}/runs.md, .csv, .tex", highlight=False)
    if varying(runs):
        show_settings(runs, cfg.measure, output, figure=True)
    return len(finished)


def _folders(runs) -> list[Path]:
    patterns = [str(pattern) for pattern in runs] if isinstance(runs, ListConfig) else [str(runs)]
    folders = sorted({Path(path) for pattern in patterns for path in glob.glob(pattern) if Path(path).is_dir()
                      and Path(path).name != "reference"})
    require(bool(folders), f"runs: no folder matches {', '.join(patterns)}")
    names = [folder.name for folder in folders]
    twice = next((name for name in names if names.count(name) > 1), None)
    require(twice is None, f"runs: there are two folders called {twice}; give one of them")
    return folders
