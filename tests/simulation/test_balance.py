"""Goods add up in every economy that ships, in the continuum and on any grid; where they cannot it is said why."""

import numpy as np
import pytest
import torch
from walking import advance_histogram

from deepham import economics
from deepham.algorithm.ergodic import ergodic_path, together
from deepham.checks.trial import ruled
from deepham.economics.markov import JointChain
from deepham.errors import InputError
from deepham.simulation.balance import why_unbalanced
from deepham.simulation.period import Panel, World
from deepham.solution.starts import start_at


def save(seen):
    """Consumption of households who save most of what they have: much wealth comes to the top of a short grid."""
    return 0.1 * seen.resources


def solved(name, top=8.0, policy=save, **changes):
    """An economy whose households follow a rule of thumb."""
    return ruled(name, economics.create(name, **changes), top, policy)


@pytest.mark.filterwarnings("ignore:.*top node")
# that goods add up, or that it is said why: tests/checks; where a price clears, households have to choose for it
@pytest.mark.parametrize("name", [x for x in economics.names() if not economics.create(x).unknowns])
@pytest.mark.parametrize("agents", [None, 200])
def test_a_simulation_says_why_goods_do_not_add_up_where_they_cannot(name, agents):
    data = solved(name).simulate(3, economies=2, agents=agents, seed=1)
    assert ("resource_gap_reason" in data.attrs) == bool(why_unbalanced(economics.create(name), agents is not None))


@pytest.mark.filterwarnings("ignore:.*top node")
@pytest.mark.parametrize("name", ["rare_event", "davila12"])
def test_labour_as_households_have_it_is_what_makes_goods_add_up(name):
    """The published constants are those of a state that lasts for ever, and the state does not."""
    as_published, in_the_cross_section = (
        solved(name, **changes).simulate(40, seed=1) for changes in ({}, {"labour_supply": []})
    )
    assert as_published.attrs["resource_gap"] > 1 and "labour_supply" in as_published.attrs["resource_gap_reason"]
    assert in_the_cross_section.attrs["resource_gap"] < 1e-10
    response = solved(name).irf("good->bad", periods=2, draws=2)
    assert response.attrs["resource_gap"] > 1 and "labour_supply" in response.attrs["resource_gap_reason"]


@pytest.mark.parametrize("name", ["ks98", "jfv"])
def test_no_goods_are_lost_at_the_top_of_a_grid(name):
    """A grid that ends at twice typical capital, and rich households who would go beyond it: mean assets grow as they
    save."""

    def saving(seen):
        return seen.k * torch.where(seen.k > 1.5 * rich, 1.01, 0.99)

    rich = economics.create(name).scale
    low, high = (solved(name, top, lambda seen: seen.resources - saving(seen)) for top in (2.0, 20.0))
    with pytest.warns(UserWarning, match="stand at the top node of the wealth grid"):
        data = low.simulate(30, seed=1)
    assert data.attrs["resource_gap"] < 1e-10 and data.attrs["top_mass"] > 0.01
    assert float(data.top1_share[0, -1]) < 0.95 * float(high.simulate(30, seed=1).top1_share[0, -1]), (
        "there was something to lose"
    )
    shocks = low._draw_path(1, 40, torch.Generator().manual_seed(0))
    start = low.begin(shocks[:, 0])
    assert ergodic_path(World(low.economy, low.policy_function), low.grid, start, shocks, 0, 2).resource_gap < 1e-10


@pytest.mark.parametrize("name", ["ks98", "jfv"])
def test_what_no_grid_could_hold_is_missing_and_said_by_the_unit_of_time(name):
    """Where all are at the top and save there is nobody who could have what they would hold beyond it."""
    economy = economics.create(name)
    thrifty = solved(name, 2.0, lambda seen: 0.001 * seen.resources)
    chain, top = economy.chain, float(thrifty.grid[-1])
    [(_, z), *_] = economy.naming.labels(thrifty.z)
    share = (chain.eps_shares() if chain.every_z() is None else chain.stationary_eps()[0]).numpy()
    people = {economy.asset: np.full(2, top), economy.individual_shock: [0, 1], "weight": share}
    asked = {economy.asset: top, economy.individual_shock: np.arange(2), economy.aggregate_shock: z}
    carried = float(share @ (0.999 * thrifty.resources(population=people, **asked)))
    data = thrifty.simulate(1, shocks=[0], start=people)
    missing = 100 * (carried - top) / economy.period_length / float(data.Y[0, 0])
    assert missing > 1 and data.attrs["resource_gap"] == pytest.approx(missing, rel=1e-9)
    rest = torch.zeros(1, 2, 1, dtype=thrifty.z.dtype)
    begin = start_at(thrifty, people, thrifty.begin(rest[:, 0]), None, None)
    along = ergodic_path(World(economy, thrifty.policy_function), thrifty.grid, begin, rest, 0, 1)
    assert along.resource_gap == pytest.approx(missing, rel=1e-9)


def test_a_start_with_other_shares_than_its_aggregate_state_has_is_refused():
    """20 % of unemployed where 4 % belong to z: output is that of 4 %, incomes would be those of 20 %."""
    ks = solved("ks98")
    start = {"k": [5.0, 40.0, 5.0, 40.0], "eps": [0, 0, 1, 1], "weight": [0.1, 0.1, 0.4, 0.4]}
    for agents in (None, 30):
        with pytest.raises(
            InputError, match=r"0\.2 unemployed, 0\.8 employed .* z is good: .* 11 % of output; .* 0\.04 unemployed"
        ):
            ks.simulate(4, shocks=["good"] * 4, start=start, agents=agents)
    fitting = start | {"weight": [0.02, 0.02, 0.48, 0.48]}
    assert ks.simulate(4, shocks=["good"] * 4, start=fitting).attrs["resource_gap"] < 1e-10
    drawn = ks.simulate(3, economies=5, start=fitting, seed=2)
    assert set(drawn.z[:, 0].values.tolist()) == {1} and drawn.attrs["resource_gap"] < 1e-10, (
        "it begins in a state that it fits"
    )
    of_bad = start | {"weight": [0.05, 0.05, 0.45, 0.45]}
    assert set(ks.simulate(1, economies=20, start=of_bad).z[:, 0].values.tolist()) == {0}
    found = ks.irf({"transfer": 0.05, "top": 0.1, "bottom": 0.5}, periods=2, draws=3, start=fitting)
    assert found.attrs["resource_gap"] < 1e-10


def neighbours():
    """Krusell-Smith with three states of z of which only neighbours follow each other."""
    u, stay = [0.12, 0.08, 0.04], 0.8
    aggregate = np.array([[stay, 1 - stay, 0], [(1 - stay) / 2, stay, (1 - stay) / 2], [0, 1 - stay, stay]])
    rows = np.zeros((3, 2, 3, 2))
    for z in range(3):
        for z_next in range(3):
            # drawn anew: u(z) whatever it was
            rows[z, :, z_next] = aggregate[z, z_next] * np.array([u[z_next], 1 - u[z_next]])
    return {"productivity": [0.98, 1.0, 1.02], "unemployment": u, "chain_matrix": rows.reshape(6, 6).tolist()}


def test_a_response_to_what_cannot_happen_is_refused():
    ks = solved("ks98", **neighbours())
    with pytest.raises(
        InputError, match=r"z never goes from 2 to 0 in one quarter; expected a state that can follow 2: 1, 2"
    ):
        ks.irf("2->0", periods=2, draws=2)
    assert ks.irf("2->1", periods=3, draws=4).attrs["resource_gap"] < 1e-10
    kept = ks.irf("any->0", periods=2, draws=6, keep_draws=True)  # from where it can come
    assert kept.attrs["resource_gap"] < 1e-10
    missed = ergodic_path(
        World(ks.economy, save),
        ks.grid,
        together(ks.economy, ks.ergodic.select([2]), None, torch.full((1, 30, 1), 2)),
        torch.full((1, 30, 1), 2),
        10,
        20,
    )
    last, by_way = missed.dates.population.select([-1]), torch.tensor([[1]])
    there = advance_histogram(World(ks.economy, save), ks.grid, Panel(last, torch.tensor([[2]])), by_way)[0]
    there = advance_histogram(World(ks.economy, save), ks.grid, Panel(there, by_way), torch.tensor([[0]]))[0]
    torch.testing.assert_close(missed.mean_mass[:1], there.weight, rtol=1e-9, atol=1e-15)
    unemployed = missed.mean_mass.reshape(3, 2, -1)[:, 0].sum(1)
    torch.testing.assert_close(unemployed, torch.tensor([0.12, 0.08, 0.04], dtype=torch.float64), rtol=1e-9, atol=0)


def test_a_state_that_never_stays_cannot_be_held():
    flips = solved("ks98")
    flips.economy.chain = JointChain(
        [[0, 0, 0.1, 0.9], [0, 0, 0.1, 0.9], [0.1, 0.9, 0, 0], [0.1, 0.9, 0, 0]], n_z=2, n_eps=2
    )
    with pytest.raises(InputError, match="never goes from bad to bad"):
        flips.irf("good->bad", periods=3, draws=2, hold=2)
    with pytest.raises(InputError, match="baseline: z never stays"):
        flips.irf("good->bad", periods=3, draws=2, baseline="forced")
