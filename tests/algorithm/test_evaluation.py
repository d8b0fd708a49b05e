"""The ergodic path and the measures taken over it."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from deepham.algorithm import record
from deepham.algorithm.business_cycle import standard_error
from deepham.algorithm.ergodic import VerdictSettings, ergodic_path, ergodic_paths
from deepham.algorithm.evaluation import (
    POOREST,
    QUANTILES,
    RICHEST,
    _evenly,
    distribution_measures,
    error_measures,
    measure,
    measure_names,
    moment_errors,
    quantile_name,
)
from deepham.errors import InputError
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

BURN_IN, PERIODS = 20, 120


@pytest.fixture
def path(bm, closed_form, seeded):
    """Three economies under the closed form; the first two have the same z."""
    grid = wealth_grid(bm, 100, 4.0)
    k = bm.initial_assets((1, 9), seeded()).expand(3, 9)
    start = on_grid(grid, Population.panel(k, torch.zeros(3, 9, dtype=torch.long)), 1)
    z = bm.chain.draw_path(torch.tensor([[0], [1]]), PERIODS, seeded(1))[[0, 0, 1]]
    return ergodic_path(
        World(bm, closed_form.policy), grid, Panel(start, z[:, 0]), z, BURN_IN, dates=3 * (PERIODS - BURN_IN)
    ), z


def test_capital_follows_the_closed_form_in_step_with_z(path):
    ergodic, z = path
    assert (*ergodic.K.shape, 1) == ergodic.z.shape == (3, PERIODS - BURN_IN, 1)
    assert torch.equal(ergodic.z, z[:, BURN_IN:])
    level = torch.tensor([0.9, 1.1], dtype=torch.float64)[ergodic.z[:, :-1, 0]]
    torch.testing.assert_close(ergodic.K[:, 1:], 0.36 * 0.95 * level * ergodic.K[:, :-1] ** 0.36, rtol=1e-10, atol=0)


@pytest.mark.parametrize("at_once", [1, 7 * 300, 10**9])
def test_worlds_that_are_followed_together_go_the_way_that_each_goes_alone(path, bm, closed_form, monkeypatch, at_once):
    """However many periods are worked out at a time: all that is kept of both, the blocks of the path and the dates
    included."""
    first, z = path
    start = first.dates.population.select(slice(3))
    lavish = World(bm, lambda seen: 1.01 * closed_form.policy(seen))
    both = [World(bm, closed_form.policy), lavish]
    given = first.grid, Panel(start, z[:, BURN_IN]), z[:, BURN_IN:], 11, 9
    alone = [ergodic_path(each, *given) for each in both]
    monkeypatch.setattr(record, "AT_ONCE", at_once)
    for one, other in zip(ergodic_paths(both, *given), alone, strict=True):
        for name in ("mean_mass", "block_mass", "share_z", "K", "z"):
            torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=1e-12, atol=1e-18)
        torch.testing.assert_close(one.dates.population.weight, other.dates.population.weight, rtol=1e-12, atol=1e-18)
        assert one.accounts.keys() == other.accounts.keys()
        for name, values in one.accounts.items():
            torch.testing.assert_close(values, other.accounts[name], rtol=1e-12, atol=1e-18)
        assert one.welfare == pytest.approx(other.welfare, rel=1e-12) and one.resource_gap < 1e-9
    assert not torch.allclose(alone[0].K, alone[1].K)


def test_equal_shocks_give_equal_paths_and_other_shocks_do_not(path):
    K = path[0].K
    assert torch.equal(K[0], K[1]) and not torch.equal(K[0], K[2])


def test_masses_by_z_sum_to_one_and_average_to_mean_capital(path):
    ergodic, _ = path
    torch.testing.assert_close(ergodic.mean_mass.sum(1), torch.ones(2, dtype=torch.float64))
    by_z = ergodic.mean_mass @ ergodic.grid
    for z in (0, 1):
        assert float(ergodic.share_z[z]) == pytest.approx(float((ergodic.z == z).double().mean()))
        assert float(by_z[z]) == pytest.approx(float(ergodic.K[ergodic.z[..., 0] == z].mean()), rel=1e-12)


def test_kept_dates_are_those_of_the_path(path):
    ergodic, _ = path
    own = ergodic.dates.population
    assert own.k.shape == (300, len(ergodic.grid))
    torch.testing.assert_close(own.mean(own.k)[:, 0], ergodic.K.T.flatten())
    assert torch.equal(ergodic.dates.z, ergodic.z.transpose(0, 1).flatten(0, 1))


def test_dates_are_spread_evenly(bm, closed_form, path):
    full, z = path
    start = full.dates.population.select(slice(3))
    few = ergodic_path(
        World(bm, closed_form.policy), full.grid, Panel(start, z[:, BURN_IN]), z[:, BURN_IN:], 0, dates=15
    )
    own = few.dates.population
    torch.testing.assert_close(own.mean(own.k)[:, 0], few.K[:, ::20].T.flatten())


def test_welfare_is_the_certain_consumption_whose_utility_is_the_mean_of_all(bm, closed_form, path):
    """Of the sample itself: log utility, so a geometric mean; and of the same consumption for all it is that
    consumption."""
    ergodic, _ = path
    own = ergodic.dates  # every period was kept
    consumption = closed_form.policy(World(bm).observe(own))
    expected = float(own.population.mean(consumption.log()).mean().exp())
    assert distribution_measures(ergodic)["welfare"] == pytest.approx(expected, rel=1e-9)
    same = ergodic_path(
        World(bm, lambda seen: 0.3 * torch.ones_like(seen.resources)),
        ergodic.grid,
        own.select(slice(3)),
        torch.ones(3, 5, 1, dtype=torch.long),
        2,
        3,
    )
    assert same.welfare == pytest.approx(0.3, rel=1e-12)


def test_distribution_measures_pool_households_over_time(path):
    ergodic, _ = path
    measures = distribution_measures(ergodic)
    own = ergodic.dates.population  # every period was kept: the pooled sample itself
    mass = (own.weight / 300).sum(0).tolist()
    pairs = list(zip(ergodic.grid.tolist(), mass))
    mean = sum(k * w for k, w in pairs)
    assert measures["mean_K"] == pytest.approx(mean, rel=1e-12)
    assert measures["wealth_sd"] == pytest.approx(sum(w * (k - mean) ** 2 for k, w in pairs) ** 0.5, rel=1e-10)
    assert measures["sd_K"] == pytest.approx(float(ergodic.K.std()), rel=1e-12)
    gini = sum(v * w * abs(k - j) for k, v in pairs for j, w in pairs) / (2 * mean)
    assert measures["gini"] == pytest.approx(gini, rel=1e-10)
    mass, nodes = np.array(mass), ergodic.grid.numpy()
    middle = mass.cumsum() - np.where(nodes == nodes[0], 0, mass / 2)
    for level in QUANTILES:
        assert measures[quantile_name(level)] == pytest.approx(np.interp(level, middle, nodes), rel=1e-9)
    lorenz = np.concatenate([[0], (mass * nodes).cumsum() / mean])
    for name, share in RICHEST.items():
        assert measures[name] == pytest.approx(
            1 - np.interp(1 - share, np.concatenate([[0], mass.cumsum()]), lorenz), rel=1e-9
        )


def test_those_at_the_limit_and_at_the_top_are_counted_as_they_are(path, seeded):
    """Of a cross-section with many at the lowest node, who are there for certain, and some at the last."""
    ergodic, _ = path
    mass = torch.rand(ergodic.mean_mass.shape, generator=seeded(), dtype=torch.float64)
    mass[:, 0] = 0.4 * mass.sum(1)
    ergodic = replace(ergodic, mean_mass=mass / mass.sum(1, keepdim=True))
    measures, nodes = distribution_measures(ergodic), ergodic.grid.numpy()
    pooled = (ergodic.share_z[:, None] * ergodic.mean_mass).sum(0).numpy()
    assert measures["top_mass"] == pytest.approx(pooled[-1], rel=1e-9) and pooled[0] > 0.25
    assert measures["wealth_q25"] == measures["wealth_q01"] == nodes[0]
    shares, held = (np.concatenate([[0], each.cumsum()]) for each in (pooled, pooled * nodes))
    for name, share in POOREST.items():
        assert measures[name] == pytest.approx(np.interp(share, shares, held) / held[-1], rel=1e-9)


def test_standard_errors_are_those_of_leaving_out_a_tenth_of_the_periods(path):
    """Every period was kept: of all households in the others the same measures are taken."""
    ergodic, _ = path
    weight = ergodic.dates.population.weight.reshape(PERIODS - BURN_IN, 3, -1)

    def among(periods):
        pooled = Population(ergodic.grid.expand(1, -1), None, weight[periods].mean((0, 1))[None])
        K = ergodic.K[:, periods]
        sd = pooled.mean((pooled.k - pooled.mean(pooled.k)) ** 2).sqrt()
        return {"mean_K": float(K.mean()), "sd_K": float(K.std()), "wealth_sd": float(sd)}

    every = torch.arange(PERIODS - BURN_IN)
    others = [among(every // 10 != block) for block in range(10)]
    found = moment_errors(ergodic)
    for name, value in among(every).items():
        assert found[name] == pytest.approx(standard_error(value, [each[name] for each in others]), rel=1e-6)
        assert found[name] > 0


def test_error_measures_are_weighted_statistics_in_percent(bm, bm_panel, closed_form):
    """Some follow the closed form, most consume twice as much, 13 in a thousand thrice, 2 four times."""
    weight = torch.tensor([0.1, 0.1, 0.1, 0.1, 0.585, 0.013, 0.002], dtype=torch.float64).expand(4, 7)
    factors = torch.tensor([1, 1, 1, 1, 2, 3, 4], dtype=torch.float64)
    panel = Panel(Population(bm_panel.population.k, bm_panel.population.eps, weight), bm_panel.z)
    measures = error_measures(World(bm, lambda seen: factors * closed_form.policy(seen), closed_form.value), panel)
    errors = [100 * (0.95 / (1 - 0.05 * f) - 1) for f in (2, 3, 4)]  # of c/c*, known from test_residuals
    mean = 0.585 * errors[0] + 0.013 * errors[1] + 0.002 * errors[2]
    assert measures["euler.mean"] == pytest.approx(mean, rel=1e-9)
    assert errors[0] < measures["euler.p99"] < errors[2]
    assert measures["euler.max"] == pytest.approx(errors[2], rel=1e-9)


@pytest.mark.parametrize("searched, length", [(None, 1.0), (3, 1.0), (None, 0.2)])
def test_a_shifted_value_is_off_by_its_interest_in_every_statistic(bm, bm_panel, closed_form, searched, length):
    """Utils per unit of time, of which a period is `length`."""
    bm.period_length = length
    measures = error_measures(
        World(bm, closed_form.policy, lambda seen: closed_form.value(seen) - 0.1), bm_panel, searched
    )
    for name in ("bellman_policy", "bellman_optimality"):
        for statistic in ("mean", "p99", "max"):
            assert measures[f"{name}.{statistic}"] == pytest.approx(0.1 * 0.05 / length, rel=1e-5)
    assert measures["euler.max"] < 1e-9


def test_households_whose_best_choice_is_searched_for_stand_for_equal_masses():
    weight = torch.tensor([[0.0, 0, 1, 0], [0.5, 0, 0, 0.5], [0.25, 0.25, 0.25, 0.25]], dtype=torch.float64)
    assert _evenly(weight, 4).tolist() == [[2, 2, 2, 2], [0, 0, 3, 3], [0, 1, 2, 3]]


def test_points_that_nobody_reaches_carry_no_error(bm, bm_panel, closed_form):
    factors = torch.tensor([4, 1, 1, 1, 1, 1, 1], dtype=torch.float64)
    own = bm_panel.population
    panel = Panel(Population(own.k, own.eps, (factors == 1).double().expand(4, 7) / 6), bm_panel.z)
    measures = error_measures(World(bm, lambda seen: factors * closed_form.policy(seen), closed_form.value), panel)
    for name, error in measures.items():
        assert error == pytest.approx(0, abs=1e-6), name


@pytest.mark.parametrize("factor, gap", [(1.0, 0.0), (1.02, 2.0), (0.97, 3.0)])
def test_distance_to_the_closed_form_is_in_percent(bm, bm_panel, closed_form, factor, gap):
    period = World(bm, lambda seen: factor * closed_form.policy(seen)).period(bm_panel)
    (ours, truth) = bm.known(period, period.accounts)["consumption"]
    assert float(ours) - truth == pytest.approx(gap, rel=1e-9, abs=1e-12)


SETTINGS = {"nodes": 60, "top": 8.0, "burn_in": 40, "periods": 60, "dates": 20}


def save_most(seen):
    return 0.07 * seen.resources


@pytest.fixture
def ks98_measured(ks98, ks98_panel):
    return measure(
        World(ks98, save_most, lambda seen: torch.log(seen.resources)), ks98_panel, VerdictSettings(**SETTINGS), seed=3
    )


def test_measure_follows_the_pooled_start_along_its_own_path(ks98, ks98_panel, ks98_measured, seeded):
    ergodic, measures = ks98_measured
    assert (*ergodic.K.shape, 1) == ergodic.z.shape == (2, 30, 1)  # a path and its mirror image
    grid = wealth_grid(ks98, 60, 8.0)
    own = ks98_panel.population
    pooled = on_grid(grid, Population.panel(own.k.reshape(1, -1), own.eps.reshape(1, -1)), 2)
    paths = [
        torch.cat([ks98.chain.draw_path(torch.tensor([[z]]), 70, seeded(3), mirrored) for mirrored in (False, True)])
        for z in (0, 1)
    ]  # either is as likely
    again = [
        ergodic_path(World(ks98, save_most), grid, Panel(pooled.select([0, 0]), path[:, 0]), path, 40, 20)
        for path in paths
    ]
    same = [other for other in again if torch.allclose(ergodic.K, other.K, rtol=1e-12, atol=0)]
    assert same and torch.equal(same[0].z, ergodic.z)
    assert distribution_measures(same[0]) == {name: measures[name] for name in distribution_measures(same[0])}


def test_unemployment_is_in_step_with_z_on_the_path(ks98_measured, plain):
    ergodic, _ = ks98_measured
    u = torch.tensor(plain.u, dtype=torch.float64)
    own = ergodic.dates.population
    assert set(ergodic.dates.z.flatten().tolist()) == {0, 1}
    torch.testing.assert_close(own.mean((own.eps == 0).double()), u[ergodic.dates.z], rtol=0, atol=1e-13)
    torch.testing.assert_close(ergodic.mean_mass.reshape(2, 2, 60)[:, 0].sum(1), u, rtol=0, atol=1e-13)


def test_a_state_that_the_path_misses_has_a_cross_section_nevertheless(ks98, plain, ks98_panel):
    grid = wealth_grid(ks98, 60, 8.0)
    start = on_grid(grid, ks98_panel.population, 2).select([1])
    good = torch.ones(1, 30, 1, dtype=torch.long)
    ergodic = ergodic_path(World(ks98, save_most), grid, Panel(start, good[:, 0]), good, 10, 5)
    assert ergodic.share_z.tolist() == [0, 1]
    torch.testing.assert_close(ergodic.mean_mass.sum(1), torch.ones(2, dtype=torch.float64))
    jobless = ergodic.mean_mass.reshape(2, 2, 60)[:, 0].sum(1)
    torch.testing.assert_close(jobless, torch.tensor(plain.u, dtype=torch.float64), rtol=0, atol=1e-13)


def test_a_state_that_is_missed_is_turned_to_from_every_path(ks98, ks98_panel):
    """One path of rich households and one of poor: on average they carry into it what both save in the last period."""
    grid = wealth_grid(ks98, 60, 8.0)
    people = on_grid(grid, ks98_panel.population, 2).select([1, 1])
    people = on_grid(grid, people.with_assets(people.k * torch.tensor([[0.3], [1.0]]).double()), 2)
    good = torch.ones(2, 5, 1, dtype=torch.long)
    ergodic = ergodic_path(World(ks98, save_most), grid, Panel(people, good[:, 0]), good, 0, 10)
    last, z = ergodic.dates.population.select(slice(-2, None)), ergodic.dates.z[-2:]
    carried = 0.93 * last.mean(World(ks98).observe(Panel(last, z)).resources)
    assert float(ergodic.mean_mass[0] @ grid.repeat(2)) == pytest.approx(float(carried.mean()), rel=1e-9)
    assert float(carried.diff(dim=0).abs()) > 1


def test_every_measure_of_the_closed_form_is_right(bm, bm_panel, closed_form):
    settings = VerdictSettings(**SETTINGS)
    _, measures = measure(World(bm, closed_form.policy, closed_form.value), bm_panel, settings, seed=1)
    assert sorted(measures) == sorted(measure_names(bm))
    for name in ("euler", "bellman_policy", "bellman_optimality"):
        for statistic in ("mean", "p99", "max"):
            assert measures[f"{name}.{statistic}"] == pytest.approx(0, abs=1e-6), name
    assert measures["resource_gap"] < 1e-12
    assert measures["known.consumption"] == pytest.approx(0, abs=1e-10)
    assert measures["known.saving_rate"] == pytest.approx(0, abs=1e-10)
    careless = World(bm, lambda seen: 1.1 * closed_form.policy(seen), closed_form.value)
    _, measures = measure(careless, bm_panel, settings, seed=1)
    # what is not consumed is saved: (1 - 1.1 (1 - beta)) of alpha Y
    assert measures["known.saving_rate"] == pytest.approx(-10 * bm.alpha * (1 - bm.beta), rel=1e-9)


def test_measures_of_an_economy_without_closed_form_are_those_announced(ks98, ks98_measured):
    assert sorted(ks98_measured[1]) == sorted(measure_names(ks98))


@pytest.mark.parametrize(
    "field, bad",
    [("nodes", 9), ("burn_in", -1), ("periods", 0), ("dates", 0), ("top", 1.0), ("top", math.inf), ("top", math.nan)],
)
def test_verdict_settings_out_of_range_are_refused(field, bad):
    VerdictSettings(**SETTINGS).validate()
    with pytest.raises(InputError, match=f"verdict.{field}"):
        VerdictSettings(**SETTINGS | {field: bad}).validate()
