"""Economies that cannot be stated yet, each with its known answer: what the contract has to admit next.

A test is marked with the ability that is missing, strictly: the day it passes the mark has to go. They are written with
the contract that DESIGN has in mind, and in as few lines as a closed form takes.
"""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from deepham.algorithm.residuals import missed_foresight, residuals
from deepham.economics import create
from deepham.economics import economy as contract
from deepham.economics.economy import Economy, parameter
from deepham.economics.markov import JointChain
from deepham.economics.preferences import CRRA
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

CHAIN = [[0.8, 0.2], [0.3, 0.7]]


def missing(ability, raises=AttributeError):
    return pytest.mark.xfail(strict=True, raises=raises, reason=f"missing: {ability}")


@dataclass(eq=False)
class Endowed(Economy):
    """Households without assets of their own whose income is that of the aggregate state; the base of what follows."""

    beta: float = parameter("discount factor", "per period")
    endowment: list[float] = parameter("income in each aggregate state", "goods")

    variables: ClassVar = {"C": ("consumption", "goods")}

    def tables(self):
        self.preferences = CRRA(1.0)
        self.chain = JointChain(CHAIN, n_z=2, n_eps=1)
        self.y = self.table(self.endowment)

    def aggregates(self, population, z):
        return {"K": population.mean(population.k)}

    def prices(self, aggregates, z):
        return {"R": torch.ones_like(aggregates["K"]), "y": self.y[z]}

    def resources(self, k, eps, z, prices):
        return k + prices["y"]

    def accounts(self, choice, carried, seen):
        return {"C": seen.population.mean(choice["c"])}

    def steady_state(self):
        return {"K": 1.0, "c": 1.0, "m": 2.0}

    def initial_assets(self, shape, generator):
        return torch.ones(shape, dtype=torch.float64)


def test_a_bond_clears_at_the_price_of_its_insurance(alike):
    """Lucas (1978) without a tree: bonds are in zero net supply, so that everybody consumes the endowment, and the
    price is q(z) = beta E[y(z) / y(z')].
    """

    class Bonds(Endowed):
        unknowns: ClassVar = {"q": contract.Unknown("price of a bond", "goods", 0.5, 1.5, typical=0.9, spread=0.1)}

        def prices(self, aggregates, z):
            return {"R": torch.ones_like(aggregates["q"]), "q": aggregates["q"], "y": self.y[z]}

        def asset_price(self, seen):
            return seen.prices["q"]

        def conditions(self, choice, carried, seen):
            return {"q": seen.population.mean(carried)}

    economy = Bonds(beta=0.95, endowment=[0.9, 1.1])
    hoped = economy.table(CHAIN) @ (1 / economy.y)
    demand = World(economy, lambda seen: seen.prices["q"] / (economy.beta * hoped[seen.z]))
    seen = demand.observe(alike(economy, 0.0))
    torch.testing.assert_close(seen.prices["q"][:, 0], economy.beta * economy.y * hoped, rtol=1e-8, atol=0)


@missing("a second asset (assets and choices by name)")
def test_a_saver_with_log_utility_holds_the_share_that_maximises_expected_growth():
    """Samuelson (1969): the risky return is 0.9 or 1.2 with equal chance, the safe one is 1. The share of savings in
    the risky asset solves E[(R - 1) / (1 + share (R - 1))] = 0: it is 2.5, and 1 - beta of wealth is consumed.
    """

    class Portfolio(Endowed):
        assets: ClassVar = ("k", "b")
        choices: ClassVar = ("c", "k")

        def tables(self):
            super().tables()
            self.chain = JointChain([[0.5, 0.5], [0.5, 0.5]], n_z=2, n_eps=1)

        def prices(self, aggregates, z):
            return {"R": self.y[z]}

        def resources(self, own, eps, z, prices):
            return prices["R"] * own["k"] + own["b"]

        def carry(self, choice, seen):
            return {"k": choice["k"], "b": seen.resources - choice["c"] - choice["k"]}

        def worth(self, choice, seen):
            marginal = self.preferences.marginal_utility(choice["c"])
            return {"k": seen.prices["R"] * marginal, "b": marginal}

    economy = Portfolio(beta=0.95, endowment=[0.9, 1.2])

    def rule(seen):
        saved = economy.beta * seen.resources
        return {"c": seen.resources - saved, "k": 2.5 * saved}

    held = {name: torch.ones(2, 3, dtype=torch.float64) for name in ("k", "b")}
    panel = Panel(Population.panel(held, torch.zeros(2, 3, dtype=torch.long)), economy.chain.typical_z())
    found = residuals(World(economy, rule, lambda seen: seen.resources), panel, optimality=False)
    assert all(float(each.abs().max()) < 1e-12 for each in found.euler.values())


@missing("parameters as inputs (tomorrow's states of an economy share its parameters)", RuntimeError)
def test_economies_of_one_batch_have_their_own_capital_share():
    """Brock and Mirman's rule c = (1 - beta) R k holds in each of them, whatever its alpha."""
    economy = create("brock_mirman")
    economy.alpha = torch.tensor([[0.3], [0.4], [0.5]], dtype=torch.float64)
    k = torch.full((3, 2), 0.2, dtype=torch.float64)
    panel = Panel(Population.panel(k, torch.zeros(3, 2, dtype=torch.long)), torch.tensor([[0], [1], [1]]))
    world = World(economy, lambda seen: (1 - economy.beta) * seen.resources, lambda seen: seen.resources)
    assert float(residuals(world, panel, optimality=False).euler.abs().max()) < 1e-12


def test_inflation_is_the_discounted_sum_of_gaps(alike):
    """A Phillips curve pi = beta E pi' + kappa x(z): on a chain pi = kappa (1 - beta P)^-1 x."""
    kappa, x = 0.1, torch.tensor([-0.02, 0.01], dtype=torch.float64)

    class Sticky(Endowed):
        unknowns: ClassVar = {"pi": contract.Unknown("inflation", "share", -1, 1, 0.01, 0.1, by="network")}

        def prices(self, aggregates, z):
            return super().prices(aggregates, z) | {"x": x[z]}

        def foresight(self, today, tomorrow, expect):
            return {"pi": today["pi"] - self.beta * expect(tomorrow["pi"]) - kappa * today["x"]}

    economy = Sticky(beta=0.95, endowment=[1.0, 1.0])
    P = economy.table(CHAIN)
    pi = kappa * torch.linalg.solve(torch.eye(2, dtype=torch.float64) - economy.beta * P, x)
    world = World(economy, lambda seen: seen.resources, outlook=lambda seen: {"pi": pi[seen.z]})
    found = missed_foresight(world.period(alike(economy, 0.0)))["pi"]
    assert float(found.abs().max()) < 1e-12
    wrong = World(economy, lambda seen: seen.resources, outlook=lambda seen: {"pi": pi[seen.z] + 0.01})
    left = missed_foresight(wrong.period(alike(economy, 0.0)))["pi"]
    torch.testing.assert_close(left, torch.full_like(left, 0.01 * (1 - economy.beta)))
