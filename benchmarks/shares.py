"""Krusell and Smith's table of an economy: python -m benchmarks.shares FOLDER [FOLDER ...] [--grid] [--periods 6000].

Shares of the richest, households in debt and the Gini coefficient, at the long-run cross-section; the law of motion of
capital by aggregate state and the statistics of the cycle that the paper prints, along a simulated path. With --grid
the same of the stored grid solution of the economy, which is made where there is none.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import deepham
from deepham.economics.registry import name_of
from deepham.reference.settings import settings_for
from deepham.reference.store import obtain
from deepham.simulation.population import curve_at, gini, lorenz
from deepham.solution.solved import SolvedEconomy

RICHEST = (0.01, 0.05, 0.1, 0.2, 0.3)  # shares of households
SEED, BEGINNING = 1, 500  # periods that are left out


def cross_section(solved: SolvedEconomy) -> dict[str, float]:
    """Percent of wealth that the richest have, households in debt, percent, and the Gini coefficient."""
    people = solved.pooled
    below = curve_at(*lorenz(people.k, people.weight), [1 - share for share in RICHEST])[0]
    found = {f"top {100 * share:g} %": 100 * (1 - float(x)) for share, x in zip(RICHEST, below)}
    in_debt = float((people.weight * (people.k < 0)).sum())
    return found | {"in debt, %": 100 * in_debt, "Gini": float(gini(people.k, people.weight))}


def cycle(solved: SolvedEconomy, periods: int) -> dict[str, float]:
    """log K' = a + b log K by aggregate state, mean capital, and moments of levels along a path."""
    path = solved.simulate(BEGINNING + periods, seed=SEED).isel(economy=0, period=slice(BEGINNING, None))
    K, z = np.log(path["K"].values), path[solved.economy.aggregate_shock].values[:-1]
    found = {}
    for state, name in enumerate(solved.economy.naming.names):
        slope, intercept = np.polyfit(K[:-1][z == state], K[1:][z == state], 1)
        found |= {f"a, {name}": float(intercept), f"b, {name}": float(slope)}
    Y, C, invested = (path[name].values for name in ("Y", "C", "I"))
    return found | {
        "mean K": float(path["K"].mean()),
        "corr(C, Y)": float(np.corrcoef(C, Y)[0, 1]),
        "sd(I)": float(invested.std()),
        "corr(Y, Y-4)": float(np.corrcoef(Y[4:], Y[:-4])[0, 1]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Krusell and Smith's table of an economy.")
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--grid", action="store_true")
    parser.add_argument("--periods", type=int, default=6000)
    given = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, SolvedEconomy] = {Path(folder).name: deepham.load(folder) for folder in given.folders}
    if given.grid:
        economy = next(iter(found.values())).economy.to(device="cpu", dtype=torch.float64)
        name = name_of(type(economy))
        found["grid"] = obtain(name, economy, settings_for(name), Path("checkpoints/reference"))
    columns = [cross_section(solved) | cycle(solved, given.periods) for solved in found.values()]
    print(f"{'':14}" + "".join(f"{label:>14}" for label in found))
    for row in columns[0]:
        print(f"{row:14}" + "".join(f"{column[row]:14.4f}" for column in columns))


if __name__ == "__main__":
    main()
