"""What is timed, each in a process of its own: plain functions of plain arguments, which return plain data.

`python -m deepham.benchmark.cases <name> <arguments as JSON>` prints the result as JSON.
"""

from __future__ import annotations

import json
import sys
import time

import lightning
import torch
from hydra import compose, initialize_config_dir

from deepham.algorithm.objective import lifetime_utility
from deepham.benchmark.accuracy import against_grid, errors, solve_many_shocks
from deepham.benchmark.clock import Clock
from deepham.benchmark.growth import measure_growth
from deepham.benchmark.roofline import Counter, rates
from deepham.commands.configuration import read
from deepham.networks.settings import build_networks
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import initial_panel, later
from deepham.system.hardware import peak_memory
from deepham.system.paths import conf_folder
from deepham.training.allocator import keep_freed_memory
from deepham.training.fit import computing, fit
from deepham.training.settings import Settings

MOST_ON_A_GRID = 2  # shocks, of 5 points each


def updates(overrides: list[str], blocks: int, block: int) -> dict:
    """Seconds of one update of the policy, in each of so many blocks after two to warm up, in a run of Lightning's
    Trainer."""
    settings = settings_of(
        [*overrides, f"algorithm.policy_steps={(blocks + 2) * block}", "algorithm.outer_iterations=1"]
    )
    clock = Clock(block)
    fit(settings, [clock], [])
    return {"seconds": clock.seconds(skip=2), "peak_memory_mb": peak_of(settings)}


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
        if device == "cuda":
            torch.cuda.synchronize()

    with computing(settings.trainer):
        once()
        seconds = [_time(once) for _ in range(repeats)]
    return {"seconds": seconds, "households": panel.population.k.numel(), "peak_memory_mb": peak_of(settings)}


def roofline(overrides: list[str]) -> dict:
    """Arithmetic and traffic of one update, and what a CPU can do of both in a second."""
    settings = settings_of([*overrides, "algorithm.policy_steps=3", "algorithm.outer_iterations=1"])
    counting = _Counting()
    fit(settings, [counting], [])
    counted = {name: getattr(counting.counter, name) for name in ("operations", "traffic", "kernels")}
    with computing(settings.trainer):
        return counted | rates()


class _Counting(lightning.Callback):
    """Counts from the end of the second update to the end of the third."""

    def __init__(self):
        self.counter = Counter()

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_index: int) -> None:
        if batch_index == 1:
            self.counter.__enter__()
        elif batch_index == 2:
            self.counter.__exit__(None, None, None)


def shocks(d: int, small: bool) -> dict:
    """Euler errors with d aggregate shocks, seconds of the training, and for d of 1 and 2 the distance to a grid
    solution."""
    world, panel, seconds = solve_many_shocks(d, **{"outer_iterations": 1, "policy_steps": 5} if small else {})
    gap = against_grid(world) if d <= MOST_ON_A_GRID and not small else {}
    return {"seconds": seconds, "errors": errors(world, panel), "gap": gap, "peak_memory_mb": peak_memory()}


def peak_of(settings: Settings) -> float:
    """Peak memory, MB: what was taken of the card, or of the machine by this process where it computes on the CPU."""
    return torch.cuda.max_memory_reserved() / 1e6 if settings.trainer.gpus else peak_memory()


def settings_of(overrides: list[str]) -> Settings:
    """Of `scripts/train.py` with these overrides, and little simulation before the first update."""
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return read(compose("train", overrides=["logger=none", "algorithm.burn_in=10", *overrides]))


def _time(call) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    keep_freed_memory()
    cases = {
        "updates": updates,
        "simulation": simulation,
        "roofline": roofline,
        "growth": measure_growth,
        "shocks": shocks,
    }
    print(json.dumps(cases[sys.argv[1]](**json.loads(sys.argv[2]))))
