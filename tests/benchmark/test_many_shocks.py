"""The economy with many shocks: its equations, its limits, and that it can be trained."""

import pytest
import torch
from walking import advance, expected_value, simulate

from benchmarks.many_shocks import SD, ManyShocks, many_shocks, rouwenhorst
from benchmarks.train import model_of, shipped, train
from deepham import economics
from deepham.algorithm.objective import lifetime_utility
from deepham.economics.autoregressions import Autoregressions
from deepham.errors import InputError
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.expectation import expand_next
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel


def rule(seen):
    return 0.05 * seen.resources * (seen.aggregates["K"] / 40) ** 0.2


def worth(seen):
    return 30 * torch.log(seen.resources + 50) - 5 * torch.log(seen.aggregates["K"])


def small(**changes):
    return shipped(
        "algorithm", "deepham", **{"outer_iterations": 1, "economies": 6, "agents": 60, "burn_in": 20} | changes
    )


@pytest.mark.parametrize("d", [1, 2, 30])
def test_log_productivity_varies_the_same_whatever_the_number_of_shocks(d):
    chain = many_shocks(d).chain
    assert float((chain.spread**2).sum()) ** 0.5 == pytest.approx(SD)
    assert chain.draws == d and float(chain.rho.max()) == 0.95 and (d == 1 or float(chain.rho.min()) == 0.5)


def test_without_innovations_it_is_krusell_smith_without_aggregate_risk(seeded):
    still, moving = economics.create("ks98").without_aggregate_risk(), many_shocks(3, sd=0.0)
    panel = initial_panel(moving, 4, 50, seeded())
    rest = torch.zeros(4, 1, dtype=torch.long)
    assert bool((panel.z == 0).all())
    ours, theirs = World(moving).observe(panel), World(still).observe(Panel(panel.population, rest))
    for name in ("R", "w"):
        torch.testing.assert_close(ours.prices[name], theirs.prices[name], rtol=1e-15, atol=0)
    torch.testing.assert_close(ours.resources, theirs.resources, rtol=1e-15, atol=0)
    assert moving.steady_state() == still.steady_state() and moving.frictionless() == still.frictionless()
    torch.testing.assert_close(
        expected_value(moving, worth, panel.population, World(moving).observe(panel)),
        expected_value(still, worth, panel.population, World(still).observe(Panel(panel.population, rest))),
        rtol=1e-14,
        atol=0,
    )
    assert moving.without_aggregate_risk().parameters() == still.parameters()


def test_output_is_consumed_or_invested(seeded):
    economy = many_shocks(4)
    grid = wealth_grid(economy, 50, 6.0)
    mass = torch.rand((3, 2, 50), generator=seeded(), dtype=torch.float64)
    rate = economy.unemployment[0]
    shares = torch.tensor([rate, 1 - rate], dtype=torch.float64)
    torch.testing.assert_close(shares, economy.chain.eps_shares(), rtol=0, atol=4e-6)  # the chain has six digits
    people = Population.histogram(grid, mass / mass.sum(2, keepdim=True) * shares[:, None])
    z = 0.02 * torch.randn(3, 4, generator=seeded(), dtype=torch.float64)
    seen = World(economy).observe(Panel(people, z))
    c = rule(seen)
    found = economy.accounts({"c": c}, seen.resources - c, seen)
    torch.testing.assert_close(found["C"] + found["I"], found["Y"], rtol=1e-12, atol=0)
    assert set(found) == set(economy.variables)
    torch.testing.assert_close(found["unemployment"], shares[0].expand(3, 1))


def test_budget_holds_in_a_panel(seeded):
    economy = many_shocks(5)
    panel = initial_panel(economy, 3, 20, seeded())
    following, c = advance(World(economy, rule), panel, seeded())
    seen = World(economy).observe(panel)
    torch.testing.assert_close(following.population.k + c, seen.resources, rtol=1e-13, atol=0)
    assert following.z.shape == (3, 5)


def test_shocks_of_equal_persistence_are_interchangeable(seeded):
    economy = ManyShocks(**many_shocks(3).parameters() | {"persistence": [0.8] * 3, "innovation": [0.005] * 3})
    panel = initial_panel(economy, 5, 20, seeded())
    turned = panel.z[:, [2, 0, 1]]
    for name, price in World(economy).observe(panel).prices.items():
        torch.testing.assert_close(
            World(economy).observe(Panel(panel.population, turned)).prices[name], price, rtol=1e-14, atol=0
        )
    torch.testing.assert_close(
        expected_value(economy, worth, panel.population, World(economy).observe(Panel(panel.population, turned))),
        expected_value(economy, worth, panel.population, World(economy).observe(panel)),
        rtol=1e-14,
        atol=0,
    )


def test_an_expectation_over_one_shock_does_not_hang_on_the_rule(seeded):
    economy = many_shocks(1)
    panel = initial_panel(economy, 5, 20, seeded())
    expected = expected_value(economy, worth, panel.population, World(economy).observe(panel))
    for points in (2, 3, 9):  # of two points it is the monomial rule
        economy.chain = Autoregressions(economy.persistence, economy.innovation, economy.chain.individual, points)
        torch.testing.assert_close(
            expected_value(economy, worth, panel.population, World(economy).observe(panel)),
            expected,
            rtol=1e-9,
            atol=0,
        )
    drawn = expected_value(
        many_shocks(1, directions=1),
        worth,
        panel.population,
        World(many_shocks(1, directions=1)).observe(panel),
        generator=seeded(),
    )
    torch.testing.assert_close(drawn, expected, rtol=1e-9, atol=0)


def test_the_expectation_over_many_shocks_is_the_mean_of_many_draws(seeded):
    economy, copies = many_shocks(6, sd=0.05), 20_000
    people = Population.panel(torch.tensor([[2.0, 60.0]]).double(), torch.tensor([[0, 1]]))
    z = 0.03 * torch.ones(1, 6, dtype=torch.float64)
    exact = expected_value(economy, worth, people, World(economy).observe(Panel(people, z)))
    # eps' is enumerated, so that the cross-section is the same; z' is drawn
    uniform = torch.rand((copies, 6), generator=seeded(), dtype=torch.float64)
    following, _, p_eps = expand_next(economy, people, World(economy).observe(Panel(people, z)))
    z_next = economy.chain.draw_z(z.expand(copies, -1), uniform)
    next_people = Population(
        *(
            each[:1].expand(copies, -1)
            for each in (following.population.k, following.population.eps, following.population.weight)
        )
    )
    values = worth(World(economy).observe(Panel(next_people, z_next))).reshape(copies, 2, 2)
    drawn = (values * p_eps[0, 0]).sum(-1)
    assert bool(((drawn.mean(0) - exact[0]).abs() < 4 * drawn.std(0) / copies**0.5).all())


def test_training_draws_directions_and_measures_use_the_full_rule(seeded):
    seen = []

    def counting(observation):
        seen.append(len(observation.z))
        return worth(observation)

    economy = many_shocks(7, directions=2)
    panel = initial_panel(economy, 3, 10, seeded())
    drawn = lifetime_utility(World(economy, rule, counting), panel, 1, seeded()).utility
    full = lifetime_utility(World(many_shocks(7), rule, counting), panel, 1, seeded()).utility
    expected_value(economy, counting, panel.population, World(economy).observe(panel))
    assert seen == [3 * 4, 3 * 14, 3 * 14]
    torch.testing.assert_close(drawn, full, rtol=1e-5, atol=0)  # what differs is of second order in the innovations


@pytest.mark.parametrize("rho", [0.95, 0.5])
def test_rouwenhorst_has_the_conditional_moments(rho):
    nodes, transition = rouwenhorst(rho, 0.01, 5)
    torch.testing.assert_close(transition.sum(1), torch.ones(5, dtype=torch.float64))
    mean = transition @ nodes
    torch.testing.assert_close(mean, rho * nodes, rtol=1e-12, atol=1e-16)
    torch.testing.assert_close(transition @ nodes**2 - mean**2, torch.full((5,), 1e-4, dtype=torch.float64))


def test_on_a_grid_it_is_krusell_smith_with_five_to_the_d_states(seeded):
    economy = many_shocks(2)
    finite, x = economy.on_grid(5)
    assert finite.chain.n_z == 25 and x.shape == (25, 2)
    people = initial_panel(economy, 25, 20, seeded()).population
    ours, theirs = (
        World(economy).observe(Panel(people, x)),
        World(finite).observe(Panel(people, torch.arange(25)[:, None])),
    )
    torch.testing.assert_close(theirs.resources, ours.resources, rtol=1e-13, atol=0)
    torch.testing.assert_close(finite.chain.aggregate @ x, x * torch.tensor(economy.persistence), rtol=1e-6, atol=1e-12)
    torch.testing.assert_close(finite.chain.individual[3, 7], economy.chain.individual)
    torch.testing.assert_close(
        expected_value(finite, worth, people, World(finite).observe(Panel(people, torch.arange(25)[:, None]))),
        expected_value(economy, worth, people, World(economy).observe(Panel(people, x))),
        rtol=1e-8,
        atol=0,
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"agents": None, "nodes": 20},
        {"expectation": "drawn", "horizon": 3},
        {"value_steps": 2, "realised_periods": 5, "slope": False},
    ],
    ids=str,
)
def test_other_ways_of_training_know_a_vector_too(changes):
    network = shipped("network", "generalized_moments", moment_states=["k", "eps"])
    module, data = train(model_of(many_shocks(2)), network, small(policy_steps=3, **changes))
    assert all(bool(leaf.isfinite().all()) for leaf in module.parameters()) and data.stream.panel.z.shape == (6, 2)


def test_the_continuum_follows_a_vector(seeded):
    economy = many_shocks(2)
    nodes = wealth_grid(economy, 40, 6.0)
    panel = initial_panel(economy, 3, 100, seeded())
    start = Panel(on_grid(nodes, panel.population, 2), panel.z)
    *_, last = simulate(World(economy, rule), start, 20, seeded(), nodes)
    assert last.z.shape == (3, 2)
    shares = torch.stack(
        [((last.population.eps == 0) * last.population.weight).sum(1), last.population.weight.sum(1)], 1
    )
    expected = torch.tensor([float(economy.chain.eps_shares()[0]), 1.0], dtype=torch.float64)
    torch.testing.assert_close(shares, expected.expand(3, 2), rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"productivity": [0.99, 1.01]}, "productivity"),
        ({"directions": 1.5}, "directions"),
        ({"directions": -1}, "directions"),
        ({"persistence": [1.0, 0.5]}, "persistence"),
        ({"innovation": [0.01]}, "innovation"),
    ],
)
def test_what_is_no_such_economy_is_refused(changed, words):
    with pytest.raises(InputError, match=words):
        ManyShocks(**many_shocks(2).parameters() | changed)
