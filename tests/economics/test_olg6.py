"""Six generations: the saving rates of Krueger and Kubler (2004) solve the economy as it is stated."""

import pytest
import torch

from deepham import economics
from deepham.algorithm.residuals import residuals
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel, walk

PUBLISHED = [0.65999925, 0.63939274, 0.60521121, 0.54337900, 0.41176471]
BAD = {"depreciation": [0.2, 1.0], "productivity": [0.7, 1.4]}


def consuming(economy, more=1.0):
    return lambda seen: torch.minimum(more * (1 - economy.saved[seen.eps]) * seen.resources, seen.resources)


def test_saving_rates_are_the_published_ones():
    assert economics.create("olg6").saved[:-1].tolist() == pytest.approx(PUBLISHED, abs=5e-9)


@pytest.mark.parametrize("changes", [{}, {"beta": 0.4}, BAD | {"beta": 0.9}])
def test_the_euler_equation_holds_at_them_in_any_cross_section(changes, seeded):
    economy = economics.create("olg6", **changes)
    panel = initial_panel(economy, 3, 24, seeded())
    world = World(economy, consuming(economy), lambda seen: torch.log(seen.resources))
    assert float(residuals(world, panel, optimality=False).euler.abs().max()) < 1e-12
    careless = World(economy, consuming(economy, 1.05), world.value)
    assert float(residuals(careless, panel, optimality=False).euler.abs().max()) > 1e-2


@pytest.mark.parametrize("continuum", [False, True])
def test_goods_add_up_and_cohorts_stay_of_one_size(continuum, seeded):
    economy = economics.create("olg6")
    start, grid = initial_panel(economy, 2, 24, seeded()), None
    if continuum:
        grid = wealth_grid(economy, 80, 8.0)
        start = Panel(on_grid(grid, start.population, 6), start.z)
    for period in walk(World(economy, consuming(economy)), start, 8, seeded(1), grid):
        books, people = period.accounts, period.panel.population
        torch.testing.assert_close(books["Y"], books["C"] + books["I"], rtol=1e-11, atol=0)
        ages = torch.stack([(people.weight * (people.eps == h)).sum(1) for h in range(6)])
        torch.testing.assert_close(ages, torch.full_like(ages, 1 / 6))


def test_the_known_answers_are_distances_in_percent(seeded):
    economy = economics.create("olg6")
    panel = initial_panel(economy, 2, 24, seeded())
    for more, off in ((1.0, 0.0), (1.1, 0.1)):
        period = World(economy, consuming(economy, more)).period(panel)
        found = {name: float(ours) - truth for name, (ours, truth) in economy.known(period, {}).items()}
        assert found["saving_rate"] == pytest.approx(100 * off * (1 - PUBLISHED[-1]), rel=1e-6, abs=1e-10)
        assert found["consumption"] == pytest.approx(100 * off * 5 / 6, rel=1e-6, abs=1e-10)  # the oldest have no more


def test_a_chain_of_ages_is_moved_whole():
    chain = economics.create("olg6").to(dtype=torch.float32).chain
    assert type(chain).__name__ == "Generations" and chain.successors.shape == (6, 1)
    assert bool(
        (
            Population.panel(torch.zeros(1, 6), chain.start(torch.rand(1, 1), torch.rand(1, 6))[1]).eps
            == torch.arange(6)
        ).all()
    )
