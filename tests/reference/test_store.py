"""Grid solutions on disk: found by calibration and settings, never trusted when damaged."""

import json

import pytest
import torch
import yaml

from deepham import economics
from deepham.economics.ks98 import KS98
from deepham.economics.planner import under
from deepham.economics.preferences import CRRA
from deepham.reference import store
from deepham.reference.equations import equations
from deepham.reference.settings import ReferenceSettings
from deepham.reference.solve import solve_reference
from deepham.system.paths import conf_folder

SMALL = ReferenceSettings(
    k_nodes=40,
    K_nodes=5,
    K_width=0.25,
    top=8.0,
    histogram_nodes=40,
    economies=1,
    burn_in=50,
    periods=200,
    tolerance=1e-3,
    damping=0.25,
    iterations=60,
    seed=1,
)


def settings(name) -> ReferenceSettings:
    return ReferenceSettings(**yaml.safe_load((conf_folder() / f"reference/{name}.yaml").read_text(encoding="utf-8")))


def digest(solution) -> str:
    """Of all that is stored."""
    data = store._bytes(solution)
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["digest"]


@pytest.fixture(scope="module")
def ks98():
    return economics.create("ks98")


@pytest.fixture(scope="module")
def solved(ks98):
    return solve_reference(ks98, SMALL, name="ks98")


@pytest.fixture
def solver(monkeypatch, solved):
    """Counts how often a solution is computed, and hands out the one above."""
    calls = []
    monkeypatch.setattr(store, "solve_reference", lambda *arguments: calls.append(1) or solved)
    return calls


def test_a_solution_is_computed_once_and_read_back_to_the_bit(ks98, solved, solver, tmp_path):
    first = store.obtain("ks98", ks98, SMALL, tmp_path)
    second = store.obtain("ks98", ks98, SMALL, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [store.file_name("ks98", ks98, SMALL)] and len(solver) == 1
    assert digest(second) == digest(solved), "tensors, measures and all"
    assert torch.equal(second.policy_function.values, solved.policy_function.values)
    assert torch.equal(second.law.slope, solved.law.slope) and torch.equal(second.start.weight, solved.start.weight)
    assert torch.equal(second.mass, solved.mass) and second.name == "ks98"
    assert second.measures == first.measures and second.calibration == ks98.parameters()
    store.obtain("ks98", ks98, SMALL, tmp_path, again=True)
    assert len(solver) == 2


def test_a_solution_of_another_calibration_says_of_which_it_is(ks98, solver, tmp_path):
    store.obtain("ks98", ks98, SMALL, tmp_path)
    other = economics.create("ks98", beta=0.98)
    found = store.read(tmp_path / store.file_name("ks98", ks98, SMALL), "ks98", other)
    assert found.calibration == ks98.parameters() and found.economy.beta == ks98.beta != other.beta


def test_another_calibration_or_other_settings_are_another_file(ks98):
    names = {
        store.file_name("ks98", ks98, SMALL),
        store.file_name("ks98", economics.create("ks98", beta=0.98), SMALL),
        store.file_name("ks98", ks98, ReferenceSettings(**vars(SMALL) | {"seed": 2})),
    }
    assert len(names) == 3


class InOtherWords(KS98):
    """The same prices: a comment, a docstring or another order of operations changes no solution."""

    def prices(self, aggregates, z):
        product = self.z_level[z] * aggregates["K"] ** self.alpha * self.labour[z] ** -self.alpha
        return {
            "w": product - self.alpha * product,
            "R": product * self.alpha * self.labour[z] / aggregates["K"] - self.delta + 1,
        }


class Taxed(KS98):
    def resources(self, k, eps, z, prices):
        return super().resources(k, eps, z, prices) - 0.001 * (k - 300).clamp_min(0)


class Indebted(KS98):
    borrowing_limit = -1.0


class Slower(KS98):
    """Unemployment lasts longer, whatever the calibration says."""

    def tables(self):
        super().tables()
        self.chain.individual = 0.9 * self.chain.individual + 0.1 * torch.eye(2, dtype=torch.float64)


class Prodigal(KS98):
    def tables(self):
        super().tables()
        self.preferences = CRRA(self.sigma + 0.5)


def test_a_solution_belongs_to_equations_and_not_to_the_words_that_they_stand_in(ks98):
    def name(economy):
        return store.file_name("ks98", economy(**ks98.parameters()), SMALL)

    assert name(InOtherWords) == store.file_name("ks98", ks98, SMALL)
    assert len({name(each) for each in (KS98, Taxed, Indebted, Slower, Prodigal)}) == 5


def test_a_market_and_a_planner_are_two_files():
    market = economics.create("davila12")
    assert store.file_name("davila12", market, SMALL) != store.file_name("davila12", under(market, "planner"), SMALL)


@pytest.mark.parametrize("name", economics.names())
def test_the_digest_of_equations_survives_the_last_digits(name):
    """What another processor rounds differently, here as a parameter that is moved by as much."""
    economy = economics.create(name)
    moved = {
        key: value * (1 + 4e-16) if isinstance(value, float) else value for key, value in economy.parameters().items()
    }
    assert equations(type(economy)(**moved)) == equations(economy)


def test_the_shipped_solution_is_filed_under_the_equations_of_today(ks98):
    """Where this fails the equations of ks98 have changed: solve it again (scripts/reference.py) and ship that."""
    name = store.file_name("ks98", ks98, settings("standard"))
    assert [path.name for path in store.SHIPPED.iterdir()] == [name]
    assert store.read(store.SHIPPED / name, "ks98", ks98).equations == equations(ks98)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"nonsense" * 100,
        lambda data: data[:-100] + bytes([data[-100] ^ 1]) + data[-99:],
    ],
)
def test_a_damaged_file_is_rebuilt(ks98, solver, tmp_path, damage):
    store.obtain("ks98", ks98, SMALL, tmp_path)
    path = tmp_path / store.file_name("ks98", ks98, SMALL)
    path.write_bytes(damage(path.read_bytes()))
    assert store.find("ks98", ks98, SMALL, tmp_path) is None
    store.obtain("ks98", ks98, SMALL, tmp_path)
    assert len(solver) == 2 and store.find("ks98", ks98, SMALL, tmp_path) is not None
