"""A search for an equilibrium that is not there says so."""

import numpy as np
import pytest

from deepham.training.drift import Drift


def told(residuals):
    drift = Drift()
    return [drift.add(float(residual)) for residual in residuals]


@pytest.mark.parametrize("last", [0.0005, 0.003])
def test_what_falls_or_stays_is_no_drift(last):
    noise = np.exp(0.3 * np.random.default_rng(1).normal(size=100))
    assert not any(told(np.geomspace(0.003, last, 100) * noise))


def test_what_rises_for_twenty_updates_is_and_the_line_says_how_far():
    said = told(np.geomspace(0.001, 0.02, 60))
    first = next(index for index, what in enumerate(said) if what)
    assert first >= 39 and "from 0.1 to" in said[first] and "no equilibrium" in said[first]
    assert not any(told([*np.geomspace(0.001, 0.02, 30), *[0.001] * 30]))  # what comes back is none
