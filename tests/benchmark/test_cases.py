"""What the benchmark counts and times."""

import time

import pytest

from benchmarks import cases
from benchmarks.parts import PARTS
from benchmarks.rows import Row, number, sheet
from benchmarks.settings import PARTS as NAMES
from deepham.training.module import DeepHAM


def test_the_time_of_an_update_is_the_time_it_takes(monkeypatch):
    honest = DeepHAM.training_step
    monkeypatch.setattr(DeepHAM, "training_step", lambda self, *batch: time.sleep(0.2) or honest(self, *batch))
    seconds = cases.updates(["algorithm.agents=20", "algorithm.economies=2"], blocks=2, block=2)["seconds"]
    assert len(seconds) == 2 and 0.2 < min(seconds) < 0.4


@pytest.mark.slow
def test_an_update_is_timed_and_counted_as_training_does_it():
    small = ["algorithm.agents=50", "algorithm.economies=4"]
    found = cases.updates(small, blocks=4, block=1)
    assert len(found["seconds"]) == 4 and min(found["seconds"]) > 0 and found["peak_memory_mb"] > 0
    few, many = (cases.arithmetic(["algorithm.agents=50", f"algorithm.economies={n}"]) for n in (4, 8))
    # all that depends on the households doubles; the optimiser's own work does not
    assert 1.5 < many["flops"] / few["flops"] < 2 and 1e8 < few["peak"] < 1e15


@pytest.mark.parametrize("kind, households", [("panel", 24), ("gradient", 24), ("continuum", 4 * 2 * 30)])
def test_a_simulation_is_timed(kind, households):
    found = cases.simulation(
        ["algorithm.economies=4", "algorithm.agents=6", "algorithm.nodes=30"], kind, periods=3, repeats=2
    )
    assert found["households"] == households and len(found["seconds"]) == 2


def test_a_row_is_the_median_and_says_what_start_up_is():
    row = Row.of("steps", "an update", [3.0, 1.0, 2.0], "ms", "excluded", 450.2)
    assert (row.value, row.lowest, row.highest, row.repeats) == (2.0, 1.0, 3.0, 3)
    text = sheet([row]).markdown()
    assert "| steps | an update | 2 | ms | 1 | 3 | 3 | excluded | 450 |" in text
    assert [number(x) for x in (1234.5, -1234.5, 999.7, 0.01234, 12.345)] == [
        "1,234",
        "-1,234",
        "1,000",
        "0.0123",
        "12.3",
    ]


def test_every_part_has_a_name_in_the_settings():
    assert set(PARTS) == set(NAMES)
