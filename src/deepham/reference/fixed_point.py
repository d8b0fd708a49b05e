"""Fixed points by Anderson acceleration: the next point is the one at which earlier steps, combined, would leave the
least to go (Walker and Ni, 2011)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

MEMORY = 3  # earlier steps that are combined: of a household's problem more take longer than they save
ALIKE = 1e-3  # singular value of earlier steps, as a share of the largest, below which they say the same
WORSE = 2.0  # a step that leaves so many times as much to go as the last forgets what was before


class Anderson:
    """Proposes the next point of a search.

    Args:
        memory: how many earlier steps are combined.
        damping: share of the residual by which the first point moves on.
    """

    def __init__(self, memory: int, damping: float = 1.0):
        self._memory, self._damping = memory, damping
        self.forget()

    def forget(self) -> None:
        """Nothing is known any longer."""
        self._known = 0  # of the rows below, which are written in turn
        self._before: tuple[Tensor, Tensor] | None = None

    def change_map(self) -> None:
        """The points to come are of another function, of nearly the same slopes."""
        self._before = None

    def next(self, x: Tensor, residual: Tensor, felt: Tensor | None = None) -> Tensor:
        """The next point after x (n,), at which the residual is the function's value less x.

        felt: (p, n), of a residual what is to be small; None: the residual itself.
        """
        if self._before is not None:
            self._remember(x, residual, *self._before)
        self._before = x, residual
        new = x.add(residual, alpha=self._damping)
        rows = min(self._known, self._memory)
        if rows:
            changes = self._changes[:rows]
            if felt is not None:
                changes, residual = changes @ felt.T, felt @ residual
                inner = (changes @ changes.T).numpy()
            else:
                inner = self._inner[:rows, :rows]
            weight = _least(inner, (changes @ residual).numpy())
            new.sub_(torch.from_numpy(weight) @ self._steps[:rows])
        return new

    def _remember(self, x: Tensor, residual: Tensor, last_x: Tensor, last: Tensor) -> None:
        """How the residual has changed with the last step."""
        if self._known == 0:
            self._changes, self._steps = (x.new_zeros(self._memory, len(x)) for _ in range(2))
            self._inner = np.zeros((self._memory, self._memory))  # products of the changes with each other
        row = self._known % self._memory
        torch.sub(residual, last, out=self._changes[row])
        # of x and damping times its residual
        torch.sub(x, last_x, out=self._steps[row]).add_(self._changes[row], alpha=self._damping)
        self._inner[row] = self._inner[:, row] = (self._changes @ self._changes[row]).numpy()
        self._known += 1


def _least(inner: np.ndarray, along: np.ndarray) -> np.ndarray:
    """The weights of vectors that leave the least of another, from their products with each other and with it. Vectors
    that say nearly the same share a weight: what is between them is noise."""
    size = np.sqrt(np.diag(inner)).clip(np.finfo(float).tiny)
    return np.linalg.lstsq(inner / size / size[:, None], along / size, rcond=ALIKE**2)[0] / size


def fixed_point(step: Callable[[Tensor], Tensor], x: Tensor, tolerance: float, most: int) -> tuple[Tensor, float, int]:
    """Where a function of tensors of one shape returns what it is given.

    Returns:
        What it has returned last, the largest change that this was, and how often it was asked. A change that is not
        below the tolerance is that of a search that has not converged: after `most` steps, or at a NaN.
    """
    search, change, count, new = Anderson(MEMORY), math.inf, 0, x
    for count in range(1, most + 1):
        new = step(x)
        residual, last = new - x, change
        change = float(residual.abs().max())
        if change < tolerance or not math.isfinite(change):
            break
        if change > WORSE * last:
            search.forget()
        x = search.next(x.flatten(), residual.flatten()).reshape(x.shape)
    return new, change, count
