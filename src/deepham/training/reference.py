"""The grid solution from the command line: solve or fetch, and show."""

from __future__ import annotations

import time
from pathlib import Path

import rich
import torch
from omegaconf import DictConfig
from rich.table import Table

from deepham.reference.store import obtain
from deepham.training.configuration import read_reference


def run(cfg: DictConfig) -> float:
    """Print law of motion, R2, errors and moments, and store the solution. Returns its mean Euler error in percent.

    Raises:
        InputError: bad input, an economy of another kind, or a fixed point that was not found.
    """
    torch.set_num_threads(1)
    name, economy, settings = read_reference(cfg)
    console = rich.get_console()
    began = time.perf_counter()

    def progress(iteration: int, change: float, mean_K: float) -> None:
        console.print(f"iteration {iteration}  law of motion moves by {change:.1e}  mean K {mean_K:.4f}  "
                      f"{time.perf_counter() - began:.0f} s", highlight=False)

    reference, path = obtain(name, economy, settings, Path(cfg.store), bool(cfg.again), progress)
    z_names = economy.names_of(economy.aggregate_shock, economy.chain.n_z)
    law = Table(title="Law of motion  log K' = a + b log K", title_justify="left")
    for heading in ("z", "a", "b", "R2"):
        law.add_column(heading)
    for index, z in enumerate(z_names):
        law.add_row(z, f"{float(reference.law.intercept[index]):.6f}", f"{float(reference.law.slope[index]):.6f}",
                    f"{float(reference.r_squared[index]):.7f}")
    table = Table(title=f"{name} on the grid", title_justify="left")
    table.add_column("measure")
    table.add_column("value", justify="right")
    for measure, value in reference.measures.items():
        table.add_row(measure, f"{value:.5g}")
    console.print(law, table)
    console.print(f"{path}  {time.perf_counter() - began:.1f} s", highlight=False, soft_wrap=True)
    return reference.measures["euler.mean"]
