"""What a user keeps: questions to a solution, simulations of it, and its folder on disk."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
import xarray
import yaml
from omegaconf import OmegaConf
from safetensors.torch import load_file, save_file
from untrained import META, NETWORK, make, refused

import deepham
from deepham import economics
from deepham.algorithm.ergodic import ergodic_path
from deepham.algorithm.evaluation import error_measures
from deepham.measures.verdict import BAR_SETS, judge
from deepham.networks.settings import build_networks
from deepham.simulation.continuum import wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population, gini, quantile
from deepham.solution import datasets, folder
from deepham.solution.loading import load
from deepham.solution.solution import Solution
from deepham.system.paths import conf_folder

PEOPLE = {"k": np.array([10.0, 40.0, 70.0]), "eps": np.array([0, 1, 1]), "weight": np.array([0.1, 0.5, 0.4])}


@pytest.fixture(scope="module")
def ks():
    return make("ks98")


@pytest.fixture(scope="module")
def brock():
    return make("brock_mirman")


@pytest.fixture
def saved(ks, tmp_path):
    return ks.save(tmp_path / "solution")


# -- consumption and value ---------------------------------------------------------------------------------------


def direct(solution, network, k, eps, z, population):
    """One household, straight through the economy and the network."""
    k, eps = torch.tensor([[k]], dtype=torch.float64), torch.tensor([[eps]])
    with torch.no_grad():
        return float(network(World(solution.economy).observe(Panel(population, torch.tensor([[z]])), k, eps)))


@pytest.mark.parametrize("call", ["consumption", "value"])
def test_answers_are_those_of_the_networks_in_the_ergodic_cross_section_of_each_z(ks, call):
    network = ks.policy_function if call == "consumption" else ks.value_function
    k, eps, z = np.array([[0.0, 3.0, 1e6], [40.0, 40.0, 500.0]]), np.array([0, 1, 1]), np.array([1, 0])
    answer = getattr(ks, call)(k=k, eps=eps, z=z)
    for row in range(2):
        around = Population.histogram(ks.grid, ks.mass[z[row]].reshape(1, 2, -1))
        for column in range(3):
            truth = direct(ks, network, k[row, column], eps[column], z[row], around)
            assert answer[row, column] == pytest.approx(truth, rel=1e-12)
    assert isinstance(answer, np.ndarray) and answer.dtype == np.float64


@pytest.mark.parametrize(
    "k, eps, z, shape",
    [
        (10.0, 1, 0, ()),
        ([10.0], 1, 0, (1,)),
        (10, [0, 1], 0, (2,)),
        (np.ones((3, 5)), 1, 0, (3, 5)),
        (np.ones((3, 5)), np.ones(5, int), [0, 1, 0], (3, 5)),
        (np.ones((3, 1)), [0, 1], "good", (3, 2)),
        (np.ones((1, 5)), 1, ["bad", "good"], (2, 5)),
        (np.ones((2, 3, 5)), 1, [[0], [1]], (2, 3, 5)),
        (np.ones((2, 3, 5)), 1, [0, 1, 1], (2, 3, 5)),
        (np.ones((0,)), 1, 0, (0,)),
        (torch.ones(4), np.uint8(1), np.int64(1), (4,)),
    ],
)
def test_states_broadcast(ks, k, eps, z, shape):
    answer = ks.consumption(k=k, eps=eps, z=z)
    assert isinstance(answer, np.ndarray) and answer.shape == shape
    full = [np.broadcast_to(np.asarray(k), shape), np.broadcast_to(np.asarray(eps), shape)]
    states = np.broadcast_to(np.asarray(z)[..., None], shape) if shape else np.asarray(z)
    for index in np.ndindex(shape):
        alone = ks.consumption(k=float(full[0][index]), eps=int(full[1][index]), z=states[index])
        assert answer[index] == pytest.approx(float(alone), rel=1e-12)


def test_names_are_indices(ks):
    k = np.array([[5.0, 50.0], [5.0, 50.0]])
    by_index = ks.value(k=k, eps=[0, 1], z=[0, 1])
    np.testing.assert_array_equal(by_index, ks.value(k=k, eps=["unemployed", "employed"], z=["bad", "good"]))
    names = np.array(["bad", "good"], dtype=object)
    np.testing.assert_array_equal(by_index, ks.value(k=k, eps=[0, 1], z=names))
    assert by_index[0, 0] < by_index[1, 0]  # bad times


def test_an_economy_of_one_individual_state_does_not_ask_for_it(brock):
    k = np.array([0.03, 0.1])
    np.testing.assert_array_equal(brock.consumption(k=k, z="bad"), brock.consumption(k=k, eps=0, z=0))
    people = {"k": k, "weight": [0.5, 0.5]}
    with_eps = people | {"eps": ["capitalist", "capitalist"]}
    np.testing.assert_array_equal(brock.value(k=k, z=1, population=people), brock.value(k=k, z=1, population=with_eps))


def test_households_asked_about_are_never_the_population(ks):
    crowd = np.concatenate([np.linspace(0, 200, 50), [1e5]])
    together = ks.consumption(k=crowd, eps=1, z=0)
    alone = [float(ks.consumption(k=k, eps=1, z=0)) for k in crowd]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
    with_people = ks.consumption(k=crowd, eps=1, z=0, population=PEOPLE)
    np.testing.assert_allclose(with_people[:3], ks.consumption(k=crowd[:3], eps=1, z=0, population=PEOPLE), rtol=1e-12)


def test_consumption_stays_within_resources(ks, plain):
    """The population decides on K, K on prices, prices on resources."""
    for K in (20.0, 60.0):
        people = {"k": [K / 2, 3 * K / 2], "eps": ["unemployed", "employed"], "weight": [0.5, 0.5]}
        for z in (0, 1):
            for eps in (0, 1):
                k = np.array([0.0, 1e-9, 1.0, 100.0])
                c = ks.consumption(k=k, eps=eps, z=z, population=people)
                m = np.array([plain.resources(each, eps, z, K) for each in k])
                assert (c > 0).all() and (c < m).all()
                population = Population(
                    torch.tensor([[K]], dtype=torch.float64), torch.tensor([[1]]), torch.ones(1, 1, dtype=torch.float64)
                )
                truth = [direct(ks, ks.policy_function, each, eps, z, population) for each in k]
                np.testing.assert_allclose(c, truth, rtol=1e-12)


def test_population_changes_the_answer_and_none_is_the_ergodic_one(ks):
    poor, rich = PEOPLE | {"k": PEOPLE["k"] / 2}, PEOPLE | {"k": PEOPLE["k"] * 2}
    low, high = (float(ks.consumption(k=0.0, eps=1, z=0, population=people)) for people in (poor, rich))
    assert low < high  # labour earns more where there is more capital
    states = ks.ergodic.select(slice(1, 2))
    ergodic = {"k": states.k[0].numpy(), "eps": states.eps[0].numpy(), "weight": states.weight[0].numpy()}
    given = ks.consumption(k=[3.0, 30.0], eps=1, z=1, population=ergodic)
    np.testing.assert_allclose(given, ks.consumption(k=[3.0, 30.0], eps=1, z=1), rtol=1e-12)


@pytest.mark.parametrize(
    "states, words",
    [
        ({"k": 1.0, "eps": 1}, ["z missing", "k, eps, z"]),
        ({"K": 1.0, "eps": 1, "z": 0}, ["'K'", "did you mean k?"]),
        ({"k": 1.0, "eps": 1, "z": 0, "populaton": None}, ["'populaton'", "did you mean population?"]),
        ({"k": 1.0, "eps": 1, "z": 0, "theta": 1}, ["'theta'", "expected k, eps, z"]),
        ({"k": [1.0, np.nan], "eps": 1, "z": 0}, ["k:", "finite", "nan", "1 of 2"]),
        ({"k": np.inf, "eps": 1, "z": 0}, ["finite", "inf"]),
        ({"k": [-0.1, 2.0], "eps": 1, "z": 0}, ["borrowing limit 0", "-0.1"]),
        ({"k": "ten", "eps": 1, "z": 0}, ["k:", "numbers", "'ten'"]),
        ({"k": None, "eps": 1, "z": 0}, ["k:", "numbers", "None"]),
        ({"k": True, "eps": 1, "z": 0}, ["k:", "numbers", "bool"]),
        ({"k": 1j, "eps": 1, "z": 0}, ["k:", "numbers"]),
        ({"k": [[1.0], [1.0, 2.0]], "eps": 1, "z": 0}, ["k:", "numbers in an array"]),
        ({"k": 1.0, "eps": 2, "z": 0}, ["eps:", "no state 2", "0 'unemployed' or 1 'employed'"]),
        ({"k": 1.0, "eps": -1, "z": 0}, ["eps:", "no state -1"]),
        ({"k": 1.0, "eps": 0.5, "z": 0}, ["eps:", "float64", "integers"]),
        ({"k": 1.0, "eps": True, "z": 0}, ["eps:", "bool"]),
        ({"k": 1.0, "eps": "employd", "z": 0}, ["eps:", "'employd'", "did you mean 'employed'?"]),
        ({"k": 1.0, "eps": 1, "z": "a\nb"}, ["z:", "0 'bad' or 1 'good'"]),
        ({"k": 1.0, "eps": 1, "z": ["bad", "ugly"]}, ["z:", "'ugly'"]),
        ({"k": 1.0, "eps": 1, "z": [0, None]}, ["z:", "expected 0 'bad'"]),
        ({"k": [1.0, 2.0], "eps": [1, 1, 1], "z": 0}, ["k and eps", "(2,)", "(3,)"]),
        ({"k": [1.0, 2.0], "eps": 1, "z": [0, 1]}, ["z:", "(2,)", "k[None, :]"]),
        ({"k": np.ones((3, 2)), "eps": 1, "z": [0, 1]}, ["z:", "(3, 2)"]),
        ({"k": 1.0, "eps": 1, "z": [0]}, ["z:", "(1,)"]),
        ({"k": np.longdouble("1e400"), "eps": 1, "z": 0}, ["k:", "finite"]),  # of a longer type than float64
        ({"k": 1.7e308, "eps": 1, "z": 0}, ["k:", "at most 1e+100"]),
        ({"k": np.ma.masked_less([-1.0, 2.0], 0), "eps": 1, "z": 0}, ["k:", "masked"]),
        ({"k": [np.ma.masked_less([-1.0, 2.0], 0)], "eps": 1, "z": 0}, ["k:", "masked"]),
        ({"k": 1.0, "eps": np.ma.masked_array([0, 1], [True, False]), "z": 0}, ["eps:", "masked"]),
        ({"k": np.ma.masked, "eps": 1, "z": 0}, ["k:", "masked"]),
        ({"k": 1.0, "eps": np.array("bad\n", np.dtypes.StringDType()), "z": 0}, ["eps:", "no state"]),
    ],
)
def test_bad_states_are_refused(ks, states, words):
    for call in (ks.consumption, ks.value):
        refused(lambda: call(**states), *words)


@pytest.mark.parametrize(
    "population, words",
    [
        (5, ["mapping", "k, eps and weight"]),
        ([1, 2], ["mapping"]),
        ({"k": [1.0], "weight": [1.0]}, ["eps missing"]),
        (PEOPLE | {"K": 3}, ["'K'", "did you mean k?"]),
        (PEOPLE | {"weight": [0.1, 0.5, 0.3]}, ["sum to 1", "0.9", "divide"]),
        (PEOPLE | {"weight": [0.1, 0.5, 0.4 + 2e-6]}, ["sum to 1"]),
        (PEOPLE | {"weight": [-0.1, 0.7, 0.4]}, ["weight", "-0.1"]),
        (PEOPLE | {"weight": [0.1, 0.5, np.nan]}, ["weight", "finite"]),
        (PEOPLE | {"weight": 1.0}, ["1-D", "()"]),
        (PEOPLE | {"k": [1.0, 2.0]}, ["(2,)", "(3,)"]),
        (PEOPLE | {"k": [[1.0, 2.0, 3.0]]}, ["1-D"]),
        (PEOPLE | {"k": [1.0, 2.0, -3.0]}, ["population['k']", "borrowing limit"]),
        (PEOPLE | {"k": [1.0, 2.0, np.inf]}, ["population['k']", "finite"]),
        (PEOPLE | {"k": [0.0, 0.0, 0.0]}, ["prices", "K = 0"]),
        (PEOPLE | {"eps": [0, 1, 2]}, ["population['eps']", "no state 2"]),
        (PEOPLE | {"eps": ["employed", "employed", "rich"]}, ["population['eps']", "'rich'"]),
        ({"k": [], "eps": [], "weight": []}, ["population", "expected"]),
    ],
)
def test_bad_populations_are_refused(ks, population, words):
    refused(lambda: ks.consumption(k=1.0, eps=1, z=0, population=population), *words)
    start = [word.replace("population", "start") for word in words]
    refused(lambda: ks.simulate(2, start=population), *start)


def test_weights_are_normalised(ks):
    nearly = PEOPLE | {"weight": PEOPLE["weight"] * (1 + 5e-7)}
    c = ks.consumption(k=1.0, eps=1, z=0, population=nearly)
    np.testing.assert_allclose(c, ks.consumption(k=1.0, eps=1, z=0, population=PEOPLE), rtol=1e-14)


def test_households_without_resources_are_refused(brock):
    refused(lambda: brock.consumption(k=[0.0, 0.1], z=0), "k = 0", "cannot consume")
    refused(lambda: brock.consumption(k=5e-324, z=0), "cannot consume")  # a share of it is rounded to nothing
    refused(lambda: brock.simulate(3, start={"k": [0.0, 0.1], "weight": [0.5, 0.5]}), "start['k']")


# -- simulate ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agents", [None, 40])
def test_simulation_keeps_the_accounts_and_says_its_units(ks, agents):
    data = ks.simulate(30, economies=2, agents=agents, seed=3)
    assert dict(data.sizes) == {"economy": 2, "period": 30}
    names = set(ks.economy.variables) | {"z", "gini", "wealth_sd"}
    names |= {f"wealth_q{level}" for level in ("01", "10", "50", "90", "99")}
    names |= {
        "C_sd",
        "C_gini",
        "bottom50_share",
        "top10_share",
        "top1_share",
        *(f"C_fifth{number}" for number in range(1, 6)),
    }
    assert set(data.data_vars) == names
    for variable in data.data_vars.values():
        assert variable.attrs["units"] and variable.attrs["long_name"] and variable.dims == ("economy", "period")
        assert np.isfinite(variable).all()
    # C + I is what households receive: output, when the unemployed are exactly u(z), for whom taxes are set
    u, w = np.array([0.10, 0.04])[data.z], data.w
    tax = 0.15 * u / (1 / 0.9 * (1 - u))
    received = w * (0.15 * data.unemployment + (1 - tax) / 0.9 * (1 - data.unemployment))
    np.testing.assert_allclose(data.C + data.I - data.Y, received - w * (1 - u) / 0.9, atol=1e-10)
    if agents is None:
        np.testing.assert_allclose(data.C + data.I, data.Y, rtol=1e-5)
    np.testing.assert_allclose(sum(data[f"C_fifth{number}"] for number in range(1, 6)) / 5, data.C, rtol=1e-12)
    assert (data.top1_share < data.top10_share).all() and (data.bottom50_share < 0.5).all()
    np.testing.assert_allclose(data.K[:, 1:].values, (data.I + (1 - 0.025) * data.K)[:, :-1].values, rtol=1e-12)
    L = np.array([1 / 0.9 * 0.9, 1 / 0.9 * 0.96])[data.z]
    np.testing.assert_allclose(data.Y, np.array([0.99, 1.01])[data.z] * data.K**0.36 * L**0.64, rtol=1e-10)
    assert data.z.attrs["flag_meanings"] == "bad good" and data.period.attrs["units"] == "quarter"
    assert data.attrs["seed"] == 3 and data.attrs["agents"] == ("continuum" if agents is None else 40)
    assert json.loads(data.attrs["calibration"]) == ks.calibration


def test_first_period_is_the_ergodic_cross_section(ks):
    data = ks.simulate(1, shocks=["good"])
    around = ks.ergodic.select(slice(1, 2))
    assert float(data.K[0, 0]) == pytest.approx(float(around.mean(around.k)), rel=1e-12)
    assert float(data.gini[0, 0]) == pytest.approx(float(gini(around.k, around.weight)), rel=1e-12)
    for name, level in (("wealth_q01", 0.01), ("wealth_q50", 0.5), ("wealth_q99", 0.99)):
        assert float(data[name][0, 0]) == float(quantile(around.k, around.weight, [level]))


def test_same_seed_same_numbers_and_the_global_generators_stay(ks):
    torch.manual_seed(1)
    np.random.seed(1)
    before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    for agents in (None, 20):
        first, second, other = (ks.simulate(15, economies=2, agents=agents, seed=seed) for seed in (7, 7, 8))
        assert first.identical(second) and not first.equals(other)
    assert torch.equal(before, torch.random.get_rng_state())
    assert np.array_equal(numpy_before, np.random.get_state()[1])
    np.testing.assert_array_equal(ks.simulate(15, seed=7).z, ks.simulate(15, agents=20, seed=7).z)


def test_many_economies_are_followed_in_blocks(ks, monkeypatch):
    whole = ks.simulate(4, economies=7, seed=2)
    monkeypatch.setattr(datasets, "BLOCK", 3)
    np.testing.assert_allclose(ks.simulate(4, economies=7, seed=2).K, whole.K, rtol=1e-12)


def test_given_shocks_are_used(ks):
    path = ["bad", "bad", "good", "bad"]
    data = ks.simulate(4, economies=2, shocks=path)
    np.testing.assert_array_equal(data.z, [[0, 0, 1, 0]] * 2)
    np.testing.assert_allclose(data.unemployment[0], [0.10, 0.10, 0.04, 0.10], rtol=0.02)
    for first in (0, 1):  # starts from the cross-section of the first state
        around = ks.ergodic.select(slice(first, first + 1))
        K = ks.simulate(2, shocks=[first, 1 - first]).K[0, 0]
        assert float(K) == pytest.approx(float(around.mean(around.k)), rel=1e-12)
    paths = np.array([[0, 1, 1], [1, 0, 0]])
    np.testing.assert_array_equal(ks.simulate(3, economies=2, shocks=paths, agents=5).z, paths)


def test_a_large_panel_follows_the_continuum(ks):
    """Same start and shocks; N agents make K wander by about sd(k) / sqrt(N) around the continuum's."""
    agents, path = 20_000, [0] * 10 + [1] * 10
    panel, continuum = ks.simulate(20, agents=agents, seed=1, shocks=path), ks.simulate(20, shocks=path)
    error = float(continuum.wealth_sd.max()) / agents**0.5
    assert abs(panel.K - continuum.K).max() < 3 * error
    assert abs(panel.unemployment - continuum.unemployment).max() < 5 * (0.1 / agents) ** 0.5
    np.testing.assert_allclose(panel.gini, continuum.gini, atol=0.01)


def test_start_is_where_it_starts(ks):
    mean = float((PEOPLE["k"] * PEOPLE["weight"]).sum())
    for agents in (None, 10):  # tenths: ten agents are exactly this cross-section
        data = ks.simulate(2, economies=3, agents=agents, start=PEOPLE)
        np.testing.assert_allclose(data.K[:, 0], mean, rtol=1e-12)
        np.testing.assert_allclose(data.unemployment[:, 0], 0.1, rtol=1e-12)
    refused(lambda: ks.simulate(2, start=PEOPLE | {"k": [10.0, 40.0, 1e6]}), "start", "wealth grid", "agents=")
    assert float(ks.simulate(1, agents=10, start=PEOPLE | {"k": [10.0, 40.0, 1e6]}).K[0, 0]) > 1e5
    one_owner = PEOPLE | {"k": [0.0, 0.0, 40.0], "weight": [0.1, 0.89, 0.01]}
    refused(lambda: ks.simulate(1, agents=1, start=one_owner, seed=0), "agents=1", "no resources")  # drew nobody's


def test_an_equal_panel_comes_back_unchanged(ks):
    k = np.random.default_rng(0).gamma(4, 10, 50)
    data = ks.simulate(
        1, agents=50, start={"k": k, "eps": (np.arange(50) >= 2).astype(int), "weight": np.full(50, 0.02)}, seed=5
    )
    assert float(data.wealth_sd[0, 0]) == pytest.approx(k.std(), rel=1e-10)


def test_stationary_shocks(ks):
    """Long-run shares of the chain of KS98 are one half; a spell lasts eight quarters."""
    z = ks.simulate(1, economies=4000, agents=1, seed=2).z
    assert float(z.mean()) == pytest.approx(0.5, abs=0.03)
    z = ks.simulate(2, economies=4000, agents=1, seed=2).z.values
    assert (z[:, 0] != z[:, 1]).mean() == pytest.approx(0.125, abs=0.02)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"periods": 0}, ["periods", "at least 1", "0"]),
        ({"periods": 2.0}, ["periods", "whole number"]),
        ({"periods": True}, ["periods", "True"]),
        ({"periods": 3, "economies": 0}, ["economies"]),
        ({"periods": 3, "agents": 0}, ["agents"]),
        ({"periods": 3, "agents": "50"}, ["agents", "'50'"]),
        ({"periods": 3, "seed": -1}, ["seed", "-1"]),
        ({"periods": 3, "seed": True}, ["seed"]),
        ({"periods": 3, "seed": None}, ["seed"]),
        ({"periods": 3, "seed": 2**70}, ["seed"]),
        (
            {"periods": np.timedelta64(3, "D")},
            ["periods", "whole number"],
        ),  # NumPy counts times among the whole numbers
        ({"periods": 3, "shocks": [0, 1]}, ["shocks", "(3,)", "(2,)"]),
        ({"periods": 3, "shocks": "good"}, ["shocks", "(3,)"]),
        ({"periods": 3, "shocks": [[0, 1, 1]] * 2}, ["shocks", "(1, 3)", "(2, 3)"]),
        ({"periods": 3, "shocks": [0, 1, 2]}, ["shocks", "no state 2"]),
        ({"periods": 2, "shocks": ["good", "god"]}, ["shocks", "did you mean 'good'?"]),
        ({"periods": 3, "start": 3}, ["start", "mapping"]),
    ],
)
def test_bad_simulations_are_refused(ks, arguments, words):
    refused(lambda: ks.simulate(**arguments), *words)


def test_a_path_that_cannot_happen_is_refused(ks, monkeypatch):
    aggregate = ks.economy.chain.aggregate.clone()
    aggregate[0] = torch.tensor([1.0, 0.0])
    monkeypatch.setattr(ks.economy.chain, "aggregate", aggregate)
    refused(lambda: ks.simulate(4, shocks=[1, 0, 0, 1]), "shocks", "period 2 to 3", "probability zero")


def test_errors_are_those_of_the_evaluation(ks):
    errors = ks.errors(dates=2, periods=2, seed=4)
    z_path = torch.tensor(ks.simulate(2, seed=4).z.values)[..., None]
    start = Panel(ks.ergodic.select(z_path[:, 0, 0]), z_path[:, 0])
    dates = ergodic_path(World(ks.economy, ks.policy_function), ks.grid, start, z_path, burn_in=0, dates=2).dates
    assert isinstance(dates, Panel) and errors == error_measures(
        World(ks.economy, ks.policy_function, ks.value_function), dates
    )
    assert {"euler.mean", "euler.p99", "bellman_policy.mean", "bellman_optimality.max"} <= errors.keys()
    refused(lambda: ks.errors(dates=0), "dates")
    refused(lambda: ks.errors(dates=3, periods=2), "dates", "periods")
    refused(lambda: ks.errors(seed=-1), "seed")


# -- on disk -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ks98", "brock_mirman"])
def test_a_saved_solution_comes_back_bit_for_bit(name, ks, brock, tmp_path):
    solution = ks if name == "ks98" else brock
    state = torch.random.get_rng_state()
    again = load(solution.save(tmp_path / "a"))
    assert torch.equal(state, torch.random.get_rng_state())
    for part in ("policy_function", "value_function"):
        old, new = getattr(solution, part).state_dict(), getattr(again, part).state_dict()
        assert old.keys() == new.keys() and all(torch.equal(old[key], new[key]) for key in old)
    assert torch.equal(solution.grid, again.grid) and torch.equal(solution.mass, again.mass)
    assert (solution.calibration, solution.meta, solution.network) == (again.calibration, again.meta, again.network)
    k = np.linspace(0.01, 80, 40)
    np.testing.assert_array_equal(solution.value(k=k, eps=0, z=1), again.value(k=k, eps=0, z=1))
    assert solution.simulate(5, seed=1).identical(again.simulate(5, seed=1))
    second = again.save(tmp_path / "b")
    for file in folder.FILES:
        assert (second / file).read_bytes() == (tmp_path / "a" / file).read_bytes()


def test_another_calibration_comes_back_as_its_own(tmp_path):
    solution = make("ks98", nodes=20, beta=0.985, sigma=2)
    again = load(solution.save(tmp_path / "a"))
    assert again.calibration == solution.calibration and again.calibration["beta"] == 0.985
    assert float(again.consumption(k=1.0, eps=1, z=0)) == float(solution.consumption(k=1.0, eps=1, z=0))


def test_calibration_is_a_copy(ks):
    ks.calibration["beta"] = 0.5
    ks.calibration["productivity"][0] = 7
    assert ks.calibration["beta"] == 0.99 and ks.calibration["productivity"] == [0.99, 1.01]


def test_the_solution_keeps_its_own_networks(tmp_path):
    economy = economics.create("ks98")
    policy, value = build_networks(economy, NETWORK, seed=0)
    grid = wealth_grid(economy, 10, 8.0)
    mass = torch.full((2, 20), 1 / 20, dtype=torch.float64)
    solution = Solution("ks98", economy.parameters(), asdict(NETWORK), policy, value, grid, mass)
    before = float(solution.consumption(k=1.0, eps=1, z=0))
    policy.mlp[-1].bias.data.fill_(1.0)
    assert float(solution.consumption(k=1.0, eps=1, z=0)) == before
    assert policy.mlp[-1].bias.dtype == torch.float32
    policy.double().mlp[-1].bias.data.fill_(1 / 3)  # answers are those of the weights that will be saved
    solution = Solution("ks98", {}, asdict(NETWORK), policy, value, grid, mass)
    again = load(solution.save(tmp_path / "double"))
    assert float(again.consumption(k=1.0, eps=1, z=0)) == float(solution.consumption(k=1.0, eps=1, z=0))
    rest = ("ks98", {}, asdict(NETWORK), policy, value)
    refused(lambda: Solution(*rest, grid.flip(0), mass), "grid")
    refused(lambda: Solution(*rest, grid, mass[:1]), "mass", "(2, 20)")
    refused(lambda: Solution(*rest, grid, 2 * mass), "mass", "sum to 1")
    refused(lambda: Solution(*rest, grid, mass, {"seed": object()}), "meta")


def test_folder_has_four_files_of_plain_data(saved):
    assert sorted(entry.name for entry in saved.iterdir()) == sorted(folder.FILES)
    assert sorted(entry.name for entry in saved.parent.iterdir()) == ["solution"]
    config = yaml.safe_load((saved / "config.yaml").read_text())
    assert config["model"]["name"] == "ks98" and config["network"] == asdict(NETWORK)
    meta = json.loads((saved / "meta.json").read_text())
    assert meta["schema_version"] == 4 and meta["seed"] == 0 and meta["measures"] == META["measures"]
    assert {"deepham", "torch", "created"} <= meta.keys()
    weights = load_file(saved / "weights.safetensors")
    assert all(name.startswith(("policy.", "value.")) for name in weights)
    assert all(weight.dtype == torch.float32 for weight in weights.values())


def test_save_overwrites_only_when_told(ks, saved, tmp_path):
    refused(lambda: ks.save(saved), "already holds a solution", "overwrite=True")
    other = make("ks98", nodes=20)
    (saved / "last.ckpt").write_text("kept")
    other.save(saved, overwrite=True)
    assert len(load(saved).grid) == 20 and (saved / "last.ckpt").read_text() == "kept"
    assert len(list(saved.iterdir())) == 5
    run = tmp_path / "run"  # a training run's folder before it has a solution
    run.mkdir()
    ks.save(run)
    for file in folder.FILES:
        (run / file).unlink()
    (run / "last.ckpt").write_text("kept")
    refused(lambda: ks.save(run), "not empty", "overwrite=True")
    ks.save(run, overwrite=True)
    assert load(run).name == "ks98" and (run / "last.ckpt").read_text() == "kept"
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "config.yaml").write_text("mine")
    for overwrite in (False, True):
        refused(lambda: ks.save(foreign, overwrite=overwrite), str(foreign), "choose a new folder")
    assert (foreign / "config.yaml").read_text() == "mine"
    refused(lambda: ks.save(foreign / "config.yaml"), "is a file")
    refused(lambda: ks.save(foreign / "config.yaml" / "below"), "cannot write")
    refused(lambda: ks.save(3.5), "path")


def test_a_crash_while_saving_leaves_nothing_half_written(ks, saved, tmp_path, monkeypatch):
    calls = []

    def full(*arguments):
        calls.append(arguments)
        raise OSError(28, "No space left on device")

    before = {file: (saved / file).read_bytes() for file in folder.FILES}
    with monkeypatch.context() as patch:
        patch.setattr(folder.os, "fsync", full)
        refused(lambda: ks.save(tmp_path / "new"), "No space left")
        refused(lambda: ks.save(saved, overwrite=True), "No space left")
    assert calls and {file: (saved / file).read_bytes() for file in folder.FILES} == before
    assert len(list(saved.iterdir())) == 4 and [entry.name for entry in tmp_path.iterdir()] == ["solution"]


def test_files_of_two_solutions_are_noticed(ks, saved, tmp_path):
    """What a crash between two of four replacements leaves."""
    other = make("ks98", beta=0.98).save(tmp_path / "other")
    for file in ("ergodic.safetensors", "config.yaml"):
        mine = (saved / file).read_bytes()
        (saved / file).write_bytes((other / file).read_bytes())
        refused(lambda: load(saved), str(saved), file, "digest")
        (saved / file).write_bytes(mine)
    assert load(saved).calibration["beta"] == 0.99


@pytest.mark.parametrize("file", folder.FILES)
def test_damaged_files_are_refused(saved, file):
    data = (saved / file).read_bytes()
    for length in (0, 3, len(data) // 2, len(data) - 3):
        (saved / file).write_bytes(data[:length])
        refused(lambda: load(saved), str(saved))
    flipped = bytearray(data)
    middle = len(data) - 40 if file.endswith("safetensors") else len(data) // 2
    flipped[middle] ^= 0xFF
    (saved / file).write_bytes(bytes(flipped))
    refused(lambda: load(saved), str(saved), file)
    (saved / file).unlink()
    refused(lambda: load(saved), str(saved), f"no {file}")
    (saved / file).mkdir()
    refused(lambda: load(saved), file)


def edit(path, change):
    """Rewrite a yaml or json file after change(its mapping)."""
    parse, write = (json.loads, json.dumps) if path.suffix == ".json" else (yaml.safe_load, yaml.safe_dump)
    contents = parse(path.read_text())
    change(contents)
    path.write_text(write(contents))


@pytest.mark.parametrize(
    "file, change, words",
    [
        ("meta.json", lambda meta: meta.update(schema_version=5), ["schema version 5", "upgrade deepham"]),
        ("meta.json", lambda meta: meta.update(schema_version=3), ["schema version 3", "train it again"]),
        ("meta.json", lambda meta: meta["measures"].update(gini=0.28), ["meta.json", "digest"]),
        ("meta.json", lambda meta: meta.update(mine=1), ["meta.json", "digest"]),
        ("meta.json", lambda meta: meta.pop("schema_version"), ["schema_version", "None"]),
        ("meta.json", lambda meta: meta.update(schema_version="1"), ["schema_version", "'1'"]),
        ("meta.json", lambda meta: meta.pop("digests"), ["digest"]),
        ("config.yaml", lambda config: config["model"].update(name="ks99"), ["ks99", "no economy of the package"]),
        (
            "config.yaml",
            lambda config: config["model"].update(name="../ks98"),
            ["../ks98", "no economy of the package"],
        ),
        ("config.yaml", lambda config: config["model"].update(name=["ks98"]), ["config.yaml", "no economy"]),
        ("config.yaml", lambda config: config["model"].pop("name"), ["config.yaml", "no economy"]),
        ("config.yaml", lambda config: config["model"].pop("beta"), ["config.yaml", "lacks beta"]),
        ("config.yaml", lambda config: config["model"].update(beta="abc"), ["config.yaml"]),
        ("config.yaml", lambda config: config["model"].update(beta=1.5), ["config.yaml", "beta"]),
        ("config.yaml", lambda config: config["model"].update(beta=0.98), ["config.yaml", "digest"]),
        ("config.yaml", lambda config: config["model"].update(gamma=2), ["config.yaml", "gamma"]),
        ("config.yaml", lambda config: config["model"].update(productivity=3), ["config.yaml"]),
        ("config.yaml", lambda config: config.pop("network"), ["config.yaml", "'network'"]),
        ("config.yaml", lambda config: config["network"].update(depth=0), ["config.yaml", "network.depth"]),
        ("config.yaml", lambda config: config["network"].update(width="x"), ["config.yaml"]),
        (
            "config.yaml",
            lambda config: config["network"].update(width=16),
            ["policy.mlp.0.weight", "(8, 6)", "(16, 6)"],
        ),
        ("config.yaml", lambda config: config["network"].update(ensemble=2), ["value.mlps.1.0.weight"]),
        ("config.yaml", lambda config: config["network"].pop("base"), ["config.yaml", "base"]),
        ("config.yaml", lambda config: config["network"].update(layers=3), ["config.yaml", "layers"]),
    ],
)
def test_edited_settings_are_refused(saved, file, change, words):
    edit(saved / file, change)
    refused(lambda: load(saved), str(saved), *words)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda weights: weights.pop("policy.mlp.0.weight"), ["no policy.mlp.0.weight"]),
        (lambda weights: weights.update({"policy.extra": torch.zeros(1)}), ["policy.extra"]),
        (lambda weights: weights.update({"policy.mlp.0.bias": torch.zeros(9)}), ["policy.mlp.0.bias", "(9,)", "(8,)"]),
        (
            lambda weights: weights.update({"policy.mlp.0.bias": torch.zeros(8).double()}),
            ["policy.mlp.0.bias", "float64"],
        ),
        (lambda weights: weights.update({"value.mlps.0.0.bias": torch.full((8,), torch.nan)}), ["value.mlps.0.0.bias"]),
    ],
)
def test_wrong_leaves_are_named(saved, change, words):
    weights = load_file(saved / "weights.safetensors")
    change(weights)
    save_file(weights, saved / "weights.safetensors")
    refused(lambda: load(saved), str(saved), "weights.safetensors", *words)


def test_comments_and_other_groups_in_the_configuration_are_free(saved):
    text = (saved / "config.yaml").read_text()
    (saved / "config.yaml").write_text("# mine\r\n" + text.replace("\n", "\r\n") + "algorithm: {horizon: 4}\r\n")
    assert load(saved).name == "ks98"


def test_yaml_executes_nothing(saved, tmp_path):
    (saved / "config.yaml").write_text(f"model: !!python/object/apply:os.mkdir ['{tmp_path}/ran']\n")
    refused(lambda: load(saved), "config.yaml")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "path", ["x" * 300, "a\0b", "\ud800", b"ks98", None, 3, "two\nlines"], ids=lambda path: repr(path)[:9]
)
def test_what_can_be_no_folder_is_refused(ks, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(lambda: load(path))
    if path != "two\nlines":  # a name like any other
        refused(lambda: ks.save(path))


def test_overwrite_is_true_or_false(ks, saved):
    refused(lambda: ks.save(saved, overwrite=np.ones(2)), "overwrite: expected True or False")


def test_no_folder_to_load(saved, tmp_path):
    refused(lambda: load(tmp_path / "absent"), str(tmp_path / "absent"), "does not exist", "weights.safetensors")
    refused(lambda: load(saved / "meta.json"), "is a file", "expected a folder")
    refused(lambda: load(tmp_path), "no meta.json")
    refused(lambda: load(None), "path")
    refused(lambda: load(saved, device="abacus"), "device", "'abacus'", "cpu")
    if not torch.cuda.is_available():
        refused(lambda: load(saved, device="cuda"), "device", "cpu")


def test_load_takes_a_device_as_torch_names_it():
    assert deepham.load("ks98", device="cpu").grid.device.type == "cpu"
    refused(lambda: deepham.load("ks98", device="abacus"), "device", "abacus", "device='cpu'")


def test_in_words(ks, brock):
    text = ks.summary()
    for word in (
        "ks98",
        "quarter",
        "beta",
        "0.99",
        "width",
        "discount factor",
        "mean_K 39.4 goods",
        "euler.mean 0.04 percent of consumption",
        "utils",
        "gini 0.27 share",
        "(z good)",
    ):
        assert word in " ".join(text.split()), text
    assert "{" not in text, "no plain dicts"
    assert len(text.splitlines()) > 15 and "brock_mirman" in brock.summary()
    assert "ks98" in repr(ks) and "\n" not in repr(ks)


# -- shipped solutions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", folder.shipped())
def test_a_shipped_solution_has_the_calibration_of_its_economy_and_is_at_the_bar(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    solution = load(name)
    assert solution.calibration == economics.calibration(solution.name)
    bars = OmegaConf.load(conf_folder() / "model" / f"{name}.yaml").get("verdict", {}).get("bars", "standard")
    assert [row.measure for row in judge(solution.meta["measures"], BAR_SETS[bars]) if row.met is False] == []
    measured = solution.errors(dates=2, periods=20)
    assert measured["euler.mean"] < 0.05 and measured["bellman_policy.mean"] < 0.003, "now, not only when it was made"


def test_a_folder_of_the_same_name_goes_first_and_unknown_names_list_the_shipped(ks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ks.save("ks98")
    assert load("ks98").meta == ks.meta
    refused(lambda: load("ks99"), "ks99", "ships with the package: ", "ks98")


# -- time series on disk -----------------------------------------------------------------------------------------


def test_a_dataset_is_kept_in_one_compressed_file(ks, tmp_path):
    path = ks.simulate(50, economies=2, seed=3)
    datasets.save(path, tmp_path / "path.nc.gz")
    again = xarray.open_dataset(tmp_path / "path.nc.gz")
    for name in path:
        np.testing.assert_array_equal(again[name], path[name])
        assert again[name].attrs["units"] == path[name].attrs["units"]
    assert again.attrs["calibration"] == path.attrs["calibration"]
    assert (tmp_path / "path.nc.gz").stat().st_size < path.nbytes
    refused(lambda: datasets.save(path, tmp_path / "path.csv"), ".nc.gz", "path.csv")
    refused(lambda: datasets.save(path, tmp_path / "nowhere/path.nc.gz"), "cannot be written")
    refused(lambda: datasets.save(path, "a\0.nc.gz"), "path:")
    refused(lambda: datasets.save({"K": 1.0}, tmp_path / "path.nc.gz"), "dataset:", "irf()")
    refused(lambda: datasets.save(path.assign_attrs(mine=object()), tmp_path / "path.nc.gz"), "netCDF cannot hold")


def test_resources_are_those_of_the_economys_prices(ks):
    c, m = ks.consumption(k=[0.0, 40.0], eps=1, z="good"), ks.resources(k=[0.0, 40.0], eps=1, z="good")
    assert (c < m).all() and m[1] - m[0] == pytest.approx(40 * 1.01, rel=1e-3)
