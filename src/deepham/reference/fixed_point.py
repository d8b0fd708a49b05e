"""Fixed points by Anderson acceleration: the next point is the one at which earlier steps, combined, would leave the
least to go (Walker and Ni, 2011)."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

MEMORY = 3  # earlier steps that are combined: of a household's problem more take longer than they save
ALIKE = 1e-3  # singular value, as a share of the largest, below which steps of the law say the same: the rest is noise
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
        self._steps: list[Tensor] = []  # of x and damping times its residual, in units of
        self._changes: list[Tensor] = []  # the change of the residual, of length one
        self._before: tuple[Tensor, Tensor] | None = None

    def change_map(self) -> None:
        """The points to come are of another function, of nearly the same slopes."""
        self._before = None

    def next(self, x: Tensor, residual: Tensor, felt: Tensor | None = None) -> Tensor:
        """The next point after x (n,), at which the residual is the function's value less x.

        felt: (p, n), of a residual what is to be small; None: the residual itself.
        """
        if self._before is not None:
            change = residual - self._before[1]
            step = (x - self._before[0]).add_(change, alpha=self._damping)
            size = change.norm().clamp_min(torch.finfo(x.dtype).tiny)
            self._changes = [*self._changes, change.div_(size)][-self._memory :]
            self._steps = [*self._steps, step.div_(size)][-self._memory :]
        self._before = x, residual
        new = x.add(residual, alpha=self._damping)
        if self._steps:
            new.sub_(self._combined(residual, felt) @ torch.stack(self._steps))
        return new

    def _combined(self, residual: Tensor, felt: Tensor | None) -> Tensor:
        """The weights of earlier changes that leave the least of the residual."""
        changes = torch.stack(self._changes)
        if felt is not None:
            changes, residual = changes @ felt.T, felt @ residual
            size = changes.norm(dim=1).clamp_min(torch.finfo(changes.dtype).tiny)
            alone = (changes / size[:, None]).T
            weight = torch.linalg.lstsq(alone, residual[:, None], rcond=ALIKE, driver="gelsd").solution[:, 0]
            return weight / size
        return torch.linalg.lstsq(changes @ changes.T, (changes @ residual)[:, None], driver="gelsd").solution[:, 0]


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
