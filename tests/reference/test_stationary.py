"""Without an aggregate shock: an Aiyagari economy, against another method, a published figure and its own
identities."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from walking import advance_histogram

from deepham import economics
from deepham.economics.economy import Economy
from deepham.economics.markov import JointChain
from deepham.economics.preferences import CRRA
from deepham.errors import NotConverged
from deepham.reference.compare import compare
from deepham.reference.settings import ReferenceSettings
from deepham.reference.solve import solve_reference
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

SETTINGS = ReferenceSettings(
    k_nodes=200,
    K_nodes=5,
    K_width=0.2,
    top=8.0,
    histogram_nodes=300,
    economies=1,
    burn_in=0,
    periods=100,
    tolerance=1e-6,
    damping=0.25,
    iterations=60,
    seed=1,
)
FIND, LOSE = 0.6, 0.6 * 0.07 / 0.93  # probabilities that keep unemployment at 7 %
CHAIN = np.array([[1 - FIND, FIND], [LOSE, 1 - LOSE]])


def one_state(**overrides):
    return economics.create(
        "ks98",
        **{"productivity": [1.0], "unemployment": [0.07], "chain_matrix": [[1 - FIND, FIND], [LOSE, 1 - LOSE]]}
        | overrides,
    )


@pytest.fixture(scope="module")
def solved():
    economy = one_state(beta=0.96)
    return economy, solve_reference(economy, SETTINGS)


def test_households_hold_the_capital_whose_prices_they_face(solved):
    economy, reference = solved
    resting = float(reference.law.intercept.exp())
    assert float(reference.law.slope) == 0
    assert float(reference.start.mean(reference.start.k)) == pytest.approx(resting, rel=1e-4)
    assert resting > economy.steady_state()["K"], "households save against the risk of their income"
    assert reference.measures["forecast.max"] < 0.01 and reference.measures["euler.mean"] < 0.01


def test_the_cross_section_stays_as_it_is(solved):
    economy, reference = solved
    z = torch.zeros(1, 1, dtype=torch.long)
    following, _ = advance_histogram(reference.world, reference.grid, Panel(reference.start, z), z)
    torch.testing.assert_close(following.weight, reference.start.weight, rtol=0, atol=1e-7)
    unemployed = reference.start.weight.reshape(2, -1).sum(1)[0]
    assert float(unemployed) == pytest.approx(0.07, abs=1e-6)  # the chain's own share


def plain_household(K, k):
    """Income (eps,), the gross return and consumption (k, eps) by time iteration with a bisection at every node."""
    alpha, delta, beta, labour = 0.36, 0.025, 0.96, 0.93 / 0.9
    R, w = 1 - delta + alpha * (K / labour) ** (alpha - 1), (1 - alpha) * (K / labour) ** alpha
    income = np.array([0.15 * w, (1 - 0.15 * 0.07 / labour) * w / 0.9])
    m = R * k[:, None] + income
    c = 0.5 * m
    for _ in range(400):
        low, high = np.full_like(m, 1e-9), m.copy()
        for _ in range(40):
            middle = (low + high) / 2
            tomorrow = np.stack([np.interp(m - middle, k, c[:, eps]) for eps in range(2)], 2)  # (k, eps, eps')
            too_low = 1 / middle > beta * R * (CHAIN / tomorrow).sum(2)
            low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
        c = (low + high) / 2
    return income, R, c


def plain_supply(K, k):
    """Mean wealth of 20,000 households drawn one by one."""
    income, R, c = plain_household(K, k)
    draws = np.random.default_rng(0)
    wealth, state = np.full(20_000, K), (draws.random(20_000) > 0.07).astype(int)
    for _ in range(1500):
        spent = np.where(state == 0, np.interp(wealth, k, c[:, 0]), np.interp(wealth, k, c[:, 1]))
        wealth, state = R * wealth + income[state] - spent, (draws.random(20_000) > CHAIN[state, 0]).astype(int)
    return wealth.mean()


@pytest.mark.slow
def test_another_method_finds_the_same_policy_and_capital(solved):
    economy, reference = solved
    K = float(reference.law.intercept.exp())
    k = 8 * K * np.linspace(0, 1, 200) ** 3
    consumption = plain_household(K, k)[2]
    asked = torch.tensor(k[5:140:9])[None]
    for eps in range(2):
        ours = reference.policy_function(_observe(economy, K, asked, eps))[0].numpy()
        np.testing.assert_allclose(ours, consumption[5:140:9, eps], rtol=1e-3)
    # supply falls steeply as K rises, so that the two methods agree on K more closely than on supply at one K
    assert plain_supply(0.995 * K, k) > 0.995 * K
    assert plain_supply(1.005 * K, k) < 1.005 * K


def _observe(economy, K, k, eps):
    everybody = Population.panel(torch.full((1, 1), K, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.long))
    return World(economy).observe(
        Panel(everybody, torch.zeros(1, 1, dtype=torch.long)), k=k, eps=torch.full(k.shape, eps)
    )


@dataclass(eq=False)
class Davila(Economy):
    """The economy without aggregate shocks of Davila, Hong, Krusell and Rios-Rull (2012), as far as a test needs it."""

    beta: float = 0.887
    variables: ClassVar = {}

    def tables(self):
        self.preferences = CRRA(2.0)
        self.chain = JointChain([[0.992, 0.008, 0], [0.009, 0.980, 0.011], [0, 0.083, 0.917]], n_z=1, n_eps=3)
        self.income, self.labour = self.table([1.0, 5.29, 46.55]), 5.574

    def aggregates(self, population, z):
        return {"K": population.mean(population.k)}

    def prices(self, aggregates, z):
        ratio = aggregates["K"] / self.labour
        return {"R": 1 - 0.08 + 0.36 * ratio ** (0.36 - 1), "w": 0.64 * ratio**0.36}

    def resources(self, k, eps, z, prices):
        return prices["R"] * k + prices["w"] * self.income[eps]

    def accounts(self, choice, carried, seen):
        return {}

    def steady_state(self):
        K = self.labour * (0.36 / (1 / self.beta - 1 + 0.08)) ** (1 / 0.64)
        output = K**0.36 * self.labour**0.64
        return {"K": K, "c": output - 0.08 * K, "m": output + 0.92 * K}

    def initial_assets(self, shape, generator):
        return torch.full(shape, self.steady_state()["K"], dtype=torch.float64)


@pytest.mark.slow
def test_a_published_equilibrium_with_a_heavy_tail():
    """Davila et al.: K 30.6, wealth's coefficient of variation 2.6 and Gini .86. The published figures come from panels
    of 50 households, of whom three are rich.
    """
    reference = solve_reference(Davila(), replace(SETTINGS, k_nodes=400, top=100.0, histogram_nodes=600))
    measures = reference.measures
    assert measures["mean_K"] == pytest.approx(30.635, rel=0.03)
    assert measures["wealth_sd"] / measures["mean_K"] == pytest.approx(2.621, rel=0.05)
    assert measures["gini"] == pytest.approx(0.864, abs=0.01)
    assert measures["top_mass"] < 1e-6


def test_a_path_of_the_stationary_economy_does_not_move(solved):
    economy, reference = solved
    candidate, truth, gaps = compare(reference.world, reference, torch.zeros(1, 60, 1, dtype=torch.long), 10, 2)
    assert float(truth.K.std()) < 1e-4 and max(abs(value) for value in gaps.values()) < 1e-9
    assert float(candidate.share_z) == 1


def test_saving_without_end_is_refused():
    economy = one_state(beta=0.96)
    economy.prices = lambda aggregates, z: {
        "R": torch.full_like(aggregates["K"], 1.06),
        "w": torch.ones_like(aggregates["K"]),
    }
    with pytest.raises(NotConverged, match="households hold more capital than firms use"):
        solve_reference(economy, replace(SETTINGS, k_nodes=60, histogram_nodes=60))
