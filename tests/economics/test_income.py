"""Chains of log income against the autoregressions that they stand for."""

import pytest
import torch

from deepham.economics.income import bins, rouwenhorst
from deepham.economics.markov import stationary


@pytest.mark.parametrize("rho, sd, states", [(0.966, 0.5, 3), (0.6, 0.2, 7), (-0.3, 0.1, 4), (0.99, 1.0, 2)])
def test_rouwenhorst_has_the_moments_of_the_autoregression(rho, sd, states):
    y, chain = rouwenhorst(rho, sd, states)
    share, log_y = stationary(chain), y.log()
    torch.testing.assert_close(chain.sum(1), torch.ones(states, dtype=torch.float64))
    distance = log_y - share @ log_y
    assert float(share @ distance**2) == pytest.approx(sd**2)
    assert float((share * distance) @ (chain @ distance)) == pytest.approx(rho * sd**2)
    assert float(share @ y) == pytest.approx(1)


def test_bins_are_the_published_ones():
    """arXiv 2512.18892: rho .6, a standard deviation of .2, three points."""
    y, chain = bins(0.6, 0.2, 3)
    published = [[0.64604, 0.35394, 0.00002], [0.03040, 0.93921, 0.03040], [0.00002, 0.35394, 0.64604]]
    torch.testing.assert_close(chain, torch.tensor(published, dtype=torch.float64), rtol=0, atol=6e-6)
    torch.testing.assert_close(y.log(), torch.tensor([-0.6, 0.0, 0.6], dtype=torch.float64))
    assert float(stationary(chain) @ y) == pytest.approx(1.027186, abs=1e-6)


def test_many_bins_have_nearly_the_moments_of_the_autoregression():
    y, chain = bins(0.6, 0.2, 31)
    share, log_y = stationary(chain), y.log()
    assert float(share @ log_y**2) ** 0.5 == pytest.approx(0.2, rel=0.02)
    assert float((share * log_y) @ (chain @ log_y) / (share @ log_y**2)) == pytest.approx(0.6, rel=0.02)


@pytest.mark.parametrize("grid", [rouwenhorst, bins])
def test_one_state_is_an_income_of_one(grid):
    y, chain = grid(0.6, 0.2, 1)
    assert y.tolist() == [1.0] and chain.tolist() == [[1.0]]
