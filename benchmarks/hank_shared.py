"""What all households of a trained `hank` or `hank_zlb` miss together, and where it rests by the nodes of wealth.

    python -m benchmarks.hank_shared SOLUTION [SOLUTION OF ANOTHER SEED] --nodes 60 100 200

Mean inflation hangs on it: where all consume 0.01 % too much for ever it is 16 basis points a year too high. Two paths
have luck of opposite sign, and economies are taken from both, seven quarters apart; standard errors are over them.
"""

from __future__ import annotations

import argparse

import torch

import deepham
from benchmarks.hank_costs import mirrored_luck, rest_on, said
from deepham.algorithm.residuals import missed_foresight, residuals
from deepham.economics.hank import HANK, TOLD
from deepham.errors import InputError
from deepham.simulation.continuum import wealth_grid
from deepham.simulation.period import Panel
from deepham.simulation.walk import walk
from deepham.solution.solved import SolvedEconomy

SETTLES, APART = 40, 7  # quarters


@torch.no_grad()
def shared(solution: SolvedEconomy, economies: int, seed: int) -> None:
    """Print the Euler error with its sign, by what is consumed, and the Phillips curve's."""
    economy, quarters = solution.economy, APART * economies // 2
    luck = mirrored_luck(economy, 1, SETTLES + quarters, seed)
    home = solution.along_path(1, 2, seed).to(dtype=torch.float64)
    start = Panel(home.population.select([0, 0]), economy.chain.typical_z()[:1].expand(2, -1))
    euler, phillips = [], []
    for t, period in enumerate(walk(solution.world, start, luck, grid=solution.grid)):
        if t < SETTLES or (t - SETTLES) % APART:
            continue
        missed = residuals(solution.world, period.panel, optimality=False)
        spent = torch.where(missed.euler.isfinite(), missed.weight * period.consumption, 0.0)
        euler.append(100 * (spent * missed.euler.nan_to_num()).sum(1) / spent.sum(1))
        phillips.append(TOLD * missed_foresight(period)["pi"][:, 0])
    print(f"  all together miss the Euler equation by, % of consumption   {said(torch.cat(euler))}")
    print(f"  the Phillips curve by, basis points of inflation a year     {said(torch.cat(phillips))}")


def rests(economy: HANK, nodes: list[int], top: float) -> None:
    for number in nodes:
        _, _, rest = rest_on(economy, wealth_grid(economy, number, top))
        print(f"  at rest on {number:4} nodes: inflation {400 * rest['pi']:7.2f} basis points a year, ", end="")
        print(f"standard deviation of wealth {rest['wealth_sd']:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="What all households of hank miss together, and where it rests.")
    parser.add_argument("solutions", nargs="+")
    parser.add_argument("--economies", type=int, default=40)
    parser.add_argument("--nodes", type=int, nargs="*", default=[], help="of wealth, at which to say where it rests")
    parser.add_argument("--top", type=float, default=25.0, help="the last node, in units of mean wealth")
    parser.add_argument("--seed", type=int, default=3)
    given = parser.parse_args()
    for name in given.solutions:
        print(f"== {name}")
        solution = deepham.load(name)
        if not isinstance(solution.economy, HANK):
            raise InputError(f"expected a solution of hank or hank_zlb, got one of {solution.name}")
        shared(solution, given.economies, given.seed)
        rests(solution.economy, given.nodes, given.top)


if __name__ == "__main__":
    main()
