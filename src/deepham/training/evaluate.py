"""Every measure of a saved solution, against the grid solution of its calibration."""

from __future__ import annotations

import time
from pathlib import Path

import rich
import torch
from omegaconf import DictConfig

from deepham.algorithm.evaluation import distribution_measures, error_measures, measure
from deepham.economics.economy import require
from deepham.errors import InputError
from deepham.figures_against_grid import capital_against_grid, policy_against_grid, wealth_against_grid
from deepham.reference.compare import measure_against
from deepham.reference.store import obtain
from deepham.simulation.population import concatenate
from deepham.simulation.rollout import Panel, initial_panel, simulate
from deepham.solution import Solution, load
from deepham.tables import verdict_csv, verdict_latex, verdict_markdown, verdict_table
from deepham.training.checkpoints import write_json
from deepham.training.configuration import read_evaluation
from deepham.verdict import judge

PANEL_ECONOMIES, PANEL_BURN_IN, PANEL_DATES, PANEL_SPACING = 16, 1000, 10, 50


def run(cfg: DictConfig) -> float:
    """Measure, print the verdict and write evaluation.json and the tables. Returns the mean Euler error in percent.

    Raises:
        InputError: no solution there, or bad settings.
    """
    torch.set_num_threads(1)
    verdict, grid, seed = read_evaluation(cfg)
    require(isinstance(cfg.agents, int) and cfg.agents >= 1, f"agents: expected at least 1, got {cfg.agents!r}")
    solution = load(str(cfg.solution))
    console = rich.get_console()
    began = time.perf_counter()

    def progress(iteration: int, change: float, mean_K: float) -> None:
        console.print(f"grid solution, iteration {iteration}: law of motion moves by {change:.1e}", highlight=False)

    economy, policy, value = solution.economy, solution.policy_network, solution.value_network
    try:
        reference = obtain(solution.name, economy, grid, Path(cfg.store), progress=progress)[0]
    except InputError as error:  # an economy of another kind: measured all the same
        console.print(f"no comparison: {error}", highlight=False, soft_wrap=True)
        beside, measures = None, measure(economy, policy, value, solution.ergodic, verdict, seed)[1]
    else:
        candidate, truth, measures = measure_against(economy, policy, value, reference, verdict, seed)
        beside = distribution_measures(truth)
    panel = {f"panel.{name}": number for name, number in _panel_errors(solution, cfg.agents, seed).items()}
    rows = judge(measures, beside)
    missed = [row.measure for row in rows if row.met is False]
    folder = Path(str(cfg.solution))
    write_json(folder / "evaluation.json", {
        "solution": solution.name, "measures": measures, "reference": beside, "panel": panel, "agents": cfg.agents,
        "bar_met": not missed, "missed": missed, "seed": seed, "seconds": time.perf_counter() - began})
    tables = Path(cfg.output) if cfg.output else Path("logs") / folder.resolve().name / "report"
    tables.mkdir(parents=True, exist_ok=True)
    for ending, text in (("md", verdict_markdown), ("csv", verdict_csv), ("tex", verdict_latex)):
        (tables / f"verdict.{ending}").write_text(text(rows), encoding="utf-8")
    if beside is not None:
        for name, figure in (("wealth", wealth_against_grid(economy, candidate, truth)),
                             ("capital", capital_against_grid(economy, candidate, truth)),
                             ("policy", policy_against_grid(economy, policy, reference, truth))):
            for ending in ("png", "pdf"):
                figure.savefig(tables / f"{name}.{ending}", dpi=150)
    console.print(verdict_table(rows, f"{folder}, measured in the continuum"))
    console.print(f"in a panel of {cfg.agents}: Euler error {panel['panel.euler.mean']:.4f} %, Bellman error "
                  f"{panel['panel.bellman_policy.mean']:.5f} utils", highlight=False)
    console.print(f"{folder / 'evaluation.json'}, {tables}/: tables and figures  "
                  f"{time.perf_counter() - began:.0f} s", highlight=False, soft_wrap=True)
    return measures["euler.mean"]


def _panel_errors(solution: Solution, agents: int, seed: int) -> dict[str, float]:
    """Errors at the cross-sections of simulated panels of N agents, expectations enumerated."""
    economy = solution.economy
    generator = torch.Generator(solution.grid.device).manual_seed(seed)
    panel = initial_panel(economy, PANEL_ECONOMIES, agents, generator)
    kept = []
    for t, panel in enumerate(simulate(economy, solution.policy_network, panel, PANEL_BURN_IN + 1
                                       + (PANEL_DATES - 1) * PANEL_SPACING, generator)):
        if t >= PANEL_BURN_IN and (t - PANEL_BURN_IN) % PANEL_SPACING == 0:
            kept.append(panel)
    pooled = Panel(concatenate([each.population for each in kept]), torch.cat([each.z for each in kept]))
    return error_measures(economy, solution.policy_network, solution.value_network, pooled, optimality_every=10)
