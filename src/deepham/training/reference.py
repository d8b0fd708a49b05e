"""The grid solution from the command line: solve or fetch, and show."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from omegaconf import DictConfig
from rich.console import Group
from rich.table import Table

from deepham.economics.economy import Economy
from deepham.reference.grid_solution import GridSolution
from deepham.reference.solve_on_grid import teller
from deepham.reference.store import obtain, where
from deepham.saying import say
from deepham.training.configuration import read_reference

# measure -> (what it is, unit), in the order in which they are shown
SHOWN = {
    "euler.mean": ("Euler error, mean", "% cons."),
    "euler.p99": ("Euler error, 99 %", "% cons."),
    "euler.max": ("Euler error, largest", "% cons."),
    "bellman_policy.mean": ("Bellman error, policy", "utils"),
    "bellman_optimality.mean": ("Bellman error, best choice", "utils"),
    "forecast.mean": ("dynamic forecast of {K} (Den Haan), mean", "%"),
    "forecast.max": ("dynamic forecast of {K} (Den Haan), max", "%"),
    "doubling.mean_K": ("grids doubled: mean of {K}", "%"),
    "doubling.path_gap": ("grids doubled: path of {K}, mean", "%"),
    "doubling.wealth_sd": ("grids doubled: sd of wealth", "%"),
    "doubling.consumption": ("grids doubled: consumption, mean", "%"),
    "mean_K": ("mean of {K}", "goods"),
    "sd_K": ("sd of {K}", "goods"),
    "welfare": ("welfare, as consumption", "goods"),
    "wealth_sd": ("sd of wealth", "goods"),
    "gini": ("Gini of wealth", ""),
    "top_mass": ("mass at the top node", "share"),
    **{f"wealth_q{level:02d}": (f"wealth, {level} %", "goods") for level in (1, 5, 10, 25, 50, 75, 90, 95, 99)},
}


def run(cfg: DictConfig) -> float:
    """Print law of motion, R2, errors and moments, and store the solution. Returns its mean Euler error in percent.

    Raises:
        InputError: bad input, or an economy of another kind.
        NotConverged: a fixed point that was not found.
    """
    torch.set_num_threads(1)
    name, economy, settings = read_reference(cfg)
    began = time.perf_counter()

    store = Path(cfg.store)
    reference = obtain(name, economy, settings, store, bool(cfg.again), teller(economy.tracked))
    say(_law(economy, reference), _measures(name, economy, reference))
    found = where(name, economy, settings, store)
    assert found is not None
    say(f"{found[0]}  {time.perf_counter() - began:.1f} s")
    return reference.measures["euler.mean"]


def _law(economy: Economy, reference: GridSolution) -> Group:
    said = reference.law.in_words(economy, reference.r_squared)
    table = Table(title=said.title, title_justify="left")
    for heading, alignment in said.columns.items():
        table.add_column(heading, justify=alignment)
    for row in said.rows:
        table.add_row(*row)
    return Group(*said.above, table)


def _measures(name: str, economy: Economy, reference: GridSolution) -> Table:
    table = Table("measure", title=f"{name} on the grid", title_justify="left")
    table.add_column("value", justify="right")
    table.add_column("unit")
    for measure, (text, unit) in SHOWN.items():
        if measure in reference.measures:
            table.add_row(text.format(K=economy.tracked), f"{reference.measures[measure]:.5g}", unit)
    return table
