"""A report on a saved solution, and on those it is compared with: one page, its figures and its tables."""

from __future__ import annotations

import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, ListConfig

from deepham.algorithm.ergodic import VerdictSettings
from deepham.commands.configuration import read_report, sized_for
from deepham.commands.evaluate import reference_of
from deepham.economics.economy import require
from deepham.reference.settings import ReferenceSettings
from deepham.report.contents import contents, manifest_file_table
from deepham.report.page import write
from deepham.report.parallel import Clock, in_parallel
from deepham.report.reported import examine
from deepham.report.study import GRID, Study, StudySettings, study
from deepham.report.takeover import Takeover, no_take_over, take_over
from deepham.solution import datasets
from deepham.solution.loading import load
from deepham.solution.solution import Solution
from deepham.system.entry import command
from deepham.system.hardware import cpu_name, machine, peak_memory
from deepham.system.memory import grid_solution, require_memory, widest
from deepham.system.memory import verdict as verdict_memory

MOST = 3  # solutions on one page: more lines than that nobody tells apart


def run(cfg: DictConfig) -> float:
    """Measure, simulate and write the report. Returns the mean Euler error in percent.

    Raises:
        InputError: no solution there, bad settings, or solutions of different economies.
        OutOfDomain: an economy leaves its domain along the path that it is measured on.
    """
    torch.set_num_threads(1)
    read_report(cfg)
    require(isinstance(cfg.workers, int) and cfg.workers >= 1, f"workers: expected at least 1, got {cfg.workers!r}")
    solutions, say = _solutions(cfg), Clock(time.time())
    verdict, grid, lengths, seed = read_report(sized_for(cfg, next(iter(solutions.values())).name))
    for solution in solutions.values():
        lengths.require_memory(solution, cfg.workers)
        _require_memory(solution, verdict, grid)
    reported = in_parallel(
        cfg.workers,
        [
            (
                examine,
                label,
                solution,
                reference_of(None, solution, grid, Path(str(cfg.store)), say),
                verdict,
                seed,
                index == 0,
                say,
            )
            for index, (label, solution) in enumerate(solutions.items())
        ],
    )
    main = reported[0]
    # with cross-sections of one path of the aggregate shock: those that the solutions come with are of different ones
    looked_at = [(each.label, each.solution, each.ergodic) for each in reported]
    if main.reference is not None:
        looked_at.append((GRID, main.reference, main.grid_path))
    studies = in_parallel(
        cfg.workers,
        [
            (study, label, solved.along(ergodic), ergodic, lengths, grid, seed, say)
            for label, solved, ergodic in looked_at
        ],
    )
    takeover = _takeover(studies, lengths, seed, say)
    say("drawing")
    folder = Path(str(cfg.output)) if cfg.output else Path("logs") / _name(str(cfg.solution)) / "report"
    folder.mkdir(parents=True, exist_ok=True)
    beside = f"; beside it: {', '.join(each.label for each in studies[1:])}" if len(studies) > 1 else ""
    page = write(
        folder,
        " ".join(dict.fromkeys((main.solution.name, main.label))),
        f"A solution by deepham {main.solution.meta['deepham']} of {main.solution.meta['created'][:10]}{beside}.",
        contents(reported, studies, takeover, manifest_file_table(reported, _made(cfg.workers, say.seconds))),
    )
    _write_series(folder, studies)
    say(f"{page}, with its figures, tables and time series beside it")
    return main.measures["euler.mean"]


def _require_memory(solution: Solution, verdict: VerdictSettings, grid: ReferenceSettings) -> None:
    """Raise NotEnoughMemory where a verdict on the solution, or a grid solution beside it, takes more than there is."""
    require_memory(verdict_memory(solution.economy, verdict, widest(solution.policy_function)), solution.grid.device)
    calm = solution.economy.without_aggregate_risk()
    if calm is not None:  # whose transition the cost of fluctuations is measured by
        require_memory(grid_solution(calm, grid))


def _made(workers: int, seconds: float) -> dict[str, Any]:
    """When, by what, where and at what cost the page was made."""
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join([*command("report"), *sys.argv[1:]]),
        **machine(cpu_name(workers)),
        "seconds until drawn": f"{seconds:.0f}",
        "peak memory of the first process, MB": f"{peak_memory():.0f}",
    }


def _solutions(cfg: DictConfig) -> dict[str, Solution]:
    """Label -> solution, the one that is reported on first."""
    require(isinstance(cfg.compare, ListConfig), f"compare: expected a list of solutions, got {cfg.compare!r}")
    paths = [str(path) for path in (cfg.solution, *cfg.compare)]
    require(len(paths) <= MOST, f"compare: expected at most {MOST - 1} solutions, got {len(paths) - 1}")
    solutions = {}
    for path in paths:
        solution, label = load(path), _name(path)
        chain = solution.economy.chain
        require(
            chain.draws == 1,
            f"report: the aggregate state of {path} is {chain.draws} numbers; expected a finite chain or one number",
        )
        require(
            label not in solutions and label != GRID,
            f"compare: there are two solutions called {label}; copy one to a folder of another name",
        )
        solutions[label] = solution
    first = next(iter(solutions.values()))
    for path, each in zip(paths, solutions.values()):
        require(each.name == first.name, f"compare: {path} is a solution of {each.name}, {paths[0]} of {first.name}")
        require(
            each.mass.shape[0] == first.mass.shape[0] and each.economy.chain.n_eps == first.economy.chain.n_eps,
            f"compare: {path} has another number of states than {paths[0]}",
        )
    return solutions


def _takeover(studies: list[Study], lengths: StudySettings, seed: int, say: Clock) -> Takeover | None:
    """What a planner's solution on the page changes for the households of a market's; None where one of the two is
    missing."""
    of = {each.solved.economy.objective: each for each in reversed(studies) if not each.is_grid}
    if not {"market", "planner"} <= set(of):
        return None
    market, planner = ((of[objective].label, of[objective].solved) for objective in ("market", "planner"))
    reason = no_take_over(market, planner)
    if reason is not None:
        of["planner"].missing["gains from a planner"] = reason
        return None
    return take_over(market, planner, lengths.paths, seed, say)


def _name(path: str) -> str:
    return Path(path).resolve().name


def _write_series(folder: Path, studies: list[Study]) -> None:
    for each in studies:
        for name, data in (("path", each.path), ("recession", each.recession), ("transfer", each.transfer)):
            if data is not None:
                datasets.save(data, folder / f"{name}-{each.label}.nc.gz")
