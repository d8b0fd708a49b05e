"""Grid solutions on disk: found by calibration and settings, never trusted when damaged."""

import pytest
import torch

from deepham import economics
from deepham.reference import store
from deepham.reference.settings import ReferenceSettings
from deepham.reference.solve import solve_reference

SMALL = ReferenceSettings(k_nodes=40, K_nodes=5, K_width=0.25, top=8.0, histogram_nodes=40, economies=1, burn_in=50,
                          periods=200, tolerance=1e-3, damping=0.25, iterations=60, seed=1)


@pytest.fixture(scope="module")
def ks98():
    return economics.create("ks98")


@pytest.fixture(scope="module")
def solved(ks98):
    return solve_reference(ks98, SMALL)


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
    assert torch.equal(second.policy.values, solved.policy.values) and torch.equal(second.value.values, solved.value.values)
    assert torch.equal(second.law.slope, solved.law.slope) and torch.equal(second.start.weight, solved.start.weight)
    assert second.measures == first.measures and second.calibration == ks98.parameters()
    store.obtain("ks98", ks98, SMALL, tmp_path, again=True)
    assert len(solver) == 2


def test_another_calibration_or_other_settings_are_another_file(ks98):
    names = {store.file_name("ks98", ks98, SMALL), store.file_name("ks98", economics.create("ks98", beta=0.98), SMALL),
             store.file_name("ks98", ks98, ReferenceSettings(**vars(SMALL) | {"seed": 2}))}
    assert len(names) == 3


@pytest.mark.parametrize("damage", [
    lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"nonsense" * 100,
    lambda data: data[:-100] + bytes([data[-100] ^ 1]) + data[-99:]])
def test_a_damaged_file_is_rebuilt(ks98, solver, tmp_path, damage):
    store.obtain("ks98", ks98, SMALL, tmp_path)
    path = tmp_path / store.file_name("ks98", ks98, SMALL)
    path.write_bytes(damage(path.read_bytes()))
    assert store.find("ks98", ks98, SMALL, tmp_path) is None
    store.obtain("ks98", ks98, SMALL, tmp_path)
    assert len(solver) == 2 and store.find("ks98", ks98, SMALL, tmp_path) is not None
