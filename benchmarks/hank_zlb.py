"""The known answer of `hank_zlb`: one household of skill one, whose state is xi alone, two equations in each.

    python benchmarks/hank_zlb.py --sd_xi 0.0115
    python benchmarks/hank_zlb.py --solution CHECKPOINT

How often the lower bound binds, and what it does to inflation and output. Of a trained solution of one skill: how far
its inflation is from that in each state of xi, wherever last quarter's may have left the nominal rate.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from scipy.optimize import root
from torch import Tensor

import deepham
from deepham.economics import create
from deepham.economics.hank_zlb import HankZLB, RatesAndPreference
from deepham.errors import InputError, require
from deepham.simulation.period import Panel

TOLD = 4e4  # basis points a year, of a share a quarter
CONTINUATION = 20  # steps from small shocks to those of the economy
SELDOM = 1e-3  # chance of a state of xi after another, below which the pair is not looked at


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


@torch.no_grad()
def gaps(solution) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Of a trained solution of one skill in each state of xi: how far inflation, basis points a year, and output,
    percent, are from the known ones, by the state that xi comes from, and how likely that is, (states before,) each.
    All hold the solution's ergodic cross-section, and the nominal rate was set in the state before.

    Raises:
        InputError: of several skills.
    """
    economy, world = solution.economy, solution.world
    if not isinstance(economy, HankZLB) or economy.states > 1:
        raise InputError("expected a solution of hank_zlb with model.states=1")
    Y, pi, often = representative(economy)
    chain, rates = economy.chain, economy.rate(torch.zeros(len(pi)), torch.tensor(pi))
    assert isinstance(chain, RatesAndPreference)
    found = []
    for state, level in enumerate(chain.levels):
        before = (chain.preference[:, state] > SELDOM).nonzero()[:, 0]
        z = torch.stack([0 * rates[before], 0 * rates[before], rates[before], level.expand(len(before))], 1)
        seen = world.period(Panel(solution.ergodic.select([0] * len(before)), z)).seen.wide
        weight = chain.preference[before, state] * torch.tensor(often)[before]
        off = TOLD * (seen["pi"][:, 0] - pi[state]), 100 * (seen["Y"][:, 0] / Y[state] - 1)
        found.append((*off, weight / weight.sum()))
    return found


def against(solution) -> None:
    """Prints these gaps, on average over the states that xi comes from, and the largest."""
    found = gaps(solution)
    _, pi, often = representative(solution.economy)
    print("log xi, %  how often, %  inflation, known     gap (largest)   output gap, % (largest)")
    for level, share, known, (gap, made, weight) in zip(solution.economy.chain.levels, often, pi, found, strict=True):
        row = f"{100 * float(level):8.2f} {100 * share:12.3f} {TOLD * known:18.2f}"
        row += f" {float(weight @ gap):11.2f} ({float(gap.abs().max()):5.2f})"
        print(row + f" {float(weight @ made):13.4f} ({float(made.abs().max()):.4f})")
    print(f"largest gap of inflation: {max(float(gap.abs().max()) for gap, _, _ in found):.2f} basis points a year")


def main() -> None:
    parser = argparse.ArgumentParser(description="One skill at the lower bound.")
    parser.add_argument("--sd_xi", type=float, default=0.0115)
    parser.add_argument("--solution", help="a trained one of one skill, to be held against the known answer")
    given = parser.parse_args()
    if given.solution:
        against(deepham.load(given.solution))
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
