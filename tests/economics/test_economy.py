"""What every economy with a calibration has to keep, and how it is created."""

import copy
import json
import math
from dataclasses import make_dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch

from deepham import economics
from deepham.economics.economy import parameter
from deepham.economics.ks98 import KS98
from deepham.economics.registry import name_of
from deepham.errors import InputError
from deepham.simulation.period import World
from deepham.simulation.walk import initial_panel


def spoiled(value, bad):
    """`value` with its first number replaced."""
    return [spoiled(value[0], bad), *value[1:]] if isinstance(value, list) else bad


# the second row: a whole number that no float holds, an array over several lines, a time that NumPy counts as a number
@pytest.mark.parametrize(
    "bad",
    [math.nan, math.inf, -math.inf, None, "abc", 10**400, np.ones((2, 2)), np.timedelta64(0, "D")],
    ids=lambda bad: str(bad)[:9],
)
@pytest.mark.parametrize("name", economics.names())
def test_a_parameter_that_is_no_number_is_refused_by_name_in_one_line(name, bad):
    for key, given in economics.calibration(name).items():
        if isinstance(given, str | bool):
            continue
        with pytest.raises(InputError, match=key) as error:
            economics.create(name, **{key: spoiled(given, bad)})
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "parameter, value",
    [
        ("beta", 1.0),
        ("beta", 0.0),
        ("alpha", 1.0),
        ("alpha", 0.0),
        ("stay", 0.0),
        ("stay", 1.0),
        ("productivity", [1.0]),
        ("productivity", [1.0, 0.0]),
    ],
)
def test_brock_mirman_refuses_parameters_out_of_range(parameter, value):
    with pytest.raises(InputError, match=parameter):
        economics.create("brock_mirman", **{parameter: value})


def test_a_misspelt_parameter_is_answered_with_the_right_one():
    with pytest.raises(InputError, match="did you mean beta"):
        economics.create("ks98", bta=0.9)


def test_an_unknown_parameter_or_economy_is_answered_with_what_there_is():
    with pytest.raises(InputError, match="productivity"):
        economics.create("ks98", xxxx=1)
    with pytest.raises(InputError, match="ks98"):
        economics.create("ks99")
    with pytest.raises(InputError, match="no economy"):
        economics.create("economy")  # a file of economics/ that is none


@pytest.mark.parametrize("name", [None, ["ks98"], np.array(["ks98", "ks98"]), "ks98\n", "../ks98"], ids=repr)
def test_what_names_no_economy_is_refused_in_one_line(name):
    with pytest.raises(InputError, match="no economy") as error:
        economics.create(name)
    assert "\n" not in str(error.value)


def test_the_name_is_no_parameter():
    with pytest.raises(InputError, match="no parameter 'name'"):
        economics.create("ks98", **{"name": "ks98"})


def test_numbers_of_any_kind_are_kept_as_plain_data():
    """NumPy's numbers, fractions, whole numbers of any size and tuples; files hold none of them."""
    given = {"beta": np.float32(0.75), "hours": 10**30, "mu": Fraction(1, 4), "productivity": (np.int64(1), 2)}
    found = economics.create("ks98", **given).parameters()
    kept = {"beta": 0.75, "hours": 1e30, "mu": 0.25, "productivity": [1.0, 2.0]}
    assert {key: found[key] for key in given} == kept
    assert all(type(found[key]) is type(kept[key]) for key in kept) and type(found["productivity"][0]) is float


@pytest.mark.parametrize("annotation", ["int", int], ids=["text", "type"])
def test_a_whole_number_arrives_as_one_and_anything_else_is_refused(annotation):
    counted = make_dataclass(
        "Counted", [("states", annotation, parameter("number of states"))], bases=(KS98,), eq=False
    )
    calibration = economics.calibration("ks98")
    for given in (7, 7.0, np.int64(7), Fraction(7)):
        states = counted(**calibration, states=given).parameters()["states"]
        assert states == 7 and type(states) is int
    for bad in (7.5, math.inf, True, "7", [7]):
        with pytest.raises(InputError, match="states: expected a whole number, got") as error:
            counted(**calibration, states=bad)
        assert "\n" not in str(error.value)
    assert type(economics.create("jfv", quadrature=3.0).quadrature) is int


FORMS = {  # of a number, a list and a matrix
    "numpy": np.array,
    "a scalar of numpy": lambda x: np.float64(x) if np.ndim(x) == 0 else x,
    "torch": lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True),
    "tuple": lambda x: tuple(map(tuple, x)) if np.ndim(x) > 1 else x,
    "pandas": lambda x: (
        pd.DataFrame(x, index=[*"abcd"]) if np.ndim(x) > 1 else pd.Series(x) if np.ndim(x) else pd.Series([x])[0]
    ),
    "scalars": lambda x: [FORMS["scalars"](each) for each in x] if np.ndim(x) else torch.tensor(x, dtype=torch.float64),
    "unmasked": lambda x: np.ma.masked_less(x, -1),
}


@pytest.mark.parametrize("form", FORMS)
def test_arrays_tensors_and_tables_are_kept_as_plain_data(form):
    plain = {key: economics.calibration("ks98")[key] for key in ("beta", "unemployment", "chain_matrix")}
    kept = economics.create("ks98", **{key: FORMS[form](value) for key, value in plain.items()}).parameters()
    assert {key: kept[key] for key in plain} == plain
    assert json.loads(json.dumps(kept)) == kept and type(kept["chain_matrix"][0][0]) is float


@pytest.mark.parametrize(
    "value",
    [
        np.ma.masked_array([0.1, 0.04], [True, False]),
        torch.ones(2, device="meta"),
        pd.DataFrame,
        [np.ma.masked, 0.04],
        np.array([[0.1, 0.04]]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_arrays_that_hold_no_numbers_in_some_place_are_refused(value):
    with pytest.raises(InputError, match="^unemployment: "):
        economics.create("ks98", unemployment=value)


@pytest.mark.parametrize(
    "name, parameters",
    [
        ("brock_mirman", {"productivity": [1e-300, 1e300]}),
        ("ks98", {"alpha": 5e-324, "delta": 1.0}),
        ("rare_event", {"efficiency": [1e308, 1.0, 1.0]}),
        ("brock_mirman", {"productivity": ((1, 2), 1)}),
        ("ks98", {"unemployment": [[0.1], 0.04]}),
        ("rare_event", {"productivity": ((1.0,), 1.0)}),
    ],
)
def test_calibrations_without_finite_prices_or_with_nested_numbers_are_refused(name, parameters):
    with pytest.raises(InputError, match="calibration|" + "|".join(parameters)) as error:
        economics.create(name, **parameters)
    assert "\n" not in str(error.value)


def test_an_override_reaches_the_equations(ks98):
    patient = economics.create("ks98", beta=0.995)
    assert patient.parameters() == ks98.parameters() | {"beta": 0.995}
    assert patient.steady_state()["K"] > ks98.steady_state()["K"]


def test_moving_a_copy_leaves_the_original_alone(economy):
    before = {name: copy.deepcopy(value) for name, value in vars(economy).items() if isinstance(value, torch.Tensor)}
    moved = economy.to(dtype=torch.float32)
    for name, value in before.items():
        assert getattr(moved, name).dtype == torch.float32
        assert torch.equal(getattr(economy, name), value) and getattr(economy, name).dtype == torch.float64
    assert (
        moved.chain.typical_z().dtype in (torch.long, torch.float32) and moved.chain.individual.dtype == torch.float32
    )
    assert economy.chain.individual.dtype == torch.float64
    moved.chain.individual.zero_()
    assert bool((economy.chain.individual.sum(-1) > 0).all())


def test_the_typical_household_is_the_one_of_the_typical_state(economy):
    state, household = economy.typical_state(), economy.typical_household()
    assert household == {
        "assets": state.get(economy.tracked, household["assets"]),
        "c": state["c"],
        "limit": economy.borrowing_limit,
    }


def test_states_are_named_in_full(economy):
    assert len(economy.shock_names.get(economy.aggregate_shock, "?")) == economy.chain.named
    assert len(economy.shock_names[economy.individual_shock]) == economy.chain.n_eps


def test_every_economy_says_where_its_calibration_is_from_and_has_the_name_of_its_class(economy):
    assert economy.source and economy.period and economics.economy_class(name_of(type(economy))) is type(economy)


@pytest.mark.parametrize("name", ["ks98", "brock_mirman"])
def test_parameters_of_its_own_in_each_economy_are_as_many_economies(name):
    """alpha, delta and beta of (B, 1): prices and resources to the last bit."""
    together = copy.copy(economics.create(name))
    alone = [{"alpha": 0.3, "beta": 0.93}, {"alpha": 0.36, "beta": 0.95}, {"alpha": 0.41, "beta": 0.97}]
    if name == "ks98":
        alone = [each | {"delta": delta} for each, delta in zip(alone, (0.02, 0.025, 0.1))]
    for key in alone[0]:
        setattr(together, key, torch.tensor([[each[key]] for each in alone], dtype=torch.float64))
    panel = initial_panel(economics.create(name), 3, 5, torch.Generator().manual_seed(0))
    seen = World(together).observe(panel)
    for b, parameters in enumerate(alone):
        own = economics.create(name, **parameters)
        expected = World(own).observe(panel.select([b]))
        for key, price in expected.prices.items():
            assert torch.equal(seen.prices[key][b : b + 1], price), key
        assert torch.equal(seen.resources[b : b + 1], expected.resources)
