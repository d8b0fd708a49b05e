"""Responses of a trained `hank` to its two shocks, beside sequence-jacobian's linear ones: a table and a figure.

    python benchmarks/hank_responses.py SOLUTION --shock rstar --size -0.0005 --figure responses.png

Half the difference of the responses to a shock and to its opposite, so that even terms cancel, of an economy that has
come to rest while its households go on expecting shocks; no other shock comes (baseline="forced"). The innovation's
standard deviation is the solution's own: train it with sd_r or sd_Z near the size that is asked for.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

import deepham
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel
from deepham.simulation.walk import walk

PRINTED = Path(__file__).parents[1] / "tests" / "economics" / "hank_printed.json"
NAMES = {"Y": 1.0, "C": 1.0, "pi": 100.0, "w": 1.0, "r": 100.0}  # ours -> what it is in units of theirs
UNIT = {"rstar": -0.0025, "Z": 0.01}  # the shocks of the printed responses
QUARTERS = 40


@torch.no_grad()
def paths(solution, shock: str, size: float, rest: int, nodes: int) -> tuple[dict, dict]:
    """Where the economy rests, name -> number, and half the difference of the responses, name -> (QUARTERS,)."""
    economy, world = solution.economy, solution.world
    grid = wealth_grid(economy, nodes, 25.0)
    people = solution.ergodic
    people = on_grid(grid, people.with_assets(people.k.clamp(float(grid[0]), float(grid[-1]))), economy.chain.n_eps)
    start = Panel(people.select([0]), economy.chain.typical_z())
    *_, last = walk(world, start, torch.zeros(1, rest, 3, dtype=torch.float64), grid=grid)
    at_rest = {name: float(value) for name, value in last.accounts.items()}
    here = last.panel
    three = Panel(here.population.select([0, 0]), here.z[[0, 0]], None if last.found is None else last.found[[0, 0]])
    innovations = torch.zeros(2, QUARTERS + 1, 3, dtype=torch.float64)
    which = list(UNIT).index(shock)
    innovations[:, 1, which] = torch.tensor([size, -size]) / economy.chain.sigma[which]
    rows = [period.accounts for period in walk(world, three, innovations, grid=grid)][1:]
    found = {}
    for name, unit in NAMES.items():
        path = torch.cat([row[name] for row in rows], 1) / unit
        found[name] = (path[0] - path[1]) / 2
    return at_rest, found


def main() -> None:
    parser = argparse.ArgumentParser(description="Responses of hank beside the linear ones.")
    parser.add_argument("solution")
    parser.add_argument("--shock", choices=list(UNIT), default="rstar")
    parser.add_argument("--size", type=float, default=-0.0025)
    parser.add_argument("--rest", type=int, default=200)
    parser.add_argument("--nodes", type=int, default=200)
    parser.add_argument("--figure")
    given = parser.parse_args()
    solution = deepham.load(given.solution)
    at_rest, ours = paths(solution, given.shock, given.size, given.rest, given.nodes)
    linear = json.loads(PRINTED.read_text())["linear"][given.shock]
    print("at rest:", "  ".join(f"{name} {value:.5f}" for name, value in at_rest.items()))
    print(f"{'':4} {'impact':>10} {'linear':>10} {'gap':>8}   largest gap of the path, of its peak")
    for name, path in ours.items():
        theirs = torch.tensor(linear[name][:QUARTERS], dtype=torch.float64) * given.size / UNIT[given.shock]
        apart = float((path - theirs).abs().max() / theirs.abs().max())
        first = float(path[0]), float(theirs[0])
        print(
            f"{name:4} {first[0]:10.6f} {first[1]:10.6f} {100 * (first[0] / first[1] - 1):7.2f}%   {100 * apart:.2f}%"
        )
    if given.figure:
        draw(ours, linear, given.size / UNIT[given.shock], given.figure)


def draw(ours: dict, linear: dict, scale: float, file: str) -> None:
    """A panel for each series: ours and the linear response."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(ours), figsize=(3 * len(ours), 2.8), layout="constrained")
    for axis, (name, path) in zip(axes, ours.items(), strict=True):
        axis.plot(100 * path, label="global")
        axis.plot([100 * scale * value for value in linear[name][:QUARTERS]], "k:", label="linear")
        axis.set(title=name, xlabel="quarter", ylabel="percent, or points")
    axes[0].legend()
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    main()
