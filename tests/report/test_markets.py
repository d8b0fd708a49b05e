"""Markets in a report: curves and plans are those of the economy, and drawn of whatever clears within the period."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from deepham import economics
from deepham.algorithm.evaluation import VerdictSettings, measure
from deepham.presentation.file_table import FileTable
from deepham.report import figures_markets, figures_of_studies, response_sections
from deepham.report.market_section import market_section
from deepham.report.markets import markets
from deepham.report.study import Study
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.walk import initial_panel
from deepham.solution.solved import SolvedEconomy

SHARE = 0.51  # of what households have beyond the limit that they eat


def study(name, policy, label="a"):
    """Of households that follow this rule, which is nobody's optimum."""
    economy = economics.create(name)
    people = initial_panel(economy, economy.chain.n_z, 200, torch.Generator().manual_seed(0)).population
    grid = wealth_grid(economy, 40, 20.0)
    mass = on_grid(grid, people, economy.chain.n_eps).weight
    kept = economy.chain.kept(economy.chain.typical_z())
    solved = SolvedEconomy(name, economy, policy(economy), lambda seen: seen.resources, grid, mass, **kept)
    ergodic, _ = measure(solved.world, solved.cross_sections, VerdictSettings(40, 20.0, 5, 60, 30), 0)
    path = solved.simulate(20, seed=1)
    return Study(label, solved.along(ergodic), path, [], {}, ergodic.dates, markets=markets(solved.world, ergodic))


def eat_bonds(economy):
    return lambda seen: SHARE * (seen.resources - seen.prices["q"] * economy.borrowing_limit)


def eat_capital(economy):
    return lambda seen: 0.08 * economy.spendable(seen)


@pytest.fixture(scope="module")
def bonds():
    return study("huggett", eat_bonds)


@pytest.fixture(scope="module")
def hours():
    return study("ks98_labour", eat_capital)


def test_the_curve_is_what_households_want_beyond_what_there_is(bonds):
    """q b' = (1 - s) m + s q b_min, so that the market clears at q* = (1 - s) / s mean m / -b_min, and at q households
    want -b_min s (q*/q - 1)."""
    economy, (market,) = bonds.solved.economy, bonds.markets
    assert (market.name, market.unit) == ("r", "percent per period")
    prices = [1 / (1 + one.clears / 100) for one in market.schedules]
    assert len(prices) == 3 and prices == sorted(prices)  # where incomes are high, bonds are dear
    for one, clears in zip(market.schedules, prices):
        q = 1 / (1 + one.shown / 100)
        wanted = -economy.b_min * SHARE * (clears / q - 1) / economy.mean_income
        np.testing.assert_allclose(one.excess, 100 * wanted, atol=1e-6)
        assert one.slope == pytest.approx(100 * -economy.b_min * SHARE * clears / 100 / economy.mean_income, rel=1e-3)


def test_plans_are_told_at_three_prices_of_which_the_middle_one_clears(bonds):
    economy, (market,) = bonds.solved.economy, bonds.markets
    assert market.plans[1].shown == pytest.approx(market.schedules[1].clears, abs=1e-6)
    assert market.plans[0].shown > market.plans[1].shown > market.plans[2].shown
    for plan in market.plans:
        q = 1 / (1 + plan.shown / 100)
        spent = plan.c + q * plan.carried  # m, which no price is in
        np.testing.assert_allclose(spent - market.k, (spent - market.k)[:, :1].repeat(len(market.k), 1), atol=1e-9)
        assert (plan.carried >= economy.b_min).all()


def test_more_labour_than_clears_is_more_than_is_supplied(hours):
    (market,) = hours.markets
    assert market.name == "L" and len(market.schedules) == 2  # aggregate states
    for one in market.schedules:
        assert one.slope < 0 and (np.diff(one.excess) < 0).all()
    assert market.path.std() > 0


@pytest.mark.parametrize("which", ["bonds", "hours"])
def test_a_section_has_what_clears(which, request):
    one = request.getfixturevalue(which)
    section = market_section([one])
    assert section is not None
    assert [each.name for each in section.shown] == ["schedules", "schedules_table", "plans", "prices"]
    for each in section.shown:
        if isinstance(each.content, FileTable):
            assert len(each.content.rows) == len(one.markets[0].schedules)
        else:
            each.content.draw_without_rendering()
            assert all(axes.lines for axes in each.content.axes if axes.get_visible())
    assert market_section([Study("b", one.solved, one.path, [], {}, one.dates)]) is None


def test_the_path_of_a_price_is_held_against_that_of_the_last_study(bonds):
    """In basis points: rates are in percent."""
    other = replace(bonds, label="grid", markets=[replace(bonds.markets[0], path=bonds.markets[0].path - 0.02)])
    level, gap = figures_markets.paths_figure([bonds, other]).axes
    assert len(level.lines) == 2
    np.testing.assert_allclose(gap.lines[0].get_ydata(), 2.0, atol=1e-9)
    assert "basis points" in gap.get_ylabel() and "grid" in gap.get_title()


def test_hours_are_among_what_households_do(hours):
    """A panel of its own, and in the change of wealth what longer hours bring."""
    *_, saved, _, worked = figures_of_studies.policy_figure([hours]).axes
    assert "Hours worked" in worked.get_title()
    solved = hours.solved
    for eps, line in zip((0, 1), worked.lines):
        states = {"k": line.get_xdata(), "eps": eps, "z": 1}
        chosen = solved.choices(**states)
        np.testing.assert_array_equal(line.get_ydata(), chosen["n"])
    assert (worked.lines[0].get_ydata() == 0).all() and (worked.lines[1].get_ydata() > 0).all()
    overtime = chosen["n"] - solved.economy.customary
    beyond = chosen["k_next"] - (solved.resources(**states) - chosen["c"])
    np.testing.assert_allclose(beyond / overtime, beyond[0] / overtime[0], rtol=1e-9)  # what an hour pays
    np.testing.assert_allclose(saved.lines[1].get_ydata(), chosen["k_next"] - states["k"], atol=1e-12)


def test_debtors_are_told_and_wealth_that_is_nothing_has_no_shares(bonds):
    figure = figures_of_studies.wealth_figure([bonds])
    legend = " ".join(text.get_text() for text in figure.legends[0].get_texts())
    people = bonds.solved.pooled
    in_debt = 100 * float(((people.k < 0) * people.weight).sum())
    assert f"in debt: {in_debt:.1f} %" in legend
    lorenz = figure.axes[2]
    held = lorenz.lines[0].get_ydata()
    assert "goods a head" in lorenz.get_ylabel()
    assert held[-1] == pytest.approx(float(people.mean(people.k)), abs=1e-9) and held.min() < 0


def test_responses_tell_of_what_clears_and_of_no_shares_of_nothing(bonds):
    transferred = bonds.solved.irf({"transfer": 0.05, "top": 0.1, "bottom": 0.5}, 3, 2)
    section = response_sections.transfer([replace(bonds, transfer=transferred)])
    assert section is not None
    figure, table = (each.content for each in section.shown)
    titles = " ".join(axes.get_title() for axes in figure.axes)
    assert "interest rate" in titles and "Gini" not in titles
    names = {row[0] for row in table.exact_rows}
    assert "r" in names and "gini" not in names
