"""Numbers per year where a period is a quarter: said, and only where they look like it."""

import re

import pytest

from deepham import economics
from deepham.economics.units import other_period


@pytest.mark.parametrize("name", economics.names())
def test_of_the_economies_that_ship_nothing_is_said(name):
    assert other_period(economics.create(name)) is None


def test_what_is_said_turns_into_numbers_of_which_nothing_is_said():
    said = other_period(economics.create("ks98", beta=0.96, delta=0.1))
    assert said and re.findall(r"(\w+)=([\d.]+), ([\d.]+) a year", said) == [
        ("beta", "0.96", "0.85"),
        ("delta", "0.1", "0.34"),
    ]
    assert other_period(economics.create("ks98", beta=0.96**0.25, delta=1 - 0.9**0.25)) is None
    assert "delta=" not in (other_period(economics.create("ks98", beta=0.96)) or "delta=")
    assert other_period(economics.create("davila12", beta=0.887)) is None, "its period is a year"
