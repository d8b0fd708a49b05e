"""One table over several runs, such as the seeds of a sweep: each run, mean and standard deviation; and by setting."""

from __future__ import annotations

import glob
from pathlib import Path

from omegaconf import DictConfig, ListConfig, OmegaConf

from deepham.algorithm.business_cycle import described
from deepham.economics.economy import require
from deepham.measures.verdict import MEASURES
from deepham.presentation.saying import say
from deepham.presentation.tables import runs_file_table, runs_table
from deepham.runs.by_setting import measured_unlike, varying
from deepham.runs.outcomes import outcomes
from deepham.runs.summary import show_settings
from deepham.system.entry import called
from deepham.system.paths import check_folder


def run(cfg: DictConfig) -> int:
    """Print the tables and write them as markdown, CSV and LaTeX, and the figure where a setting varies. Returns the
    number of runs that trained to their end; the others are listed.

    Raises:
        InputError: no such runs, or none that trained to its end.
    """
    require(not OmegaConf.is_missing(cfg, "runs"), "runs: give a glob or a list of run folders")
    check_folder("output", cfg.output)
    require(
        isinstance(cfg.measure, str) and (cfg.measure in MEASURES or described(cfg.measure) is not None),
        f"measure: no measure {cfg.measure!r}; there is {', '.join(MEASURES)}, and moments of the cycle such as sd.Y",
    )
    runs = outcomes(_folders(cfg.runs))
    complete = [run for run in runs if run.complete]
    finished = {run.name: run.taken for run in runs if run.complete}
    output = Path(cfg.output)
    for run in runs:
        if not run.complete:
            say(f"{run.name}: {run.stopped or run.why}")
    require(bool(finished), f"runs: none of {len(runs)} is finished; their status.json says why")
    unlike = measured_unlike(complete)
    swept = varying(complete)
    require(
        unlike is None or any(key.startswith("verdict") for key in swept),
        f"runs: {unlike}, which have no mean; evaluate them alike with {called('evaluate')}, or give fewer runs",
    )
    runs_file_table(finished, spread=unlike is None).write(output, "runs")
    say(unlike or runs_table(finished))
    say(f"{output}/runs.md, .csv, .tex")
    if varying(runs):
        show_settings(runs, cfg.measure, output, figure=True)
    return len(finished)


def _folders(runs) -> list[Path]:
    patterns = [str(pattern) for pattern in runs] if isinstance(runs, ListConfig) else [str(runs)]
    folders = sorted(
        {
            Path(path)
            for pattern in patterns
            for path in glob.glob(pattern)
            if Path(path).is_dir() and Path(path).name != "reference"
        }
    )
    require(bool(folders), f"runs: no folder matches {', '.join(patterns)}")
    names = [folder.name for folder in folders]
    twice = next((name for name in names if names.count(name) > 1), None)
    require(twice is None, f"runs: there are two folders called {twice}; give one of them")
    return folders
