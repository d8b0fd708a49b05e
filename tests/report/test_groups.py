"""The section on ages and types, of households whose rule is known."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from deepham import economics
from deepham.algorithm.by_age import by_kind
from deepham.presentation.file_table import FileTable
from deepham.report.group_section import group_section
from deepham.report.study import Study
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.walk import initial_panel
from deepham.solution.solved import SolvedEconomy
from deepham.solution.welfare import equivalent, lives

CASES = {"olg6": "by_age", "ks98_beta": "by_type"}


def solved_economy(name):
    economy = economics.create(name)
    people = initial_panel(economy, economy.chain.n_z, 240, torch.Generator().manual_seed(0)).population
    grid = wealth_grid(economy, 30, 8.0)
    mass = on_grid(grid, people.with_assets(people.k.clamp(grid[0], grid[-1])), economy.chain.n_eps).weight
    return SolvedEconomy(
        name, economy, lambda seen: economy.available(seen) / 2, lambda seen: seen.resources, grid, mass
    )


@pytest.fixture(scope="module", params=CASES)
def study(request):
    solved = solved_economy(request.param)
    n_eps = solved.economy.chain.n_eps
    cost = SimpleNamespace(shares=solved.pooled.weight.reshape(n_eps, -1).sum(1).numpy(), by_state=np.arange(n_eps))
    shock = solved.economy.naming.worst
    response = solved.irf(shock, 4, 4)
    return Study("a", solved, solved.simulate(5, seed=1), [], {}, solved.cross_sections, response, cost=cost)


def test_each_group_has_its_line_its_response_and_its_cost(study):
    section = group_section([study])
    groups, what = study.solved.economy.groups(), CASES[study.solved.name]
    assert [each.name for each in section.shown] == [what, "groups", "irf_groups"]
    table = section.shown[1].content
    assert isinstance(table, FileTable) and [row[0] for row in table.rows] == list(groups.names)
    numbers = np.array([row[2:] for row in table.exact_rows], dtype=float)
    assert numbers[:, :2].sum(0) == pytest.approx([100, 100])  # of households, and of what they hold
    of = groups.of.numpy()
    expected = np.bincount(of, study.cost.shares * study.cost.by_state) / np.bincount(of, study.cost.shares)
    assert numbers[:, -1] == pytest.approx(expected)
    for each in (section.shown[0], section.shown[2]):
        each.content.draw_without_rendering()
        assert all(axes.lines for axes in each.content.axes if axes.get_visible())
    assert sum(axes.get_visible() for axes in section.shown[2].content.axes) == len(groups.names)


def test_consumption_of_groups_adds_up_to_that_of_all(study):
    panel, groups = study.dates, study.solved.economy.groups()
    people, c = panel.population, study.solved.world.period(panel).consumption
    means, shares = groups.means(people.eps, people.weight, c)
    torch.testing.assert_close((means * shares).sum(1, keepdim=True), people.mean(c), rtol=1e-10, atol=0)
    found = by_kind(study.solved.world, panel, groups.of)
    torch.testing.assert_close(found["share"] @ found["consumption"], people.mean(c).mean(), rtol=1e-10, atol=0)
    assert [study.path[f"C_group{i + 1}"].attrs["long_name"].endswith(name) for i, name in enumerate(groups.names)]


def test_who_has_no_group_has_no_section():
    assert group_section([Study("a", SimpleNamespace(economy=economics.create("ks98")), None, [], {}, None)]) is None


@pytest.mark.parametrize("name", ["ks98", "ks98_beta", "life_cycle", "olg6"])
def test_three_percent_more_consumption_for_a_life_is_worth_three_percent(name):
    """Whoever consumes c in every period of what is left of a life has u(c) times the periods, discounted."""
    economy = economics.create(name)
    moves, n = economy.chain.average(), economy.chain.n_eps
    every = torch.arange(n)
    lasts = economy.continues(every[:, None].expand(n, n), every.expand(n, n))
    weight = torch.as_tensor(economy.discount(every)).expand(n)[:, None] * (moves if lasts is None else moves * lasts)

    def for_life(c):
        value = torch.full(
            (n,), float(economy.preferences.utility(torch.tensor(c, dtype=torch.float64))), dtype=torch.float64
        )
        power = weight
        for _ in range(14):  # of a geometric series, twice as many terms each time
            value, power = value + power @ value, power @ power
        return value.numpy()[:, None]

    raised, usual = for_life(1.03 * 0.7), for_life(0.7)
    np.testing.assert_allclose(equivalent(economy, raised, usual, lives(economy)), 3.0, rtol=1e-6)
