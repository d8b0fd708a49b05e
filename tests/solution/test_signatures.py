"""What a notebook completes behind `solution.consumption(`, and what `help` shows."""

from inspect import Parameter, signature
from types import SimpleNamespace
from typing import Literal

import pytest

import deepham
from deepham import economics


@pytest.mark.parametrize("call", ["consumption", "value", "resources"])
def test_the_arguments_of_a_policy_are_the_states_of_its_economy(call):
    solution = deepham.load("ks98")
    method, states = getattr(solution, call), signature(getattr(solution, call)).parameters
    assert list(states) == ["k", "eps", "z", "population"]
    assert states["eps"].annotation == Literal["unemployed", "employed"]
    assert method.__doc__ == getattr(type(solution), call).__doc__
    needed = [name for name in states if states[name].default is Parameter.empty]
    assert method(**dict.fromkeys(needed, 1)).shape == ()  # and all that is named is taken


def test_other_economies_have_other_names(monkeypatch):
    solution = deepham.load("brock_mirman")
    assert signature(solution.value).parameters["eps"].default == 0  # of one value, and may be left out
    assert solution.value(k=0.2, z="bad") == solution.value(k=0.2, eps=0, z="bad")
    monkeypatch.setattr(solution, "economy", economics.create("jfv"))
    states = signature(solution.consumption).parameters
    assert list(states) == ["a", "e", "W", "population"]
    assert states["e"].annotation == Literal["low", "high"] and states["W"].annotation is Parameter.empty  # a number


def test_a_calibration_is_asked_for_by_the_parameters_that_vary(monkeypatch):
    solution = deepham.load("ks98")
    assert list(signature(solution.at).parameters) == []
    monkeypatch.setattr(solution, "box", SimpleNamespace(vary={"beta": [0.98, 0.995]}))
    assert str(signature(solution.at)) == "(*, beta=0.99) -> 'Solution'"
    assert list(signature(solution.sensitivity).parameters) == ["names", "beta"]


def test_a_figure_of_a_response_takes_what_a_response_takes():
    solution = deepham.load("ks98")
    options = {*signature(solution.plot_irf).parameters} - {"variables"}
    assert options == {*signature(solution.irf).parameters}
