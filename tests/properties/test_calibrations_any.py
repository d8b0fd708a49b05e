"""Any calibration: an economy whose identities hold, or one line on what is wrong with it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from odd import ODD, mostly, partly_spoiled, places, replaced

from deepham import economics
from deepham.checks import statement

CASES = 100


def shares(least, most):
    return st.floats(least, most)


@st.composite
def rows(draw, number, columns):
    """Rows of a transition matrix, with zeros here and there."""
    drawn = [draw(st.lists(st.integers(0, 9), min_size=columns, max_size=columns).filter(any)) for _ in range(number)]
    return [[weight / sum(row) for weight in row] for row in drawn]


@st.composite
def brock_mirman(draw):
    return {
        "beta": draw(shares(0.67, 0.999)),
        "alpha": draw(shares(0.05, 0.95)),
        "stay": draw(shares(0.01, 0.99)),
        "productivity": draw(st.lists(st.floats(0.1, 10), min_size=2, max_size=2)),
    }


@st.composite
def ks98(draw):
    """Flows between z and z' that carry the unemployment rate of one into that of the other."""
    n_z = draw(st.integers(1, 3))
    rate = draw(st.lists(shares(0.01, 0.5), min_size=n_z, max_size=n_z))
    aggregate = draw(rows(n_z, n_z))
    matrix = [[0.0] * (2 * n_z) for _ in range(2 * n_z)]
    for z in range(n_z):
        for y in range(n_z):
            low, high = max(0.0, (rate[y] - 1 + rate[z]) / rate[z]), min(1.0, rate[y] / rate[z])
            remain = low + draw(shares(0.05, 0.95)) * (high - low)
            lose = (rate[y] - rate[z] * remain) / (1 - rate[z])
            for eps, unemployed in enumerate((remain, lose)):
                matrix[2 * z + eps][2 * y] = aggregate[z][y] * unemployed
                matrix[2 * z + eps][2 * y + 1] = aggregate[z][y] * (1 - unemployed)
    return {
        "beta": draw(shares(0.5, 0.999)),
        "sigma": draw(st.floats(0.1, 10)),
        "alpha": draw(shares(0.05, 0.9)),
        "delta": draw(shares(0.005, 1)),
        "mu": draw(shares(0.01, 0.5)),
        "hours": draw(st.floats(0.2, 10)),
        "productivity": draw(st.lists(st.floats(0.1, 10), min_size=n_z, max_size=n_z)),
        "unemployment": rate,
        "chain_matrix": matrix,
    }


@st.composite
def rare_event(draw):
    n_z, n_eps = draw(st.integers(1, 2)), draw(st.integers(1, 4))
    beta = draw(shares(0.5, 0.95))
    positive = st.floats(0.1, 50)
    return {
        "beta": beta,
        "sigma": draw(st.floats(0.1, 10)),
        "alpha": draw(shares(0.05, 0.9)),
        "delta": draw(shares(0.005, 1)),
        "productivity": draw(st.lists(positive, min_size=n_z, max_size=n_z)),
        "stay": draw(shares(0.01, 0.99)),
        "efficiency": draw(st.lists(positive, min_size=n_eps, max_size=n_eps)),
        "chains": [draw(rows(n_eps, n_eps)) for _ in range(n_z)],
        "labour_supply": draw(st.just([]) | st.lists(positive, min_size=n_z, max_size=n_z)),
        "stated_return": 1 + draw(shares(0.01, 1)) * (1 / beta - 1),
    }


@st.composite
def davila12(draw):
    parameters = draw(rare_event())
    lowest = 1 - parameters["delta"]
    return parameters | {"planner_return": lowest + draw(shares(0.01, 1)) * (1 / parameters["beta"] - lowest)}


@st.composite
def jfv(draw):
    """Any household, beside the shipped expert and its capital, whose leverage is bounded; a step is short for the
    rates."""
    finding, losing = draw(st.floats(0.01, 5)), draw(st.floats(0.01, 5))
    W = draw(st.floats(1.0, 3.0))
    return {
        "rho": draw(st.floats(0.01, 1)),
        "discounting": draw(st.sampled_from(("simple", "exponential"))),
        "sigma": draw(shares(0, 0.05)),
        "low": draw(shares(0.05, 0.99)),
        "finding": finding,
        "losing": losing,
        "dt": draw(shares(0.01, 1)) / max(finding, losing, 2),
        "stated_assets": 3.7 - W,
        "stated_net_worth": W,
    }


# an economy without a strategy is looked at with its own calibration, below
VALID = {"brock_mirman": brock_mirman, "ks98": ks98, "davila12": davila12, "jfv": jfv, "rare_event": rare_event}


def check_identities(economy):
    statement.parameters(economy)
    statement.chain(economy)
    statement.at_rest(economy)
    chain, z = economy.chain, economy.chain.typical_z()
    for state in (economy.steady_state(), economy.typical_state()):
        held = state.get(economy.tracked, economy.typical_household()["assets"])
        given = state | {key: unknown.typical for key, unknown in economy.unknowns.items()}
        aggregates = {key: torch.full((chain.n_z, 1), value, dtype=torch.float64) for key, value in given.items()}
        prices = economy.prices(aggregates, z)
        assert all(bool(price.isfinite().all()) for price in prices.values())
        assert all(bool((prices[key] > 0).all()) for key in ("R", "w") if key in prices), "a transfer can be zero"
        k = torch.full((chain.n_z, chain.n_eps), held, dtype=torch.float64)
        eps = torch.arange(chain.n_eps).expand(chain.n_z, -1)
        assert bool((economy.resources(k, eps, z, prices) > 0).all())


@pytest.mark.parametrize("name", VALID)
def test_a_calibration_is_an_economy_or_one_line(name, outcomes):
    # a third of the cases are drawn unspoiled: how many of the others are valid moves with Hypothesis's version
    for strategy, cases in ((VALID[name](), CASES // 3), (VALID[name]().flatmap(partly_spoiled), CASES - CASES // 3)):

        @settings(max_examples=cases)
        @given(strategy)
        def check(parameters):
            with outcomes.case():
                check_identities(economics.create(name, **parameters))

        check()


def mostly_slow(names):
    """All economies, slow but for one of each way to state shocks."""
    quick = ("brock_mirman", "huggett", "jfv", "ks98")
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", mostly_slow(economics.names()))
def test_every_odd_value_in_every_place_of_a_calibration(name, listed_outcomes):
    cls, calibration = economics.economy_class(name), economics.calibration(name)
    for parameter, value in calibration.items():
        for path in list(places(value))[:4]:
            for odd in ODD:
                with listed_outcomes.case():
                    check_identities(cls(**calibration | {parameter: replaced(value, path, odd)}))


def test_strategies_are_of_economies():
    assert set(VALID) <= set(economics.names())


def test_any_name_of_an_economy_and_any_parameter(outcomes):
    @settings(max_examples=60)
    @given(
        mostly(st.sampled_from(economics.names())),
        mostly(
            st.sampled_from(("alpha", "beta")), st.sampled_from(("name", "self", "", "ßeta\n", "x" * 1000, "\ud800"))
        ),
        st.floats(0.7, 0.9),
    )
    def check(name, parameter, value):
        with outcomes.case():
            economics.create(name, **{parameter: value})

    check()
