"""What every economy with a calibration has to keep, and how it is created."""

import copy
import math
from dataclasses import fields

import pytest
import torch

from deepham import economics
from deepham.errors import InputError
from deepham.simulation.household import observe
from deepham.simulation.rollout import initial_panel


def spoiled(value, bad):
    """`value` with its first number replaced."""
    return [spoiled(value[0], bad), *value[1:]] if isinstance(value, list) else bad


NUMERIC = [(name, key) for name in economics.names() for key, value in economics.calibration(name).items()
           if not isinstance(value, str | bool)]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None, "abc"], ids=str)
@pytest.mark.parametrize("name, parameter", NUMERIC)
def test_a_parameter_that_is_no_number_is_refused_by_name_in_one_line(name, parameter, bad):
    value = spoiled(economics.calibration(name)[parameter], bad)
    with pytest.raises(InputError, match=parameter) as error:
        economics.create(name, **{parameter: value})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("parameter, value", [
    ("beta", 1.0), ("beta", 0.0), ("alpha", 1.0), ("alpha", 0.0), ("stay", 0.0), ("stay", 1.0),
    ("productivity", [1.0]), ("productivity", [1.0, 0.0]),
])
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


def test_an_override_reaches_the_equations(ks98):
    patient = economics.create("ks98", beta=0.995)
    assert patient.parameters() == ks98.parameters() | {"beta": 0.995}
    assert patient.steady_state()["K"] > ks98.steady_state()["K"]


def test_parameters_rebuild_the_economy(economy):
    again = type(economy)(**economy.parameters())
    assert again.parameters() == economy.parameters()
    assert again.steady_state() == economy.steady_state()


def test_moving_a_copy_leaves_the_original_alone(economy):
    before = {name: copy.deepcopy(value) for name, value in vars(economy).items() if isinstance(value, torch.Tensor)}
    moved = economy.to(dtype=torch.float32)
    for name, value in before.items():
        assert getattr(moved, name).dtype == torch.float32
        assert torch.equal(getattr(economy, name), value) and getattr(economy, name).dtype == torch.float64
    assert moved.chain.aggregate.dtype == moved.chain.individual.dtype == torch.float32
    assert economy.chain.aggregate.dtype == economy.chain.individual.dtype == torch.float64
    moved.chain.aggregate.zero_()
    assert bool((economy.chain.aggregate.sum(1) > 0).all())


def test_accounts_return_what_is_described(economy, seeded):
    panel = initial_panel(economy, 3, 20, seeded())
    seen = observe(economy, panel.population, panel.z)
    books = economy.accounts(panel.population, panel.z, seen.aggregates, seen.prices, seen.resources / 2,
                             seen.resources / 2)
    assert list(books) == list(economy.variables)
    assert all(value.shape == (3,) for value in books.values())


def test_states_are_named_in_full(economy):
    assert len(economy.shock_names[economy.aggregate_shock]) == economy.chain.n_z
    assert len(economy.shock_names[economy.individual_shock]) == economy.chain.n_eps


def test_every_parameter_says_what_it_is_and_in_what_unit(economy):
    for field in fields(economy):
        assert field.metadata["meaning"] and field.metadata["unit"], field.name
    assert economy.source and economy.period
