"""The machine unit: what it does to a figure, and that it leaves the process as it was. No test hangs on the time."""

import itertools

import pytest
import torch

from benchmarks import unit
from benchmarks.rows import Row, sheet
from benchmarks.unit import in_units, machine_unit


@pytest.fixture
def clock(monkeypatch):
    """A clock by which the rounds of a unit take so many seconds each."""

    def runs(*seconds):
        ticks = itertools.chain.from_iterable((0.0, each) for each in seconds)
        return lambda: next(ticks)

    monkeypatch.setattr(unit, "MIXES", 1)
    return runs


def test_a_unit_twice_as_slow_halves_every_figure(clock):
    once, twice = machine_unit(clock(1.0, 9.0, 2.0)), machine_unit(clock(2.0, 18.0, 4.0))
    assert once == 2.0 and twice == 2 * once  # the median: one bad round counts for nothing
    for given in ("s", "ms", "s, a solution"):
        row = Row.of("steps", "an update", [3.0], given)
        slow, fast = row.beside(twice), row.beside(once)
        assert slow.machine_units == fast.machine_units / 2 and slow.value == fast.value == 3.0
    assert in_units(1000.0, "ms", 2.0) == in_units(1.0, "s", 2.0) == 0.5


def test_only_times_are_told_in_units():
    for other in ("million/s", "% cons.", "utils", "times", ""):
        assert Row.of("steps", "a figure", [3.0], other).beside(2.0).machine_units is None
    assert Row.of("steps", "on a GPU", [3.0], "ms").beside(None).machine_units is None
    assert sheet([Row.of("steps", "an update", [3.0], "s").beside(2.0)]).markdown().endswith("|  | 1.5 |\n")


def test_threads_and_random_numbers_are_as_they_were(monkeypatch):
    monkeypatch.setattr(unit, "MIXES", 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        torch.manual_seed(3)
        wanted = torch.rand(1)
        torch.manual_seed(3)
        assert machine_unit() > 0 and torch.get_num_threads() == 2 and torch.equal(torch.rand(1), wanted)
    finally:
        torch.set_num_threads(threads)
