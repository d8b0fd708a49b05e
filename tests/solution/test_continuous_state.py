"""A solved economy whose aggregate state is a number: jfv with networks that have not learnt anything yet."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from benchmarks.many_shocks import many_shocks
from deepham import economics, load
from deepham.algorithm.by_wealth import errors_by_wealth
from deepham.algorithm.ergodic import VerdictSettings, ergodic_path
from deepham.algorithm.evaluation import error_measures, measure
from deepham.errors import InputError, OutOfDomain
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.presentation.figures import wealth_and_policy
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import initial_panel
from deepham.solution.shocks import read_shock
from deepham.solution.solution import Solution
from deepham.solution.solved import SolvedEconomy

NETWORK = NetworkSettings(
    name="test", width=4, depth=1, activation="tanh", base="frictionless", aggregate_scale=10.0, ensemble=1
)


@pytest.fixture(scope="module")
def solution():
    economy = economics.create("jfv")
    policy, value = build_networks(economy, NETWORK, seed=0)
    start = initial_panel(economy, 2, 200, torch.Generator().manual_seed(0))
    settings = VerdictSettings(nodes=60, top=8.0, burn_in=20, periods=60, dates=4)
    ergodic, measures = measure(World(economy, policy.double(), value.double()), start, settings, seed=1)
    return Solution(
        "jfv",
        economy.parameters(),
        asdict(NETWORK),
        policy,
        value,
        ergodic.grid,
        ergodic.mean_mass,
        {"measures": measures},
        ergodic.mean_z,
    )


def refused(call, *words):
    with pytest.raises(InputError) as error:
        call()
    assert "\n" not in str(error.value) and all(word in str(error.value) for word in words), error.value


def test_it_is_what_it_was_after_it_has_been_on_disk(solution, tmp_path):
    again = load(solution.save(tmp_path / "s"))
    assert torch.equal(again.z, solution.z) and torch.equal(again.mass, solution.mass)
    at = {"a": [0.5, 1.0, 3.0], "e": "high", "W": 2.3}
    assert np.array_equal(again.consumption(**at), solution.consumption(**at))


def test_the_cross_section_and_the_mean_net_worth_are_those_of_the_path(solution):
    path = solution.simulate(50, seed=2)
    start = solution.ergodic.mean(solution.ergodic.k)
    assert float(path["B"][0, 0]) == pytest.approx(float(start), rel=1e-12)
    assert float(path["W"][0, 0]) == pytest.approx(float(solution.z), rel=1e-12)
    assert path["innovation"].dims == ("economy", "period", "shock")


def test_net_worth_follows_the_innovations_that_are_given(solution):
    shocks = np.random.default_rng(0).standard_normal((3, 12))
    path = solution.simulate(12, economies=3, shocks=shocks)
    economy, W, B = solution.economy, path["W"].values, path["B"].values
    for t in range(11):
        K = torch.tensor(B[:, t : t + 1] + W[:, t : t + 1])
        following = economy.chain.follow(
            torch.tensor(W[:, t : t + 1]), torch.tensor(shocks[:, t + 1 : t + 2]), {"K": K}
        )
        np.testing.assert_allclose(W[:, t + 1], following[:, 0].numpy(), rtol=1e-12)
    one = solution.simulate(12, shocks=shocks[0])
    np.testing.assert_allclose(one["W"].values[0], W[0], rtol=1e-12)
    panel = solution.simulate(12, economies=3, shocks=shocks, agents=40, seed=1)
    assert panel.sizes == {"economy": 3, "period": 12, "shock": 1}


def test_a_policy_asked_at_several_net_worths_is_the_networks(solution):
    W = np.array([2.0, 2.6])
    found = solution.consumption(a=[[0.5, 2.0]], e=1, W=W)
    for row, w in zip(found, W):
        k = torch.tensor([[0.5, 2.0]], dtype=torch.float64)
        seen = World(solution.economy).observe(
            Panel(solution.ergodic, torch.tensor([[w]])), k, torch.ones(1, 2, dtype=torch.long)
        )
        np.testing.assert_array_equal(row, solution.policy_function(seen)[0].numpy())


def test_a_forced_innovation_moves_net_worth_by_its_size(solution):
    economy = solution.economy
    response = solution.irf({"innovation": -2.0}, periods=8, draws=20, baseline="forced", keep_draws=True)
    gap = response["W_shocked"].values[:, 0] - response["W_baseline"].values[:, 0]
    # K of the step before, the same in both: it is what the shock is proportional to
    unit = -2 * economy.sigma * economy.dt**0.5
    assert gap.std() > 0
    capital = gap / unit
    np.testing.assert_allclose(capital, response["K_baseline"].values[:, 0], rtol=0.05)
    drawn = solution.irf({"innovation": -2.0}, periods=8, draws=400)
    forced = solution.irf({"innovation": -2.0}, periods=8, draws=400, baseline="forced")
    assert float(drawn["W"][0]) == pytest.approx(float(forced["W"][0]), rel=0.01)
    assert float(drawn["W_se"][0]) < 0.02 * abs(float(drawn["W"][0])), (
        "first innovations of the baseline are spread evenly"
    )
    held = solution.irf({"innovation": -2.0}, periods=3, draws=20, baseline="forced", hold=2)
    assert float(held["W"][1]) < 1.8 * float(response["W"][1])


def test_a_transfer_moves_what_follows(solution):
    response = solution.irf({"transfer": 0.1, "top": 0.1, "bottom": 0.5}, periods=6, draws=4)
    assert float(response["B"][0]) == pytest.approx(0, abs=1e-9) and float(response["gini"][0]) < -1
    assert float(response["W"][0]) == 0


def test_the_risky_steady_state_is_a_path_without_shocks(solution):
    rest = solution.risky_steady_state(periods=40)
    path = solution.simulate(40, shocks=np.zeros(40))
    np.testing.assert_array_equal(rest.path["W"].values, path["W"].values)
    assert rest.consumption.shape == (2, len(solution.grid))


def test_a_simulation_starts_at_the_net_worth_that_is_given(solution):
    low = 0.052 / (0.052 + 0.986)  # of the households, in the long run
    start = {"a": [1.0 - 0.95 * (1 - low), 1.0 + 0.95 * low], "e": [0, 1], "weight": [low, 1 - low]}
    given, usual = solution.simulate(2, start=start | {"W": 1.9}), solution.simulate(2, start=start)
    assert float(given["W"][0, 0]) == 1.9 and float(given["B"][0, 0]) == pytest.approx(1.0, rel=1e-12)
    assert float(usual["W"][0, 0]) == pytest.approx(float(solution.z), rel=1e-12)
    refused(lambda: solution.simulate(2, start=start | {"W": [1.9, 2.0]}), "start['W']", "one number")


def test_errors_are_per_unit_of_time(solution):
    found = solution.errors(dates=2, periods=6, seed=4)
    shocks = torch.tensor(solution.simulate(6, seed=4)["innovation"].values)
    dates = ergodic_path(
        World(solution.economy, solution.policy_function), solution.grid, solution.begin(shocks[:, 0]), shocks, 0, 2
    ).dates
    assert found == error_measures(World(solution.economy, solution.policy_function, solution.value_function), dates)
    value = solution.value(a=1.0, e=1, W=float(solution.z))
    assert abs(value) < 100  # lifetime utility: utils by the year, discounted at 5 percent, and not by the step


def test_a_state_without_an_economy_is_bad_input_where_it_is_given_alone(solution, monkeypatch):
    with pytest.raises(OutOfDomain, match="^W: "):
        solution.simulate(60, shocks=np.full(60, -8.0))
    monkeypatch.setattr(solution.economy, "fault", lambda z, aggregates=None: "there is none" if len(z) else None)
    for call in (
        lambda: solution.simulate(2),
        lambda: solution.irf({"innovation": -1.0}, periods=1, draws=2),
        lambda: solution.risky_steady_state(periods=2),
        lambda: solution.errors(dates=1, periods=2),
    ):
        with pytest.raises(OutOfDomain, match="^W: there is none$"):
            call()
    refused(lambda: solution.consumption(a=1.0, e=1, W=2.0), "W: there is none")
    refused(lambda: solution.simulate(2, start={"a": [1.0], "e": [1], "weight": [1.0]}), "W: there is none")


def test_what_cannot_be_answered_is_said_in_one_line(solution):
    refused(lambda: solution.consumption(a=1.0, e=1, W=-0.1), "W", "net worth is -0.1")
    refused(lambda: solution.consumption(a=1.0, e=1, W="high"), "W", "expected numbers")
    refused(lambda: solution.simulate(5, shocks=[0.0, 1.0]), "shocks", "one innovation a period")
    refused(lambda: solution.simulate(5, shocks=[0.0, 1.0, float("nan"), 0, 0]), "shocks", "finite")
    refused(lambda: solution.irf("high->low"), "shock", "{'innovation': -2.0}")
    refused(lambda: solution.irf({"innovation": "big"}), "shock['innovation']", "numbers")
    refused(lambda: solution.irf({"innovation": [[1.0, 2.0]]}), "shock['innovation']", "a number")
    refused(lambda: solution.risky_steady_state(1), "W", "held at 0")
    refused(lambda: solution.irf({"transfer": 0.05, "after": "0"}), "shock", "expected any")
    start = {"a": [1e6], "e": [1], "weight": [1.0]}
    refused(lambda: solution.simulate(3, start=start), "leverage")
    refused(
        lambda: Solution(
            "jfv",
            solution.calibration,
            asdict(NETWORK),
            solution.policy_function,
            solution.value_function,
            solution.grid,
            solution.mass,
        ),
        "z: expected the mean of the aggregate state",
    )


def test_errors_by_wealth_are_in_the_unit_of_the_verdicts(solution):
    shocks = torch.tensor(solution.simulate(6, seed=4)["innovation"].values)
    dates = ergodic_path(solution.world, solution.grid, solution.begin(shocks[:, 0]), shocks, 0, 2).dates
    bins = errors_by_wealth(solution.world, dates)
    pooled = sum((each.high - each.low) * each.bellman for each in bins)
    assert pooled == pytest.approx(error_measures(solution.world, dates)["bellman_policy.mean"], rel=1e-6)


def of_shocks(d):
    """An economy whose d shocks move by themselves, with networks that have not learnt anything yet."""
    economy = many_shocks(d)
    policy, value = build_networks(economy, NETWORK, seed=0)
    start = initial_panel(economy, 1, 100, torch.Generator().manual_seed(0))
    settings = VerdictSettings(nodes=40, top=8.0, burn_in=5, periods=20, dates=2)
    ergodic, _ = measure(World(economy, policy.double(), value.double()), start, settings, seed=1)
    return SolvedEconomy("many", economy, policy, value, ergodic.grid, ergodic.mean_mass, ergodic.mean_z)


def test_several_numbers_are_drawn_and_simulated():
    solved = of_shocks(2)
    assert len(wealth_and_policy(solved).axes[1].lines) == 2
    assert solved.simulate(5)["innovation"].shape == (1, 5, 2)
    refused(lambda: solved.simulate(5, shocks=[0.0] * 5), "z", "2 numbers")
    refused(lambda: solved.consumption(k=1.0, eps=0, z=0.1), "z", "2 numbers", "x0, x1")
    low, high = solved.consumption(k=[[1.0], [1.0]], eps=0, z=[[0.0, -0.1], [0.0, 0.1]])[:, 0]
    assert low == solved.consumption(k=1.0, eps=0, z=[0.0, -0.1]) != high


def test_one_of_several_numbers_is_shocked_by_its_name():
    solved = of_shocks(2)
    high, low = read_shock(solved.economy, {"innovation": {"x1": 2.0}}, 1, "forced").paths(
        solved.economy.chain, solved.economy.chain.typical_z().expand(4, -1), 3, torch.Generator().manual_seed(0)
    )
    assert bool((high[:, 0, 1] == 2).all() & (low[:, 0, 1] == 0).all())
    low[:, 0, 1] = high[:, 0, 1]
    assert torch.equal(high, low), "the other number and later periods have the same luck"
    rise = solved.irf({"x1": 0.1}, periods=2, draws=4, unit="level")
    assert "0.1" in rise.attrs["shock"]
    refused(lambda: solved.irf({"innovation": 1.0}, periods=2, draws=4), "one of x0, x1", "-2.0")


def test_one_number_is_written_down_though_its_economy_does_not_account_for_it():
    solved = of_shocks(1)
    path = solved.simulate(4, shocks=[0.0, 1.0, 0.0, 0.0])
    rho, sigma = solved.economy.persistence[0], solved.economy.innovation[0]
    z = [float(solved.z)]
    for shock in (1.0, 0.0, 0.0):
        z.append(rho * z[-1] + sigma * shock)
    np.testing.assert_allclose(path["z"].values[0], z, rtol=1e-12)
