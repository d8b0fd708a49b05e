"""Two ages, stated by the contract alone: who is old dies, and who is born has nothing.

Diamond (1965) with log utility, R = 1 and wages of the young that do not move: the young consume 1 / (1 + beta) of what
they have, the old everything, however much that is.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from walking import advance, advance_histogram

from deepham.algorithm.objective import lifetime_utility
from deepham.algorithm.realised import realised_utility
from deepham.algorithm.residuals import residuals
from deepham.economics.economy import Economy, parameter
from deepham.economics.markov import JointChain
from deepham.economics.preferences import CRRA
from deepham.errors import InputError
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

YOUNG, OLD = 0, 1


@dataclass(eq=False)
class Ages(Economy):
    beta: float = parameter("discount factor of the young", "per period")

    variables: ClassVar = {"C": ("consumption", "goods")}

    def tables(self):
        self.preferences = CRRA(1.0)
        self.chain = JointChain([[0.0, 1.0], [1.0, 0.0]], n_z=1, n_eps=2)
        self.patience = self.table([self.beta, 0.5])  # what the old think of the future does not matter

    def aggregates(self, population, z):
        return {"K": population.mean(population.k)}

    def prices(self, aggregates, z):
        return {"R": torch.ones_like(aggregates["K"])}

    def resources(self, k, eps, z, prices):
        return k + (eps == YOUNG)

    def continues(self, eps, eps_next):
        return (eps_next > eps).double()

    def arrive(self, carried, eps, eps_next):
        return torch.where(eps_next > eps, carried, 0.0)

    def discount(self, eps):
        return self.patience[eps]

    def accounts(self, choice, carried, seen):
        return {"C": seen.population.mean(choice["c"])}

    def steady_state(self):
        return {"K": 0.25, "c": 0.5, "m": 0.75}

    def initial_assets(self, shape, generator):
        return torch.zeros(shape, dtype=torch.float64)


@pytest.fixture
def world():
    economy = Ages(beta=0.9)
    share = 1 / (1 + economy.beta)

    def consume(seen):
        return torch.where(seen.eps == YOUNG, share * seen.resources, seen.resources)

    def value(seen):
        m = seen.resources
        young = torch.log(share * m) + economy.beta * torch.log((1 - share) * m)
        return torch.where(seen.eps == YOUNG, young, torch.log(m))

    return World(economy, consume, value)


@pytest.fixture
def panel(world):
    k, eps = torch.tensor([[0.0, 0.8, 0.3, 0.1]], dtype=torch.float64), torch.tensor([[YOUNG, OLD, YOUNG, OLD]])
    return Panel(Population.panel(k, eps), world.economy.chain.typical_z())


def test_the_young_save_for_an_age_that_has_no_heirs(world, panel):
    errors = residuals(world, panel, optimality=True)
    assert float(errors.euler.abs().max()) < 1e-12 and float(errors.bellman_policy.abs().max()) < 1e-12
    assert float(errors.bellman_optimality.abs().max()) < 1e-6


def test_who_is_born_has_nothing_in_a_panel_and_in_the_continuum(world, panel):
    following, consumption = advance(world, panel, torch.Generator())
    saved = panel.population.k + (panel.population.eps == YOUNG) - consumption
    born = following.population.eps == YOUNG
    assert bool((following.population.k[born] == 0).all()) and torch.equal(following.population.k[~born], saved[~born])
    grid = torch.linspace(0, 2, 201, dtype=torch.float64)
    mass = torch.zeros(1, 2, 201, dtype=torch.float64)
    mass[0, YOUNG, [0, 30]], mass[0, OLD, [80, 10]] = 0.25, 0.25
    histogram, _ = advance_histogram(world, grid, Panel(Population.histogram(grid, mass), panel.z), panel.z)
    after = histogram.weight.reshape(2, -1)
    assert after[YOUNG].tolist() == [0.5, *[0.0] * 200]
    beta = world.economy.beta
    assert float(after[OLD] @ grid) == pytest.approx(0.25 * beta / (1 + beta) * (1.0 + 1.3), rel=1e-12)


def test_utility_along_paths_ends_with_a_life(world, panel):
    starts, sums, _ = realised_utility(world, panel, 2, 1, 5, torch.Generator())
    expected = torch.cat([world.value(world.observe(starts.select([b]))) for b in range(2)])
    torch.testing.assert_close(sums, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("exact", [True, False])
def test_nobody_counts_what_comes_after_death(world, panel, exact):
    found = lifetime_utility(world, panel, 3, torch.Generator(), exact=exact).utility
    torch.testing.assert_close(found, world.value(world.observe(panel)), rtol=1e-12, atol=0)
    assert math.isclose(float(found[0, 1]), math.log(0.8))


@pytest.mark.parametrize(("limit", "begins"), [(0.0, -0.1), (-0.1, -0.2), (-0.1, math.nan)])
def test_debt_that_the_newborn_could_not_repay_is_refused_in_one_line(limit, begins):
    class Indebted(Ages):
        borrowing_limit = limit

        def arrive(self, carried, eps, eps_next):
            return torch.where(eps_next > eps, carried, begins)

        def resources(self, k, eps, z, prices):
            return k + 1 + (eps == YOUNG)

    with pytest.raises(InputError, match=f"arrive: a household that comes to 0 .* begins with {begins:g}, ") as refused:
        Indebted(beta=0.9)
    assert "\n" not in str(refused.value)
    if begins < 0:  # as much as the limit allows is no fault
        Indebted.borrowing_limit = begins
        Indebted(beta=0.9)
