"""Chains that stand for an autoregression, of log income or of log productivity: log y' = rho log y + innovation.

sd is the long-run standard deviation of log y in all of them; that of the innovation is sd sqrt(1 - rho^2).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from deepham.economics.markov import stationary
from deepham.errors import require


def rouwenhorst(rho: float, sd: float, states: int) -> tuple[Tensor, Tensor]:
    """Rouwenhorst's chain (Kopecky and Suen, 2010): the mean, the variance and the autocorrelation of log y are exact
    for any number of states.

    Args:
        rho: autocorrelation of log y from one period to the next.
        sd: long-run standard deviation of log y; from that of the innovation, sd = innovation / sqrt(1 - rho^2).
        states: how many, n.

    Returns:
        y (n,), of mean one in the long run, and P(y' | y), (n, n), both float64.

    Raises:
        InputError: rho outside of (-1, 1), sd below zero, or no state.
    """
    _check(rho, sd, states)
    p = (1 + rho) / 2
    chain = torch.ones(1, 1, dtype=torch.float64)
    for n in range(2, states + 1):
        larger = torch.zeros(n, n, dtype=torch.float64)
        larger[:-1, :-1] += p * chain
        larger[:-1, 1:] += (1 - p) * chain
        larger[1:, :-1] += (1 - p) * chain
        larger[1:, 1:] += p * chain
        larger[1:-1] /= 2
        chain = larger
    y = torch.exp(sd * math.sqrt(max(states - 1, 0)) * torch.linspace(-1, 1, states, dtype=torch.float64))
    if states == 1:
        y = torch.ones(1, dtype=torch.float64)
    return y / (stationary(chain) @ y), chain


def tauchen(rho: float, sd: float, states: int, reach: float = 3.0) -> tuple[Tensor, Tensor]:
    """Tauchen's chain (1986): equally spaced points of log y on +-`reach` standard deviations. P is the normal mass
    around each, and what lies beyond the outer points belongs to them. With many states the moments of log y are nearly
    right; `rouwenhorst` has them exactly.

    Args:
        rho, sd, states: as in `rouwenhorst`.
        reach: of the outer points, in long-run standard deviations.

    Returns:
        y (n,), of mean one in the long run, and P(y' | y), (n, n), both float64.

    Raises:
        InputError: rho outside of (-1, 1), sd below zero, no state, or a reach that is not positive.
    """
    _check(rho, sd, states)
    require(reach > 0, f"reach: expected a positive number of standard deviations, got {reach}")
    if states == 1:
        return torch.ones(1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    x = reach * torch.linspace(-1, 1, states, dtype=torch.float64)  # in standard deviations
    between = (x[1:] + x[:-1]) / 2
    below = torch.special.ndtr((between[None] - rho * x[:, None]) / math.sqrt(1 - rho**2))
    none, all_ = torch.zeros(states, 1, dtype=torch.float64), torch.ones(states, 1, dtype=torch.float64)
    chain = torch.diff(torch.cat([none, below, all_], 1), dim=1)
    y = torch.exp(sd * x)
    return y / (stationary(chain) @ y), chain


def bins(rho: float, sd: float, states: int, reach: float = 3.0) -> tuple[Tensor, Tensor]:
    """Equally spaced points of log y on +-`reach` standard deviations, and the normal mass in bins of equal width
    around them, the outer ones too; rows are normalised to one.

    Returns:
        y (n,), whose mean is what it is, and P(y' | y), (n, n), both float64.

    Raises:
        InputError: as `tauchen`.
    """
    _check(rho, sd, states)
    if states == 1:
        return torch.ones(1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    x = reach * sd * torch.linspace(-1, 1, states, dtype=torch.float64)
    half, innovation = (x[1] - x[0]) / 2, sd * math.sqrt(1 - rho**2)
    distance = (x[None] - rho * x[:, None]) / innovation
    mass = torch.special.ndtr(distance + half / innovation) - torch.special.ndtr(distance - half / innovation)
    return torch.exp(x), mass / mass.sum(1, keepdim=True)


def _check(rho: float, sd: float, states: int) -> None:
    require(-1 < rho < 1, f"rho: expected a number in (-1, 1), got {rho}")
    require(sd >= 0, f"sd: expected a number of at least 0, got {sd}")
    require(states >= 1, f"states: expected at least one, got {states}")
