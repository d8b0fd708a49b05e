"""Labour supply without a wealth effect: hours follow from the wage, and the economy's file says all of it.

Preferences of Greenwood, Hercowitz and Huffman (1988), Brock and Mirman's technology, households that are all alike:

    max E sum_t beta^t log(c - h^(1+phi)/(1+phi)),   c + k' = R k + w h
    Y = z K^alpha L^(1-alpha),   L = mean of h,   full depreciation

Hours solve h^phi = w. Since w L = (1-alpha) Y, what is consumed beyond the disutility of work is a share of output, and
k' = alpha beta Y: the saving rate of Brock and Mirman (1972).
"""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from deepham.algorithm.residuals import residuals
from deepham.economics.economy import Economy, parameter
from deepham.economics.markov import JointChain
from deepham.economics.preferences import CRRA
from deepham.simulation.period import World
from deepham.simulation.walk import walk


@dataclass(eq=False)
class Working(Economy):
    beta: float = parameter("discount factor", "per period")
    alpha: float = parameter("capital share in output", "share")
    phi: float = parameter("inverse of the Frisch elasticity")
    productivity: list[float] = parameter("z in the bad and in the good state")

    variables: ClassVar = {"Y": ("output", "goods"), "C": ("consumption", "goods"), "I": ("investment", "goods")}

    def tables(self):
        self.preferences = CRRA(1.0)
        self.chain = JointChain([[0.8, 0.2], [0.3, 0.7]], n_z=2, n_eps=1)
        self.z_level = self.table(self.productivity)

    def hours(self, w):
        return w ** (1 / self.phi)

    def disutility(self, w):
        return self.hours(w) ** (1 + self.phi) / (1 + self.phi)

    def aggregates(self, population, z):
        return {"K": population.mean(population.k)}

    def prices(self, aggregates, z):
        K, level = aggregates["K"], self.z_level[z]
        L = ((1 - self.alpha) * level * K**self.alpha) ** (1 / (self.phi + self.alpha))  # where firms pay h^phi
        output = level * K**self.alpha * L ** (1 - self.alpha)
        return {"R": self.alpha * output / K, "w": (1 - self.alpha) * output / L}

    def resources(self, k, eps, z, prices):
        return prices["R"] * k + prices["w"] * self.hours(prices["w"])

    def utility(self, choice, seen):
        return self.preferences.utility(choice["c"] - self.disutility(seen.prices["w"]))

    def marginal_utility(self, choice, seen):
        return self.preferences.marginal_utility(choice["c"] - self.disutility(seen.prices["w"]))

    def interior(self, worth, seen):
        return {"c": self.preferences.inverse_marginal_utility(worth) + self.disutility(seen.prices["w"])}

    def accounts(self, choice, carried, seen):
        output = seen.prices["R"] * seen.aggregates["K"] / self.alpha
        return {"Y": output, "C": seen.population.mean(choice["c"]), "I": seen.population.mean(carried)}

    def steady_state(self):
        z = float(self.chain.stationary_z() @ self.z_level)
        labour = 1 / (self.phi + self.alpha)
        # K = alpha beta Y,  Y = z K^alpha L^(1-alpha),  L = ((1-alpha) z K^alpha)^labour
        power = self.alpha * (1 + labour * (1 - self.alpha))
        level = self.alpha * self.beta * z * ((1 - self.alpha) * z) ** (labour * (1 - self.alpha))
        K = level ** (1 / (1 - power))
        Y = K / (self.alpha * self.beta)
        return {"K": K, "c": Y - K, "m": Y}

    def initial_assets(self, shape, generator):
        return torch.full(shape, self.steady_state()["K"], dtype=torch.float64)


@pytest.fixture
def economy():
    return Working(beta=0.95, alpha=0.36, phi=0.5, productivity=[0.95, 1.05])


def closed_form(economy):
    return lambda seen: (1 - economy.alpha * economy.beta) * seen.resources


def test_the_euler_equation_holds_at_the_closed_form(economy, alike):
    world = World(economy, closed_form(economy), lambda seen: seen.resources)
    panel = alike(economy, 0.7 * economy.steady_state()["K"])
    assert float(residuals(world, panel, optimality=False).euler.abs().max()) < 1e-12


def test_another_saving_rate_misses_it(economy, alike):
    world = World(economy, lambda seen: 0.7 * seen.resources, lambda seen: seen.resources)
    assert float(residuals(world, alike(economy, 0.1), optimality=False).euler.abs().min()) > 1e-2


def test_capital_rests_at_the_steady_state_and_goods_add_up(economy, alike):
    still = Working(beta=0.95, alpha=0.36, phi=0.5, productivity=[1.0, 1.0])
    start = alike(still, still.steady_state()["K"])
    path = torch.stack([start.z] * 4, 1)
    for period in walk(World(still, closed_form(still)), start, path):
        torch.testing.assert_close(period.carried, start.population.k, rtol=1e-12, atol=0)
        accounts = period.accounts
        torch.testing.assert_close(accounts["Y"], accounts["C"] + accounts["I"], rtol=1e-12, atol=0)
