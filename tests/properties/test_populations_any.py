"""Any household in any cross-section: what it consumes, is worth and has, or one line on what is wrong."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from odd import ODD, partly_spoiled, spoiled

CASES = 120
CALLS = ("consumption", "value", "resources")

assets = st.floats(0, 1e6) | st.floats(0.01, 100) | st.integers(0, 1000)


def names_of(economy):
    return [
        list(economy.names_of(shock, number))
        for shock, number in (
            (economy.individual_shock, economy.chain.n_eps),
            (economy.aggregate_shock, economy.chain.n_z),
        )
    ]


@st.composite
def cross_sections(draw, economy):
    """A mapping of one to six points."""
    eps, _ = names_of(economy)
    number = draw(st.integers(1, 6))
    k = draw(st.lists(assets, min_size=number, max_size=number))
    weight = draw(st.lists(st.integers(0, 9), min_size=number, max_size=number).filter(any))
    states = draw(st.sampled_from((eps, list(range(len(eps))))))
    given = {
        economy.asset: k,
        "weight": [each / sum(weight) for each in weight],
        economy.individual_shock: draw(st.lists(st.sampled_from(states), min_size=number, max_size=number)),
    }
    spoil = draw(st.sampled_from(("no", "array", "tensor", "entries", "missing")))
    if spoil == "entries":
        return draw(partly_spoiled(given))
    if spoil == "missing":
        given.pop(draw(st.sampled_from(sorted(given))))
    if spoil in ("array", "tensor"):
        array = np.array if spoil == "array" else torch.tensor
        given |= {key: array(given[key]) for key in (economy.asset, "weight")}
    return given


@st.composite
def households(draw, economy):
    """Arguments of `consumption`: assets of up to two dimensions, states by index or by name."""
    eps, z = names_of(economy)
    number = draw(st.integers(1, 4))
    k = draw(
        assets
        | st.lists(assets, min_size=number, max_size=number)
        | st.lists(st.lists(assets, min_size=number, max_size=number), min_size=2, max_size=2)
    )
    state = draw(st.sampled_from([*eps, *range(len(eps))]))
    given = {
        economy.asset: k,
        economy.individual_shock: draw(st.sampled_from((state, [state] * number))),
        economy.aggregate_shock: draw(st.sampled_from([*z, *range(len(z))])),
    }
    given = draw(partly_spoiled(given)) if draw(st.booleans()) else given
    around = draw(st.none() | st.none() | cross_sections(economy) | spoiled(None))
    return given | {"population": around}


def check_answers(solution, given):
    """What the three calls say of the same households fits together."""
    found = {call: getattr(solution, call)(**given) for call in CALLS}
    for answer in found.values():
        assert isinstance(answer, np.ndarray) and answer.dtype == np.float64 and np.isfinite(answer).all()
        assert answer.shape == found["value"].shape
    assert (found["consumption"] > 0).all()
    assert (found["consumption"] <= found["resources"] - solution.economy.borrowing_limit).all()


@pytest.mark.parametrize("name", ["ks98", "brock_mirman"])
def test_households_get_an_answer_or_one_line(shipped, outcomes, name):
    solution = shipped(name)

    @settings(max_examples=CASES)
    @given(households(solution.economy))
    def check(given):
        with outcomes.case():
            check_answers(solution, given)

    check()


@pytest.mark.parametrize("name", ["ks98", "brock_mirman"])
def test_every_odd_value_in_every_place(shipped, listed_outcomes, name):
    solution = shipped(name)
    economy = solution.economy
    good = {economy.asset: 5.0, economy.individual_shock: 0, economy.aggregate_shock: 1}
    around = {economy.asset: [1.0, 2.0], economy.individual_shock: [0, 0], "weight": [0.5, 0.5]}
    for odd in ODD:
        for key in good:
            for call in CALLS:
                with listed_outcomes.case():
                    assert np.isfinite(getattr(solution, call)(**good | {key: odd})).all()
        with listed_outcomes.case():
            check_answers(solution, good | {"population": odd})
        for key in around:
            for value in (odd, [odd, around[key][1]]):
                with listed_outcomes.case():
                    check_answers(solution, good | {"population": around | {key: value}})
