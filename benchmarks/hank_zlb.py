"""The known answer of `hank_zlb`: one household of skill one, whose state is xi alone, two equations in each.

    python benchmarks/hank_zlb.py --sd_xi 0.0115

How often the lower bound binds, and what it does to inflation and output. The same of a trained solution, with standard
errors over economies, what its conditions miss at the bound, and how it responds near the bound and far from it; with
one skill beside the known answer:

    python benchmarks/hank_zlb.py SOLUTION
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from itertools import groupby

import numpy as np
import torch
from scipy.optimize import root

import deepham
from deepham.algorithm.residuals import missed_foresight, residuals
from deepham.economics import create
from deepham.economics.hank_zlb import HankZLB, RatesAndPreference
from deepham.errors import require
from deepham.simulation.period import Panel
from deepham.simulation.population import Population
from deepham.simulation.walk import walk
from deepham.solution.solution import Solution

TOLD = 4e4  # basis points a year, of a share a quarter
CONTINUATION = 20  # steps from small shocks to those of the economy
QUARTERS = 12  # of a response


def representative(economy: HankZLB) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The solution of one household of skill one who holds all bonds, in each state of log xi, (n,): output, goods per
    quarter, inflation per quarter, and how often; beta and phi are those at which it rests at r = rstar_bar and L = 1.

    Raises:
        InputError: no solution was found for shocks of this size.
    """
    chain, n = economy.chain, economy.states_xi
    assert isinstance(chain, RatesAndPreference)
    chances = chain.preference.numpy()
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
        xi = np.exp(share * chain.levels.numpy())
        solution = root(left, solution, args=(xi,), tol=1e-12).x
        require(
            bool(np.abs(left(solution, xi)).max() < 1e-9),
            f"sd_xi: no solution was found from {share * economy.sd_xi:.4g} on; expected smaller shocks",
        )
    return solution[:n], solution[n:], np.linalg.matrix_power(chances, 10**4)[0]


def _of(solution: Solution) -> tuple[HankZLB, RatesAndPreference]:
    """Its economy and its shocks."""
    economy = solution.economy
    require(isinstance(economy, HankZLB), f"expected a solution of hank_zlb, got one of {solution.name}")
    assert isinstance(economy, HankZLB) and isinstance(economy.chain, RatesAndPreference)
    return economy, economy.chain


def against(solution: Solution) -> None:
    """A trained economy of one skill beside the known answer, in each state of xi, after a quarter in the same one."""
    economy, chain = _of(solution)
    Y, pi, often = representative(economy)
    n, B = economy.states_xi, torch.full((economy.states_xi, 1), economy.B, dtype=torch.float64)
    z = torch.zeros(n, 4, dtype=torch.float64)
    z[:, 2], z[:, 3] = economy.rate(torch.zeros(n), torch.tensor(pi)), chain.levels
    found = solution.world.period(Panel(Population.panel(B, torch.zeros(n, 1, dtype=torch.long)), z)).accounts
    gaps = [TOLD / 100 * found["pi"][:, 0].numpy() - TOLD * pi, 100 * (found["Y"][:, 0].numpy() / Y - 1)]
    for state in range(n):
        told = (
            f"{TOLD * pi[state]:8.1f}  off by {gaps[0][state]:7.3f};  Y {Y[state]:.5f}  off by {gaps[1][state]:.4f} %"
        )
        print(f"log xi {float(chain.levels[state]):+.4f} ({100 * often[state]:.4f} % of quarters): pi {told}")
    print(
        f"inflation off by {often @ abs(gaps[0]):.3f} basis points a year on average, {abs(gaps[0]).max():.3f} at most"
    )


def at_the_bound(solution: Solution, economies: int, periods: int, seed: int) -> None:
    """How often the bound binds and for how long, what inflation is on average, and how asymmetric."""
    economy, _ = _of(solution)
    simulated = solution.simulate(periods=periods + 100, economies=economies, seed=seed).isel(period=slice(100, None))
    pi, Y, binds = (
        400 * simulated["pi"].values,
        simulated["Y"].values,
        simulated["i"].values <= 100 * economy.bound + 1e-9,
    )
    lengths = [len(list(run)) for one in binds for held, run in groupby(one) if held]
    print(f"at the bound in {100 * binds.mean():.2f} % of quarters ({100 * _error(binds.mean(1)):.2f})", end="; ")
    print(
        f"{len(lengths)} spells of {np.mean(lengths or [0]):.2f} quarters on average, {max(lengths, default=0)} at most"
    )
    spread = [np.percentile(one, (1, 50, 99)) for one in pi]
    down, up = (_told([row[1] - row[0] for row in spread]), _told([row[2] - row[1] for row in spread]))
    print(f"inflation, basis points a year: mean {_told(pi.mean(1))}, which is 0 at rest; the lowest {pi.min():.0f}")
    print(f"  from the median to the lowest percent {down}, to the highest {up}; output from {Y.min():.5f}")


@torch.no_grad()
def missed(solution: Solution, dates: int, seed: int) -> None:
    """What is left of the conditions where the bound binds and where it does not."""
    here, (economy, _) = solution.along_path(dates, 25 * dates, seed), _of(solution)
    rows = []
    for one in range(dates):
        period = solution.world.period(here.select([one]))
        euler = period.panel.population.mean(residuals(solution.world, period.panel, optimality=False).euler.abs())
        left = TOLD * missed_foresight(period)["pi"].abs()
        rows.append([float(period.seen.prices["i"]) <= economy.bound, 100 * float(euler), float(left)])
    table = np.array(rows)
    for name, which in (("at the bound", table[:, 0] == 1), ("away from it", table[:, 0] == 0)):
        if which.any():
            _, euler, left = table[which].mean(0)
            most = table[which, 2].max()
            told = f"Phillips curve {left:.3f} basis points a year on average, {most:.3f} at most"
            print(f"{name}, {which.sum()} dates: Euler error {euler:.4f} %, {told}")


@torch.no_grad()
def responses(solution: Solution, starts: int, states: int, seed: int) -> None:
    """To xi so many states lower, where the nominal rate is in its lowest quarter and where it is in its highest."""
    _, chain = _of(solution)
    here = solution.along_path(starts, 25 * starts, seed)
    place = (here.z[:, 3:] - chain.levels).abs().argmin(1)
    here = here.select((place >= states).nonzero()[:, 0])
    rate = solution.world.period(here).accounts["i"][:, 0]
    moved = here.z.clone()
    moved[:, 3] = chain.levels[(here.z[:, 3:] - chain.levels).abs().argmin(1) - states]
    path = chain.draw_path(here.z, QUARTERS, torch.Generator().manual_seed(seed))
    both = []
    for z in (moved, here.z):
        rows = [period.accounts for period in walk(solution.world, replace(here, z=z), path, grid=solution.grid)]
        both.append(
            {name: unit * torch.cat([row[name] for row in rows], 1) for name, unit in (("Y", 100), ("pi", 400))}
        )
    order, quarter = rate.argsort(), len(rate) // 4
    for name in ("Y", "pi"):
        path = both[0][name] - both[1][name]
        low, high = path[order[:quarter], 0].numpy(), path[order[-quarter:], 0].numpy()
        print(f"xi {states} states lower, {name} at impact: near the bound {_told(low)}, far from it {_told(high)}")


def _error(values) -> float:
    return float(np.std(values, ddof=1) / len(values) ** 0.5)


def _told(values) -> str:
    return f"{np.mean(values):.2f} ({_error(values):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description="The lower bound: the known answer of one skill, and trained solutions."
    )
    parser.add_argument("solution", nargs="?", help="a trained hank_zlb; left out: the known answer alone")
    parser.add_argument("--sd_xi", type=float, default=0.0115)
    parser.add_argument("--economies", type=int, default=16)
    parser.add_argument("--periods", type=int, default=400)
    parser.add_argument("--dates", type=int, default=40)
    parser.add_argument("--states", type=int, default=2, help="by how many xi falls in a response")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.solution is not None:
        solution = deepham.load(given.solution)
        if _of(solution)[0].states == 1:
            against(solution)
        at_the_bound(solution, given.economies, given.periods, given.seed)
        missed(solution, given.dates, given.seed)
        responses(solution, 2 * given.dates, given.states, given.seed)
        return
    economy = create("hank_zlb", sd_xi=given.sd_xi)
    assert isinstance(economy, HankZLB)
    Y, pi, often = representative(economy)
    binding = economy.rstar_bar + economy.phi_pi * pi <= economy.bound
    print(f"at the bound in {100 * often[binding].sum():.2f} % of quarters; inflation, basis points a year:", end=" ")
    print(
        f"mean {TOLD * often @ pi:.1f}, from {TOLD * pi.min():.0f} to {TOLD * pi.max():.0f}; output from {Y.min():.5f}"
    )


if __name__ == "__main__":
    main()
