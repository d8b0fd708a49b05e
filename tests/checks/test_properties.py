"""What every economy has to keep: each of the package keeps it, and each property finds the mistake that it is for."""

from dataclasses import dataclass, fields

import pytest
import torch

from deepham import economics
from deepham.checks.run import PROPERTIES, examine, outcome
from deepham.economics.economy import Frictionless, parameter
from deepham.economics.ks98 import KS98
from deepham.economics.preferences import CRRA

NOT_ASKED = {("ks98_leisure", "known answers")} | {
    (name, "gradient") for name in economics.names() if economics.create(name).unknowns
}


@pytest.mark.parametrize("name", economics.names())
def test_every_economy_of_the_package_keeps_what_an_economy_has_to_keep(name):
    found = list(examine(economics.create(name)))
    assert not [each for each in found if each.holds is False]
    assert {(name, each.name) for each in found if each.holds is None} == {key for key in NOT_ASKED if key[0] == name}


def mistaken(**methods):
    """KS98 with other methods, as a class of its own."""
    made = type("Mistaken", (KS98,), methods | {"__module__": __name__})
    return dataclass(eq=False)(made)(**economics.calibration("ks98"))


@dataclass(eq=False)
class Idle(KS98):
    idle: float = parameter("what nothing looks at", default=1.0)


class Linear(CRRA):
    def marginal_utility(self, c):
        return 1.01 * super().marginal_utility(c)


def unlike_a_chain(self):
    KS98.tables(self)
    self.chain.moves = 0.99 * self.chain.moves


def chain_that_leaks(self):
    KS98.tables(self)
    self.chain.aggregate = 0.999 * self.chain.aggregate


def other_preferences(self):
    KS98.tables(self)
    self.preferences = Linear(self.sigma)


def numbers_beside_the_tables(self):
    KS98.tables(self)
    self.income = [self.income]


def as_a_panel(self, population, z):
    return {"K": population.k.mean(1, keepdim=True)}


def of_all_economies(self, population, z):
    return {"K": population.mean(population.k).mean().expand(len(z), 1)}


def of_the_first(self, population, z):
    return {"K": population.k[:, :1]}


def taxed_return(self, aggregates, z):
    prices = KS98.prices(self, aggregates, z)
    return prices | {"R": prices["R"] - 0.001, "paid": prices["R"]}


def paid_gross(self, k, eps, z, prices):
    return prices["paid"] * k + prices["w"] * self.income[z, eps]


def generous(self, k, eps, z, prices):
    return 1.01 * KS98.resources(self, k, eps, z, prices)


def detached(self, aggregates, z):
    return {name: price.detach() for name, price in KS98.prices(self, aggregates, z).items()}


def costly(self, choice, seen):
    return 0.99 * (seen.resources - choice["c"])


def too_poor(self):
    return KS98.steady_state(self) | {"m": 1.0}


def without_output(self, choice, carried, seen):
    return {name: value for name, value in KS98.accounts(self, choice, carried, seen).items() if name != "Y"}


def with_an_answer(self, period, accounts):
    return {"saving_rate": (accounts["I"].mean(), 0.2)}


def at_the_typical_state(self):
    return Frictionless(mpc=1 - self.beta, human_wealth=10.0)


# the property -> economies in which it fails
MISTAKES = {
    "parameters": lambda: Idle(**economics.calibration("ks98")),
    "chain": lambda: mistaken(tables=chain_that_leaks),
    "sparse chain sums": lambda: mistaken(tables=unlike_a_chain),
    "budget at rest": lambda: mistaken(steady_state=too_poor, frictionless=at_the_typical_state),
    "typical incomes": lambda: mistaken(resources=generous),
    "units and shapes": lambda: mistaken(accounts=without_output),
    "single precision": lambda: mistaken(
        tables=numbers_beside_the_tables,
        resources=lambda self, k, eps, z, prices: prices["R"] * k + prices["w"] * self.income[0][z, eps],
    ),
    "marginal utility": lambda: mistaken(tables=other_preferences),
    "return in the Euler equation": lambda: mistaken(prices=taxed_return, resources=paid_gross),
    "savings and first-order condition": lambda: mistaken(carry=costly),
    "goods add up": lambda: mistaken(resources=generous),
    "permutation of households": lambda: mistaken(aggregates=of_the_first),
    "weights of households": lambda: mistaken(aggregates=as_a_panel),
    "economies apart": lambda: mistaken(aggregates=of_all_economies),
    "gradient": lambda: mistaken(prices=detached),
    "known answers": lambda: mistaken(known=with_an_answer),
}


def test_there_is_a_mistake_for_every_property():
    assert list(MISTAKES) == list(PROPERTIES)


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_mistake_is_found_by_its_property(name):
    economy = MISTAKES[name]()
    found = outcome(name, lambda: PROPERTIES[name](economy))
    assert found.holds is False and found.said and "\n" not in found.said


def test_what_a_method_raises_is_a_property_that_fails_and_names_the_line():
    def broken(self, aggregates, z):
        if aggregates["K"].shape[0] == 3:
            raise KeyError("labour")
        return KS98.prices(self, aggregates, z)

    found = outcome("units", lambda: PROPERTIES["units and shapes"](mistaken(prices=broken)))
    assert found.holds is False and "KeyError: 'labour'" in found.said and "test_properties.py, line" in found.said


def test_nothing_random_is_left_behind():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    list(examine(economics.create("ks98")))
    assert torch.equal(before, torch.get_rng_state()) and fields(KS98)
