"""Any argument of what a user calls: a result that holds what it promises, or one line on what is wrong."""

import numpy as np
import pytest
import xarray
from hypothesis import given, settings
from hypothesis import strategies as st
from odd import ODD, mostly, partly_spoiled, spoiled, texts, values
from test_populations_any import cross_sections, names_of

import deepham
from deepham.solution import datasets, paired

# options of `irf` that find a response at a fraction of the time: from a cross-section, few periods and draws
PEOPLE = {
    "ks98": {"k": [1.0, 30.0, 50.0], "eps": [0, 1, 1], "weight": [0.1, 0.5, 0.4]},
    "brock_mirman": {"k": [0.1, 0.2], "eps": [0, 0], "weight": [0.5, 0.5]},
}
whole = st.integers(1, 4)
few = st.integers(1, 2)
seeds = st.integers(0, 2**63 - 1)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Ergodic starts of an impulse response from a short simulation."""
    monkeypatch.setattr(paired, "ECONOMIES", 4)
    monkeypatch.setattr(paired, "SETTLE", 2)
    monkeypatch.setattr(paired, "POOL", 2**10)


@st.composite
def simulations(draw, solution):
    _, z = names_of(solution.economy)
    periods, economies = draw(whole), draw(few)
    path = st.lists(st.sampled_from(draw(st.sampled_from((z, range(len(z)))))), min_size=periods, max_size=periods)
    arguments = {
        "periods": periods,
        "economies": economies,
        "agents": draw(st.none() | st.integers(1, 10)),
        "seed": draw(seeds),
        "shocks": draw(st.none() | path | st.lists(path, min_size=economies, max_size=economies)),
        "start": draw(st.none() | st.just(PEOPLE[solution.name]) | cross_sections(solution.economy)),
    }
    return draw(small(partly_spoiled(arguments)))


def small(arguments):
    """Without sizes that are valid and large."""

    def is_small(given):
        return not any(
            isinstance(given.get(name), int | np.integer) and given[name] > 1000
            for name in ("periods", "economies", "agents", "draws", "dates")
        )

    return arguments.filter(is_small)


def check_series(data):
    """Accounts and moments of a simulation or a path."""
    for name, series in data.items():
        assert np.isfinite(series).all(), name
    assert (data["K"] > 0).all() and (data["C"] > 0).all()
    assert (data["gini"] > -1e-9).all() and (data["gini"] < 1).all()


@pytest.mark.parametrize("name", ["ks98", "brock_mirman"])
def test_simulate(shipped, outcomes, name):
    solution = shipped(name)

    @settings(max_examples=60)
    @given(simulations(solution))
    def check(arguments):
        with outcomes.case():
            data = solution.simulate(**arguments)
            assert data.sizes == {"economy": arguments["economies"], "period": arguments["periods"]}
            check_series(data)

    check()


@st.composite
def shocks(draw, economy):
    _, z = names_of(economy)
    kind = draw(st.sampled_from(("state", "state", "transfer", "odd")))
    if kind == "state":
        return f"{draw(st.sampled_from((*z, 'any')))}->{draw(st.sampled_from(z))}"
    if kind == "transfer":
        shares = st.floats(0.01, 0.5)
        shock = {
            "transfer": draw(shares),
            "top": draw(shares),
            "bottom": draw(shares),
            "after": draw(st.sampled_from((*z, "any"))),
        }
        return draw(partly_spoiled(shock))
    return draw(values | texts)


@st.composite
def responses(draw, solution):
    arguments = {
        "shock": draw(shocks(solution.economy)),
        "periods": draw(whole),
        "draws": draw(whole),
        "seed": draw(seeds),
        "agents": draw(st.none() | st.integers(2, 10)),
        "hold": draw(st.integers(1, 5)),
        "start": draw(st.just(PEOPLE[solution.name]) | st.none()),
        "baseline": draw(st.sampled_from(("drawn", "forced"))),
        "keep_draws": draw(st.booleans()),
    }
    return draw(small(partly_spoiled(arguments))) if draw(st.booleans()) else arguments


@pytest.mark.parametrize("name", ["ks98", "brock_mirman"])
def test_irf(shipped, outcomes, name):
    solution = shipped(name)

    @settings(max_examples=35)
    @given(responses(solution))
    def check(arguments):
        with outcomes.case():
            data = solution.irf(**arguments)
            assert data.sizes["period"] == arguments["periods"] and ("K_shocked" in data) == arguments["keep_draws"]
            assert np.isfinite(data["K"]).all() and np.isfinite(data["Y"]).all()
            if not isinstance(arguments["shock"], str):
                assert abs(float(data["K"][0])) < 1e-6, "what is taken is given"

    check()


@pytest.mark.parametrize("name", ["ks98", "brock_mirman"])
def test_risky_steady_state(shipped, outcomes, name):
    solution = shipped(name)
    _, z = names_of(solution.economy)
    good = st.fixed_dictionaries(
        {"z": st.sampled_from((*z, 0, 1)), "periods": st.integers(2, 4), "start": st.none() | st.just(PEOPLE[name])}
    )

    @settings(max_examples=35)
    @given(good.flatmap(lambda arguments: small(partly_spoiled(arguments))))
    def check(arguments):
        with outcomes.case():
            found = solution.risky_steady_state(**arguments)
            check_series(found.path)
            assert found.level > 0 and str(found)

    check()


def test_errors(shipped, outcomes):
    solution = shipped("ks98")
    good = st.fixed_dictionaries({"dates": few, "periods": whole, "seed": seeds})

    @settings(max_examples=30)
    @given(good.flatmap(lambda arguments: small(partly_spoiled(arguments))))
    def check(arguments):
        with outcomes.case():
            assert all(np.isfinite(value) for value in solution.errors(**arguments).values())

    check()


@pytest.mark.slow
def test_every_odd_value_in_every_argument(shipped, listed_outcomes):
    solution = shipped("brock_mirman")
    people = PEOPLE["brock_mirman"]
    calls = (
        (
            solution.simulate,
            {
                "periods": 2,
                "economies": 1,
                "agents": 2,
                "seed": 0,
                "shocks": [0, 1],
                "start": people,
                "histories": True,
            },
        ),
        (
            solution.irf,
            {
                "shock": "good->bad",
                "periods": 1,
                "draws": 1,
                "seed": 0,
                "agents": 2,
                "start": people,
                "hold": 1,
                "baseline": "drawn",
                "keep_draws": False,
            },
        ),
        (
            solution.irf,
            {
                "shock": {"transfer": 0.1},
                "periods": 1,
                "draws": 1,
                "agents": 2,
                "start": people,
                "hold": 1,
                "baseline": "drawn",
                "keep_draws": False,
            },
        ),
        (solution.risky_steady_state, {"z": "bad", "periods": 2, "start": people}),
        (solution.errors, {"dates": 1, "periods": 1, "seed": 0}),
    )
    for call, good in calls:
        for name in good:
            for odd in ODD:
                with listed_outcomes.case():
                    call(**good | {name: odd})
    for key in ("transfer", "top", "bottom", "after", "else"):
        for odd in ODD:
            with listed_outcomes.case():
                solution.irf({"transfer": 0.1} | {key: odd}, periods=1, draws=1, agents=2, start=people)


def test_plot_irf(shipped, outcomes):
    solution = shipped("brock_mirman")
    names = st.lists(st.sampled_from(("Y", "C", "I", "K", "r", "w", "gini")), min_size=1, max_size=3)
    given_variables = (
        names | names | names.flatmap(spoiled) | st.sampled_from((("K_se",), "Y", ("Y", "Y"), ("period",)))
    )

    @settings(max_examples=30)
    @given(given_variables)
    def check(variables):
        with outcomes.case():
            figure = solution.plot_irf("good->bad", variables, periods=2, draws=1, start=PEOPLE["brock_mirman"])
            assert figure.axes

    check()


def test_save_and_load(shipped, outcomes, tmp_path, monkeypatch):
    """Names of folders; relative ones lie in an empty folder, and none leads out of it."""
    solution = shipped("brock_mirman")
    monkeypatch.chdir(tmp_path)
    names = mostly(st.text("abcé-_", min_size=1, max_size=8), texts | values)

    def inside(path):
        text = path.decode("latin1") if isinstance(path, bytes) else path
        return not isinstance(text, str) or not set("/~\\") & set(text) and text != ".."

    @settings(max_examples=40)
    @given(names.filter(inside), mostly(st.booleans()))
    def check(path, overwrite):
        with outcomes.case():
            folder = solution.save(path, overwrite)
            assert folder.is_relative_to(tmp_path)
            assert deepham.load(path).calibration == solution.calibration

    check()


def test_load(listed_outcomes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    @settings(max_examples=30)
    @given(mostly(st.just("brock_mirman"), values | st.text()))
    def check(path):
        with listed_outcomes.case():
            assert deepham.load(path).name == "brock_mirman"

    check()
    assert listed_outcomes.valid >= 1


def test_datasets_save(shipped, outcomes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = shipped("brock_mirman").simulate(2)
    numbers = st.floats() | st.integers(-10, 10)

    odd_names = st.sampled_from(
        ("é\n.nc.gz", "no/where.nc.gz", "\x00.nc.gz", "\ud800.nc.gz", "x" * 400 + ".nc.gz", "a.nc")
    )

    @settings(max_examples=60)
    @given(
        mostly(mostly(numbers, values).map(lambda given: data.assign_attrs(given=given)), values),
        mostly(
            st.sampled_from(("a.nc.gz", "b.nc.gz")), odd_names | values.filter(lambda odd: not isinstance(odd, str))
        ),
    )
    def check(dataset, path):
        with outcomes.case():
            datasets.save(dataset, path)
            assert xarray.open_dataset(path).equals(data)

    check()
