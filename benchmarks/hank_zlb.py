"""The known answer of `hank_zlb`: one household of skill one, whose state is xi alone, two equations in each.

    python benchmarks/hank_zlb.py --sd_xi 0.0115

How often the lower bound binds, and what it does to inflation and output.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.optimize import root

from deepham.economics import create
from deepham.economics.hank_zlb import HankZLB, RatesAndPreference
from deepham.errors import require

TOLD = 4e4  # basis points a year, of a share a quarter
CONTINUATION = 20  # steps from small shocks to those of the economy


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


def main() -> None:
    parser = argparse.ArgumentParser(description="One skill at the lower bound.")
    parser.add_argument("--sd_xi", type=float, default=0.0115)
    given = parser.parse_args()
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
