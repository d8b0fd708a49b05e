"""Chains of log income against the autoregressions that they stand for."""

import pytest
import torch

from deepham.economics.income import bins, rouwenhorst, tauchen
from deepham.economics.markov import stationary
from deepham.errors import InputError


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


@pytest.mark.parametrize("grid", [bins, tauchen])
def test_many_points_have_nearly_the_moments_of_the_autoregression(grid):
    y, chain = grid(0.6, 0.2, 31)
    share = stationary(chain)
    log_y = y.log() - share @ y.log()
    assert float(share @ log_y**2) ** 0.5 == pytest.approx(0.2, rel=0.02)
    assert float((share * log_y) @ (chain @ log_y) / (share @ log_y**2)) == pytest.approx(0.6, rel=0.02)


def test_tauchen_is_the_one_of_his_formula():
    """Tauchen (1986), equation 3, at two points: what lies between is halfway, at zero."""
    y, chain = tauchen(0.5, 0.1, 2, reach=1.0)
    stays = torch.special.ndtr(torch.tensor(0.5 / 0.75**0.5, dtype=torch.float64)).item()
    torch.testing.assert_close(chain, torch.tensor([[stays, 1 - stays], [1 - stays, stays]], dtype=torch.float64))
    assert float((y[1] / y[0]).log()) == pytest.approx(0.2) and float(y.mean()) == pytest.approx(1)


@pytest.mark.parametrize("grid", [rouwenhorst, tauchen, bins])
@pytest.mark.parametrize("wrong", [{"rho": 1.0}, {"sd": -0.1}, {"states": 0}])
def test_an_autoregression_that_is_none_is_refused(grid, wrong):
    with pytest.raises(InputError, match=f"^{next(iter(wrong))}: expected"):
        grid(**{"rho": 0.5, "sd": 0.2, "states": 3} | wrong)


@pytest.mark.parametrize("grid", [rouwenhorst, bins, tauchen])
def test_one_state_is_an_income_of_one(grid):
    y, chain = grid(0.6, 0.2, 1)
    assert y.tolist() == [1.0] and chain.tolist() == [[1.0]]
