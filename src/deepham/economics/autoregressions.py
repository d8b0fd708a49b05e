"""Aggregate states that are autoregressions: independent ones of numbers, and one of a logarithm."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from deepham.economics.gaussian import GaussianProcess
from deepham.economics.process import Aggregates
from deepham.economics.quadrature import standard_normal
from deepham.errors import InputError, require


class Autoregressions(GaussianProcess):
    """z = x (B, d),  x_i' = rho_i x_i + sigma_i e_i,  e_i independent standard normals;  P(eps' | eps).

    Args:
        persistence: rho (d,), each in (-1, 1).
        innovation: sigma (d,), standard deviations of the innovations, not negative.
        individual, points, directions: as in GaussianProcess.
        logs: whether z are logarithms of what a shock is told in percent of.

    Raises:
        InputError: parameters of different length or out of range.
    """

    def __init__(
        self,
        persistence,
        innovation,
        individual: Tensor,
        points: int = 5,
        directions: int | None = None,
        logs: bool = False,
    ):
        rho, sigma = (torch.as_tensor(values, dtype=torch.float64) for values in (persistence, innovation))
        if rho.dim() != 1 or rho.shape != sigma.shape or len(rho) == 0:
            raise InputError(
                f"persistence and innovation: expected as many numbers of each, got {persistence} and {innovation}"
            )
        if not bool((rho.abs() < 1).all()):
            raise InputError(f"persistence: expected numbers in (-1, 1), got {persistence}")
        if not bool((sigma >= 0).all() & sigma.isfinite().all()):
            raise InputError(f"innovation: expected standard deviations that are not negative, got {innovation}")
        super().__init__(len(rho), individual, points, directions)
        self.rho, self.sigma, self.logs = rho, sigma, logs
        self.spread = sigma / (1 - rho**2).sqrt()  # long-run standard deviation
        # the whole as long as 1/3 on average. Fed each by itself at order one, 30 states would saturate the first layer
        # of a
        # network, and the errors grow with d
        unit = 3 * len(rho) ** 0.5 * self.spread
        self.feature_unit = torch.where(unit > 0, unit, 1.0)

    def start(self, for_z: Tensor, for_eps: Tensor) -> tuple[Tensor, Tensor]:
        return self.spread * standard_normal(for_z), self.draw_first_eps(for_eps)

    def follow(self, z: Tensor, shock: Tensor, aggregates: Aggregates | None = None) -> Tensor:
        return self.rho * z + self.sigma * shock

    def in_deviations(self, size: np.ndarray, unit: str, number: int = 0) -> np.ndarray:
        if unit == "percent":
            require(self.logs, "unit: the aggregate state is a number around zero and has no percent; expected 'level'")
            size = of_percent(size)
        return size / float(self.sigma[number])

    def features(self, z: Tensor) -> Tensor:
        return z

    def typical_z(self) -> Tensor:
        return torch.zeros(1, self.draws, dtype=self.dtype, device=self.device)


class LogAutoregression(GaussianProcess):
    """z (B, 1) is a positive number: log z' = (1 - rho) log mean + rho log z + sigma e, e a standard normal;
    P(eps' | eps).

    Args:
        mean: exponential of the mean of log z, positive.
        persistence: rho, in (-1, 1).
        innovation: sigma, positive.
        individual, points: as in GaussianProcess.

    Raises:
        InputError: parameters out of range.
    """

    def __init__(self, mean: float, persistence: float, innovation: float, individual: Tensor, points: int = 5):
        if not 0 < mean < math.inf:
            raise InputError(f"mean: expected a positive number, got {mean}")
        if not -1 < persistence < 1:
            raise InputError(f"persistence: expected a number in (-1, 1), got {persistence}")
        if not 0 < innovation < math.inf:
            raise InputError(f"innovation: expected a positive standard deviation, got {innovation}")
        super().__init__(1, individual, points)
        self.mean, self.rho, self.sigma = mean, persistence, innovation
        self.spread = innovation / math.sqrt(1 - persistence**2)  # long-run standard deviation of log z
        self.feature_unit = torch.tensor([3 * self.spread], dtype=self.dtype)

    def start(self, for_z: Tensor, for_eps: Tensor) -> tuple[Tensor, Tensor]:
        return self.mean * (self.spread * standard_normal(for_z)).exp(), self.draw_first_eps(for_eps)

    def follow(self, z: Tensor, shock: Tensor, aggregates: Aggregates | None = None) -> Tensor:
        return self.mean * (self.rho * self.features(z) + self.sigma * shock).exp()

    def in_deviations(self, size: np.ndarray, unit: str, number: int = 0) -> np.ndarray:
        """A level counts from the mean."""
        return of_percent(size if unit == "percent" else 100 * size / self.mean) / self.sigma

    def features(self, z: Tensor) -> Tensor:
        return (z / self.mean).log()

    def typical_z(self) -> Tensor:
        return torch.full((1, 1), self.mean, dtype=self.dtype, device=self.device)


def of_percent(size: np.ndarray) -> np.ndarray:
    """Changes of a logarithm, from percent."""
    require(bool((size > -100).all()), f"shock: expected more than -100 percent, got {size.min():g}")
    return np.log1p(size / 100)
