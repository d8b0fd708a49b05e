"""Every measure of a saved solution, against the grid solution of its calibration."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from omegaconf import DictConfig
from scipy.stats import wasserstein_distance
from torch import Tensor

from deepham.algorithm.bellman_paper import Protocol, bellman_paper
from deepham.algorithm.by_wealth import errors_by_wealth
from deepham.algorithm.ergodic import Ergodic, VerdictSettings
from deepham.algorithm.evaluation import cycle_moments, error_measures, measure, measures_along, moment_errors
from deepham.commands.configuration import read_evaluation, sized_for
from deepham.economics.economy import Economy, require
from deepham.errors import NotConverged, OutOfDomain
from deepham.measures.verdict import bar_met, bars_of, judge, named
from deepham.presentation import saying
from deepham.presentation.figures import save_figures
from deepham.presentation.tables import advice, by_wealth_file_table, verdict_file_table, verdict_table
from deepham.reference import store
from deepham.reference.compare import measure_against
from deepham.reference.grid_solution import GridSolution
from deepham.reference.settings import ReferenceSettings
from deepham.reference.solve import no_comparison, takes_long
from deepham.report.figures_against_grid import figures_against_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import concatenate, gini
from deepham.simulation.walk import initial_panel, walk
from deepham.solution.loading import load
from deepham.solution.solution import Solution
from deepham.system import memory
from deepham.system.files import write_json

PANEL_ECONOMIES, PANEL_BURN_IN, PANEL_DATES, PANEL_SPACING = 16, 1000, 10, 50


def run(cfg: DictConfig) -> float:
    """Measure, print the verdict and write evaluation.json, tables and figures. Returns the mean Euler error in
    percent.

    Raises:
        InputError: no solution there, bad settings, or a grid solution of another calibration.
        OutOfDomain: the economy leaves its domain along the path that it is measured on.
    """
    torch.set_num_threads(1)
    read_evaluation(cfg)
    require(isinstance(cfg.agents, int) and cfg.agents >= 1, f"agents: expected at least 1, got {cfg.agents!r}")
    solution = load(str(cfg.solution))
    verdict, grid, protocol, seed = read_evaluation(sized_for(cfg, solution.name))
    economy, world = solution.economy, solution.world
    width = max(memory.widest(network) for network in (world.policy, world.value))
    for arrays in (
        memory.verdict(economy, verdict, width),
        memory.published_protocol(protocol, width),
        memory.panels(economy, width, PANEL_ECONOMIES, cfg.agents),
    ):
        memory.require_memory(arrays, solution.grid.device)
    began = time.perf_counter()

    def say(text: str) -> None:
        saying.say(f"{text}  {time.perf_counter() - began:.0f} s")

    reference = reference_of(cfg.against, solution, grid, Path(cfg.store), say)
    found = _measured(solution, reference, verdict, protocol, cfg.agents, seed, say)
    bins, unbalanced = errors_by_wealth(world, found.ergodic.dates), economy.unbalanced()
    errors, bars = moment_errors(found.ergodic), bars_of(verdict.bars, verdict.own_bars)
    rows = judge(found.measures, bars, found.grid_measures, errors, economy)
    folder = Path(str(cfg.solution))
    report = Path(cfg.output) if cfg.output else Path("logs") / folder.resolve().name / "report"
    folder = folder if folder.is_dir() else report  # a solution that ships with the package stays as it is
    verdict_file_table(rows).write(report, "verdict")
    by_wealth_file_table(bins).write(report, "by_wealth")
    write_json(
        folder / "evaluation.json",
        {
            "solution": solution.name,
            "measures": found.measures,
            "standard_errors": errors,
            "reference": found.grid_measures,
            "cycle": _cycle(economy, found.ergodic),
            "cycle_reference": found.grid_path and _cycle(economy, found.grid_path),
            "bars": verdict.bars,
            "unbalanced": unbalanced,
            "verdict": [vars(row) for row in rows],
            "by_wealth": [asdict(each) for each in bins],
            "agents": cfg.agents,
            "panel": found.panel,
            "panel_reference": found.grid_panel,
            "bar_met": bar_met(rows),
            "missed": [row.measure for row in rows if row.met is False],
            "verdict_settings": asdict(verdict),
            "goal_missed": [row.measure for row in rows if row.reached is False],
            "seed": seed,
            "seconds": time.perf_counter() - began,
        },
    )
    if reference is not None and found.grid_path is not None:
        save_figures(figures_against_grid(solution, reference, found.ergodic, found.grid_path), report)
    title = f"{folder}, measured in the continuum against the {named(verdict.bars, verdict.own_bars)}"
    saying.say(verdict_table(rows, title))
    if unbalanced:
        saying.say(f"goods do not add up: {unbalanced}")
    if advice(rows):
        saying.say(advice(rows))
    _say_panels(cfg.agents, {"networks": found.panel, "grid solution": found.grid_panel})
    say(f"{folder / 'evaluation.json'}, {report}/: tables and figures")
    return found.measures["euler.mean"]


@dataclass(frozen=True)
class _Measured:
    """A solution's path, and what is measured along it and in panels; the same of the grid solution, where there is
    one."""

    ergodic: Ergodic
    measures: dict[str, float]
    panel: dict[str, float]
    grid_path: Ergodic | None = None
    grid_measures: dict[str, float] | None = None
    grid_panel: dict[str, float] | None = None


def _measured(
    solution: Solution,
    reference: GridSolution | None,
    verdict: VerdictSettings,
    protocol: Protocol,
    agents: int,
    seed: int,
    say: Callable[[str], None],
) -> _Measured:
    """Everything, on the same shocks. Raises OutOfDomain."""
    say("following the continuum ...")
    reached: dict[str, list[Tensor]] = {}

    def in_panels(who: str, world: World) -> dict[str, float]:
        say(f"simulating panels of {agents}, with the {who} ...")
        try:
            panel, *reached[who] = _in_panels(world, agents, protocol, seed)
        except OutOfDomain as error:  # so few households may be all poor, or all rich: no price clears
            say(f"panels of {agents} are left out: {error}")
            return {}
        return panel

    if reference is None:
        ergodic, measures = measure(solution.world, solution.cross_sections, verdict, seed)
        return _Measured(ergodic, measures, in_panels("networks", solution.world))
    ergodic, grid_path, measures = measure_against(solution.world, reference, verdict, seed)
    grid_measures = measures_along(reference.world, grid_path)
    grid_panel, panel = in_panels("grid solution", reference.world), in_panels("networks", solution.world)
    if len(reached) == 2:
        panel |= _gaps(reached["networks"], reached["grid solution"])
    return _Measured(ergodic, measures, panel, grid_path, grid_measures, grid_panel)


def _cycle(economy: Economy, path: Ergodic) -> dict[str, dict]:
    return {one.name: asdict(one) for one in cycle_moments(economy, path)}


def _gaps(ours: list[Tensor], grid: list[Tensor]) -> dict[str, float]:
    """Distances of panels, of the paths of K and of pooled wealth, on the same draws of both shocks; percent."""
    (K, wealth), (grid_K, grid_wealth) = ours, grid
    gap = 100 * (K / grid_K).log().abs()
    return {
        "mean_K_gap": 100 * float(K.mean() / grid_K.mean() - 1),
        "path_gap.mean": float(gap.mean()),
        "path_gap.max": float(gap.max()),
        "wealth_sd_gap": 100 * float(wealth.std() / grid_wealth.std() - 1),
        "wealth_w1": 100 * wasserstein_distance(wealth, grid_wealth) / float(grid_wealth.mean()),
    }


def _say_panels(agents: int, measured: dict[str, dict[str, float] | None]) -> None:
    """What was measured in panels, by who chooses there."""
    for who, errors in measured.items():
        if errors:
            saying.say(
                f"{who}: in panels of {agents} Euler error {errors['euler.mean']:.4f} %, Bellman error "
                f"{errors['bellman_policy.mean']:.5f} utils; by the published protocol "
                f"{errors['bellman_paper']:.5f} utils"
            )


def reference_of(against, solution: Solution, grid: ReferenceSettings, folder: Path, say) -> GridSolution | None:
    """The grid solution in the file `against`, or of the solution's calibration; None where there can be none, none is
    found, or it would take long and has not been asked for: the solution is measured all the same.

    Raises:
        InputError: no such file, or one that has to be made first and does not fit the memory.
    """
    if against is not None:
        return store.read(Path(str(against)), solution.name, solution.economy)
    reason = no_comparison(solution.economy, grid)
    if reason is not None:
        say(f"no comparison: {reason}")
        return None
    if store.find(solution.name, solution.economy, grid, folder) is None:
        memory.require_memory(memory.grid_solution(solution.economy, grid))
        long = takes_long(solution.economy, grid)
        if long is not None:
            say(f"no comparison: {long}; scripts/reference.py makes it")
            return None

    def progress(iteration: int, change: float, mean_K: float) -> None:
        say(f"grid solution, iteration {iteration}: law of motion moves by {change:.1e}")

    try:
        return store.obtain(solution.name, solution.economy, grid, folder, progress=progress)
    except NotConverged as error:
        say(f"no comparison: {error}")
        return None


def _in_panels(world: World, agents: int, protocol: Protocol, seed: int) -> tuple[dict[str, float], Tensor, Tensor]:
    """Measures in panels of N agents, where K carries sampling noise; the paths of K, and wealth pooled over dates."""
    generator = torch.Generator(world.economy.chain.device).manual_seed(seed)
    start = initial_panel(world.economy, PANEL_ECONOMIES, agents, generator)
    kept, K, periods = [], [], PANEL_BURN_IN + (PANEL_DATES - 1) * PANEL_SPACING + 2
    for t, period in enumerate(walk(world, start, periods, generator), start=-1):
        if t >= PANEL_BURN_IN:
            population = period.panel.population
            K.append(population.mean(population.k))
            if (t - PANEL_BURN_IN) % PANEL_SPACING == 0:
                kept.append(period.panel)
    pooled = Panel(concatenate([each.population for each in kept]), torch.cat([each.z for each in kept]))
    K, wealth = torch.stack(K), pooled.population.k.flatten()
    even = torch.full_like(wealth, 1 / len(wealth))
    measures = error_measures(world, pooled, searched=5) | {
        "bellman_paper": bellman_paper(world, seed, protocol),
        "mean_K": float(K.mean()),
        "sd_K": float(K.std()),
        "wealth_sd": float(wealth.std()),
        "gini": float(gini(wealth[None], even[None])),
    }
    return measures, K, wealth
