"""What follows at the estimate: standard errors, the test of what the model cannot fit, sensitivity, identification.

Notation of Newey and McFadden (1994): g = data - model, G its derivatives, W the weights, Omega the covariance of g.
The sensitivity of an estimate to moments is that of Andrews, Gentzkow and Shapiro (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

NOTHING = 1e-8  # of the largest singular value: a direction in which moments do not move at all
LONG = 0.5  # of a side: a standard error from which on data say no more than the box (of which a uniform has 0.29)


@dataclass(frozen=True)
class Inference:
    """Of F parameters that are not at an edge, by M moments, in sides of the box.

    Attributes:
        covariance: (F, F). sensitivity: (F, M), the change of an estimate by that of a moment.
        j, df, p: the statistic of the test of overidentifying restrictions, its degrees of freedom and its p-value, NaN
            where there are as many moments as parameters.
        weak: directions (F,) of length one with their standard errors, in which the moments do not say where the
            parameters are, the weakest first: right singular vectors of the weighted derivatives.
    """

    covariance: np.ndarray
    sensitivity: np.ndarray
    j: float
    df: int
    p: float
    weak: list[tuple[np.ndarray, float]]


def root_of(covariance: np.ndarray) -> np.ndarray:
    """R with R R' = covariance^-1, of a covariance that may have moments of very different units."""
    scale = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    # moments that say the same twice count once
    kept = np.where(values > 1e-10 * values.max(), values, np.inf)
    return (vectors / np.sqrt(kept)) / scale[:, None]


def interval(estimate: Any, error: Any, level: float, positive: Any) -> tuple[Any, Any]:
    """The ends of an interval that covers the truth with the probability `level`, from estimates and their standard
    errors, arrays of one shape.

    That of a parameter that is positive is symmetric in its log, and so positive, too: what one standard error is grows
    with the estimate, and an interval symmetric in levels would fail on one side. (The delta method.)
    """
    from scipy.stats import norm

    wide = norm.ppf(0.5 + level / 2) * error
    times = np.exp(wide / np.where(positive, estimate, 1.0))
    low, high = (
        np.where(positive, estimate / times, estimate - wide),
        np.where(positive, estimate * times, estimate + wide),
    )
    return low, high


def infer(slope: np.ndarray, gap: np.ndarray, weights: np.ndarray, omega: np.ndarray) -> Inference:
    """Inference at an estimate.

    Args:
        slope: (M, F), derivatives of the model's moments. gap: (M,), data less model.
        weights: (M, M). omega: (M, M), covariance of the gap, in which the simulation has its part.
    """
    from scipy.stats import chi2

    white = root_of(omega).T
    _, sizes, directions = np.linalg.svd(white @ slope, full_matrices=False)
    nowhere = sizes <= NOTHING * max(sizes.max(initial=0.0), 1e-300)
    weak = [
        (direction, np.inf if flat else 1 / size)
        for direction, size, flat in zip(directions[::-1], sizes[::-1], nowhere[::-1])
        if flat or 1 / size > LONG
    ]
    pull = np.linalg.pinv(slope.T @ weights @ slope, rcond=NOTHING**2, hermitian=True) @ slope.T @ weights
    covariance = pull @ omega @ pull.T
    blurred = (directions[nowhere] ** 2).sum(0) > 1e-2
    covariance[blurred], covariance[:, blurred] = np.nan, np.nan
    covariance[blurred, blurred] = np.inf
    # the test of Newey (1985), for any weights: what of the gap no parameter can move
    left = white @ gap
    left = left - (white @ slope) @ np.linalg.lstsq(white @ slope, left, rcond=NOTHING)[0]
    df = int((np.abs(white).max(1) > 0).sum()) - int((~nowhere).sum())
    j = float(left @ left)
    return Inference(covariance, pull, j, df, float(chi2.sf(j, df)) if df else float("nan"), weak)
