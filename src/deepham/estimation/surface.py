"""Moments as a smooth function over the box, through the points at which the model has been simulated."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.optimize import least_squares
from scipy.stats import qmc

STEP = 1e-3  # of a side, for derivatives of the surface
STARTS, LOOKED_AT = 4, 256  # of a search, and the points of which these are the best
APART = 1e-3  # of a side: points nearer to each other are one


class Surface:
    """Cubic radial basis functions with a quadratic tail: exact at its points, twice differentiable between them.

    Args:
        points: (n, P) of the unit cube. values: (n, M), the moments there.
    """

    def __init__(self, points: np.ndarray, values: np.ndarray):
        self.points, self.values = points, values
        self._through = RBFInterpolator(2 * points - 1, values, kernel="cubic", degree=2)

    def __call__(self, unit: np.ndarray) -> np.ndarray:
        """(n, P) -> (n, M), or (P,) -> (M,)."""
        return self._through(2 * np.atleast_2d(unit) - 1).reshape(*unit.shape[:-1], -1)

    def slope(self, unit: np.ndarray) -> np.ndarray:
        """Derivatives (M, P) at (P,), per side of the box; at an edge from inside."""
        steps = np.eye(len(unit)) * STEP
        up, down = np.minimum(unit + steps, 1), np.maximum(unit - steps, 0)
        return ((self(up) - self(down)) / (up - down).sum(1)[:, None]).T

    def with_point(self, unit: np.ndarray, value: np.ndarray) -> Surface:
        """The surface that goes through this point, too."""
        far = np.abs(self.points - unit).max(1) > APART
        return Surface(np.vstack([self.points[far], unit]), np.vstack([self.values[far], value]))

    def left_out(self) -> np.ndarray:
        """By how much the surface through all other points misses each of its own, (n, M)."""
        keep = ~np.eye(len(self.points), dtype=bool)
        return np.stack(
            [
                Surface(self.points[others], self.values[others])(self.points[at]) - self.values[at]
                for at, others in enumerate(keep)
            ]
        )

    def nearest(self, data: np.ndarray, root: np.ndarray, fixed: dict[int, float] | None = None) -> np.ndarray:
        """The point (P,) at which |root' (surface - data)| is least, from the best of many points of the cube.

        Args:
            root: (M, M), whose product with its transpose is the weighting matrix.
            fixed: coordinates that stay.
        """
        fixed = fixed or {}
        dimensions = self.points.shape[1]
        free = [at for at in range(dimensions) if at not in fixed]
        looked = np.vstack([qmc.Sobol(dimensions, scramble=False).random(LOOKED_AT), self.points])
        for at, value in fixed.items():
            looked[:, at] = value

        def placed(inner: np.ndarray) -> np.ndarray:
            unit = looked[0].copy()
            unit[free] = inner
            return unit

        far = (((self(looked) - data) @ root) ** 2).sum(1)
        if not free:
            return looked[0]
        found = [
            least_squares(
                lambda inner: root.T @ (self(placed(inner)) - data),
                np.clip(looked[start][free], 1e-6, 1 - 1e-6),
                bounds=(0, 1),
                # the stubs know the names of methods alone, and not a function
                jac=lambda inner: root.T @ self.slope(placed(inner))[:, free],  # pyright: ignore[reportArgumentType]
                xtol=1e-10,
            )
            for start in far.argsort()[:STARTS]
        ]
        return placed(min(found, key=lambda each: each.cost).x)
