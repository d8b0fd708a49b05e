"""What is timed, each in a process of its own: plain functions of plain arguments, which return plain data.

`python -m benchmarks.cases <name> <arguments as JSON>` prints the result as JSON.
"""

from __future__ import annotations

import json
import sys
from statistics import median

import torch
from hydra import compose, initialize_config_dir

from benchmarks.accuracy import against_grid, errors, solve_many_shocks
from benchmarks.growth import measure_growth
from benchmarks.timing import Counted, Timed, seconds
from deepham.algorithm.objective import lifetime_utility
from deepham.commands.configuration import read
from deepham.networks.settings import build_networks
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import initial_panel, later
from deepham.system.allocator import keep_freed_memory
from deepham.system.hardware import peak_memory
from deepham.system.paths import conf_folder
from deepham.training.fit import computing, fit
from deepham.training.settings import Settings

MOST_ON_A_GRID = 2  # shocks, of 5 points each
SQUARE = 1024  # of the matrices whose product gives the CPU's peak


def updates(overrides: list[str], blocks: int, block: int) -> dict:
    """Seconds of one update of the policy, in each of so many blocks, in a run of Lightning's Trainer."""
    timed = Timed(blocks, block)
    settings = settings_of([*overrides, f"algorithm.policy_steps={timed.steps}", "algorithm.outer_iterations=1"])
    fit(settings, [timed], [])
    return {"seconds": timed.seconds, "peak_memory_mb": peak_of(settings)}


def simulation(overrides: list[str], kind: str, periods: int, repeats: int) -> dict:
    """Seconds of `periods` simulated periods of the batch that the overrides describe, and the households in it.

    Args:
        kind: "panel"; "gradient": lifetime utility over the periods and its gradient, of all households; "continuum": a
            histogram in place of each panel.
    """
    settings = settings_of(overrides)
    algorithm, device = settings.algorithm, "cuda" if settings.trainer.gpus else "cpu"
    economy = settings.economy.to(device=device, dtype=torch.float32)
    policy, value = (network.to(device) for network in build_networks(economy, settings.network, settings.seed))
    generator = torch.Generator(device).manual_seed(1)
    world, grid = World(economy, policy, value), None
    assert algorithm.agents is not None
    panel = initial_panel(economy, algorithm.economies, algorithm.agents, generator)
    if kind == "continuum":
        grid = wealth_grid(economy, algorithm.nodes, algorithm.top)
        held = panel.population.with_assets(panel.population.k.clamp(grid[0], grid[-1]))
        panel = Panel(on_grid(grid, held, economy.chain.n_eps), panel.z)

    def once() -> None:
        if kind == "gradient":
            lifetime_utility(world, panel, periods, generator, exact=False).utility.mean().backward()
        else:
            later(world, panel, periods, generator, grid)

    with computing(settings.trainer):
        taken = seconds(once, repeats)
    return {"seconds": taken, "households": panel.population.k.numel(), "peak_memory_mb": peak_of(settings)}


def arithmetic(overrides: list[str]) -> dict:
    """Floating-point operations of one update, and how many a large matrix product does in a second on this CPU."""
    settings = settings_of([*overrides, f"algorithm.policy_steps={Counted.STEPS}", "algorithm.outer_iterations=1"])
    counted, matrix = Counted(), torch.rand(SQUARE, SQUARE)
    fit(settings, [counted], [])
    with computing(settings.trainer):
        return {"flops": counted.flops, "peak": 2 * SQUARE**3 / median(seconds(lambda: matrix @ matrix, 50))}


def shocks(d: int, small: bool) -> dict:
    """Euler errors with d aggregate shocks, seconds of the training, and for d of 1 and 2 the distance to a grid
    solution."""
    world, panel, taken = solve_many_shocks(d, **{"outer_iterations": 1, "policy_steps": 5} if small else {})
    gap = against_grid(world) if d <= MOST_ON_A_GRID and not small else {}
    return {"seconds": taken, "errors": errors(world, panel), "gap": gap, "peak_memory_mb": peak_memory()}


def peak_of(settings: Settings) -> float:
    """Peak memory, MB: what was taken of the card, or of the machine by this process where it computes on the CPU."""
    return torch.cuda.max_memory_reserved() / 1e6 if settings.trainer.gpus else peak_memory()


def settings_of(overrides: list[str]) -> Settings:
    """Of `scripts/train.py algorithm=deepham` with these overrides, and little simulation before the first update."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return read(
            compose("train", overrides=["logger=none", "algorithm=deepham", "algorithm.burn_in=10", *overrides])
        )


if __name__ == "__main__":
    keep_freed_memory()
    cases = {
        "updates": updates,
        "simulation": simulation,
        "arithmetic": arithmetic,
        "growth": measure_growth,
        "shocks": shocks,
    }
    print(json.dumps(cases[sys.argv[1]](**json.loads(sys.argv[2]))))
