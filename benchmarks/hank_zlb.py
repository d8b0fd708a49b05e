"""A trained `hank_zlb` at its lower bound: how often, how long, what it does to inflation, how exact it is there.

    python benchmarks/hank_zlb.py SOLUTION

Beside it the representative agent's solution of the same shocks, two equations in each state of xi (one skill).
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from scipy.optimize import root

import deepham
from deepham.algorithm.residuals import missed_foresight
from deepham.economics.hank_zlb import HankZLB
from deepham.errors import require
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel
from deepham.simulation.walk import walk

TOLD = 4e4  # basis points a year, of a share a quarter
CONTINUATION = 20  # steps from small shocks to those of the economy


@torch.no_grad()
def simulated(solution, economies: int, quarters: int, nodes: int, every: int) -> dict[str, np.ndarray]:
    """Whether the bound binds and inflation, (quarters, economies), and what is left of the Phillips curve in every so
    manyth quarter, with whether the bound binds there."""
    economy, grid = solution.economy, wealth_grid(solution.economy, nodes, 25.0)
    people = solution.ergodic
    people = on_grid(grid, people.with_assets(people.k.clamp(float(grid[0]), float(grid[-1]))), economy.chain.n_eps)
    start = Panel(people.select([0] * economies), economy.chain.typical_z().expand(economies, -1))
    generator = torch.Generator().manual_seed(1)
    burn_in = quarters // 10
    binds, pi, left, left_binds = [], [], [], []
    for quarter, period in enumerate(walk(solution.world, start, quarters + burn_in, generator, grid)):
        if quarter < burn_in:
            continue
        bound = (period.seen.prices["i"] <= economy.bound)[:, 0]
        binds.append(bound)
        pi.append(period.seen.aggregates["pi"][:, 0])
        if quarter % every == 0:
            left.append(missed_foresight(period)["pi"][:, 0])
            left_binds.append(bound)
    found = {"binds": binds, "pi": pi, "left": left, "left_binds": left_binds}
    return {name: torch.stack(each).numpy() for name, each in found.items()}


def spells(binds: np.ndarray) -> np.ndarray:
    """Lengths of the spells at the bound that begin and end within the path, (quarters, economies)."""
    lengths = []
    for path in binds.T:
        changes = np.flatnonzero(np.diff(path.astype(int)))
        ends = changes[int(path[0]) :]
        lengths += [end - begin for begin, end in zip(ends[::2], ends[1::2], strict=False)]
    return np.array(lengths)


def representative(economy: HankZLB) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The solution of one household of skill one who holds all bonds, in each state of log xi, (n,): output, inflation
    and how often; beta and phi are those at which it rests at r = rstar_bar and L = 1."""
    chances, n = economy.chain.preference.numpy(), economy.states_xi
    beta, phi, menu = 1 / (1 + economy.rstar_bar), 1 / economy.mu, economy.menu

    def left(x: np.ndarray, xi: np.ndarray) -> np.ndarray:
        Y, pi = x[:n], x[n:]
        c = Y * (1 - menu * np.log1p(pi) ** 2)
        i = np.maximum(economy.bound, economy.rstar_bar + economy.phi_pi * pi)
        R, worth = (1 + i)[:, None] / (1 + pi), c**-economy.sigma
        hoped = (chances * Y / Y[:, None] * np.log1p(pi) / R).sum(1)
        gap = phi * Y**economy.nu / worth - 1 / economy.mu
        euler = worth - beta * (chances * R * xi * worth).sum(1) / xi
        return np.concatenate([euler, np.log1p(pi) - economy.kappa * gap - hoped])

    solution = np.concatenate([np.ones(n), np.zeros(n)])
    for share in np.linspace(0, 1, CONTINUATION + 1)[1:]:
        xi = np.exp(share * economy.chain.levels.numpy())
        solution = root(left, solution, args=(xi,), tol=1e-12).x
        require(
            np.abs(left(solution, xi)).max() < 1e-9,
            f"sd_xi: one skill has no solution from {share * economy.sd_xi:.4g} on; expected smaller shocks",
        )
    return solution[:n], solution[n:], np.linalg.matrix_power(chances, 10**4)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description="hank_zlb at its lower bound.")
    parser.add_argument("solution")
    parser.add_argument("--economies", type=int, default=8)
    parser.add_argument("--quarters", type=int, default=250)
    parser.add_argument("--nodes", type=int, default=60)
    parser.add_argument("--every", type=int, default=25)
    given = parser.parse_args()
    solution = deepham.load(given.solution)
    economy = solution.economy
    require(isinstance(economy, HankZLB), "solution: expected one of hank_zlb")
    Y, pi, often = representative(economy)
    binding = economy.rstar_bar + economy.phi_pi * pi <= economy.bound
    print(f"one skill: {100 * often[binding].sum():.2f} % of quarters at the bound, inflation {TOLD * often @ pi:.1f} ")
    print(f"basis points a year on average, from {TOLD * pi.min():.0f} to {TOLD * pi.max():.0f}, Y from {Y.min():.5f}")
    found = simulated(solution, given.economies, given.quarters, given.nodes, given.every)
    means = found["pi"].mean(0)
    error = means.std(ddof=1) / len(means) ** 0.5
    shares = found["binds"].mean(0)
    of_share = shares.std(ddof=1) / len(shares) ** 0.5
    print(f"{economy.states} skills: {100 * shares.mean():.2f} % (standard error {100 * of_share:.2f})")
    print(f"inflation {TOLD * means.mean():.1f} (standard error {TOLD * error:.1f}), ", end="")
    print(f"from {TOLD * found['pi'].min():.0f} to {TOLD * found['pi'].max():.0f}")
    lengths = spells(found["binds"])
    if len(lengths):
        print(f"{len(lengths)} spells of {lengths.mean():.2f} quarters on average, of {lengths.max()} at most")
    for name, here in (("at the bound", found["left_binds"]), ("elsewhere", ~found["left_binds"])):
        left = TOLD * np.abs(found["left"][here])
        if len(left):
            print(f"Phillips curve {name}: mean {left.mean():.2f}, largest {left.max():.2f} basis points a year")


if __name__ == "__main__":
    main()
