"""Chains of log income that stand for an autoregression: log y' = rho log y + innovation.

sd is the long-run standard deviation of log y in both.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from deepham.economics.markov import stationary


def rouwenhorst(rho: float, sd: float, states: int) -> tuple[Tensor, Tensor]:
    """Kopecky and Suen (2010): the mean, the variance and the autocorrelation of log y are exact for any number of
    states.

    Returns:
        y (n,), of mean one in the long run, and P(y' | y), (n, n), both float64.
    """
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


def bins(rho: float, sd: float, states: int, reach: float = 3.0) -> tuple[Tensor, Tensor]:
    """Equally spaced points of log y on +-`reach` standard deviations, and the normal mass in bins of equal width
    around them, the outer ones too; rows are normalised to one.

    Returns:
        y (n,), whose mean is what it is, and P(y' | y), (n, n), both float64.
    """
    if states == 1:
        return torch.ones(1, dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    x = reach * sd * torch.linspace(-1, 1, states, dtype=torch.float64)
    half, innovation = (x[1] - x[0]) / 2, sd * math.sqrt(1 - rho**2)
    distance = (x[None] - rho * x[:, None]) / innovation
    mass = torch.special.ndtr(distance + half / innovation) - torch.special.ndtr(distance - half / innovation)
    return torch.exp(x), mass / mass.sum(1, keepdim=True)
