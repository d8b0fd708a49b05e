"""Where markets clear: unknowns of the period at which the conditions of the economy hold, of all economies at once.

One unknown is bracketed and found by a safeguarded secant, several by a damped Newton's method. No gradient leads
through it: households take prices as given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from deepham.economics.economy import Wide
from deepham.economics.unknown import Unknown
from deepham.errors import require

# of a condition, in its own unit (of mean income, of a market): what counts as cleared, by the precision of the numbers
TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-5}
MOST_STEPS = 80
FIRST = 0.125  # step of the secant, in units of the spread
GROWTH = 8.0  # most times the step before
BISECT_AFTER, BISECT_EVERY = 8, 3  # from so many steps on every third halves the bracket
HALVINGS = 8  # of a step of Newton's


@dataclass(frozen=True)
class Cleared:
    """What was found.

    Attributes:
        values: name -> (B, 1) the unknowns; at an end of the range where nothing in it clears.
        conditions: name -> (B, 1) what is left of the conditions there.
        done: (B,) whether all conditions hold to the tolerance, or as closely as the numbers can say.
    """

    values: Wide
    conditions: Wide
    done: Tensor


@torch.no_grad()
def clear(unknowns: dict[str, Unknown], conditions: Callable[[Wide], Wide], start: Wide) -> Cleared:
    """Find the unknowns at which the conditions are zero.

    Args:
        conditions: what is left of each condition, under the name of its unknown, (B, 1); it falls as the unknown
            rises.
        start: name -> (B, 1), where the search starts.

    Raises:
        InputError: conditions of other names than the unknowns'.
    """
    names = list(unknowns)

    def residual(x: Tensor) -> Tensor:
        left = conditions(dict(zip(names, x.split(1, 1), strict=True)))
        require(
            left.keys() == unknowns.keys(),
            f"conditions: expected one for each unknown, {', '.join(names)}, got {', '.join(left) or 'none'}",
        )
        return torch.cat([left[name] for name in names], 1)

    x = torch.cat([start[name] for name in names], 1)
    low, high, spread = (
        x.new_tensor([getattr(unknown, end) for unknown in unknowns.values()]).expand_as(x)
        for end in ("low", "high", "spread")
    )
    x, f, done = (_bracketed if len(names) == 1 else _newton)(residual, x.clamp(low, high), low, high, spread)
    values, left = (dict(zip(names, y.split(1, 1), strict=True)) for y in (x, f))
    return Cleared(values, left, done.all(1))


class _Search(NamedTuple):
    """Of each economy: the point, what is left there, and the same one step before; all (B, 1)."""

    x: Tensor
    f: Tensor
    x_before: Tensor
    f_before: Tensor


def _bracketed(residual, x: Tensor, low: Tensor, high: Tensor, spread: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A secant that stays within what is known of the bracket, (B, 1)."""
    tolerance, precision = TOLERANCE[x.dtype], 4 * torch.finfo(x.dtype).eps
    left, right = low, high  # the best bracket so far, of which an end may not have been looked at yet
    f = residual(x)
    now = _Search(x, f, x - FIRST * spread * f.sign(), f)
    seen_left, seen_right = torch.zeros_like(f, dtype=torch.bool), torch.zeros_like(f, dtype=torch.bool)
    held = f.abs() <= tolerance
    for step in range(MOST_STEPS):
        x, f = now.x, now.f
        left, right = torch.where(f > 0, x, left), torch.where(f < 0, x, right)
        seen_left, seen_right = seen_left | (f > 0), seen_right | (f < 0)
        narrow = seen_left & seen_right & (right - left <= precision * x.abs())
        stuck = (f > 0) & (x >= high) | (f < 0) & (x <= low)
        held = (f.abs() <= tolerance) | narrow
        if bool((held | stuck).all()):
            break
        both = seen_left & seen_right
        bisect = step >= BISECT_AFTER and step % BISECT_EVERY == 0
        wanted = _proposal(now, step == 0).clamp(low, high)
        outside = both & ((wanted <= left) | (wanted >= right) | bisect)
        wanted = torch.where(outside, (left + right) / 2, wanted)
        x_next = torch.where(held | stuck, x, wanted)
        now = _Search(x_next, residual(x_next), torch.where(held | stuck, now.x_before, x), f)
    return now.x, now.f, held


def _proposal(now: _Search, first: bool) -> Tensor:
    """The next point by the secant; a longer step towards the root where the secant does not lead there."""
    moved = now.x - now.x_before
    reach = moved.abs()
    longer = now.x + 4 * reach * now.f.sign()
    if first:
        return now.x + reach * now.f.sign()
    slope = (now.f - now.f_before) / moved
    step = (-now.f / slope).clamp(-GROWTH * reach, GROWTH * reach)
    return torch.where((slope < 0) & step.isfinite(), now.x + step, longer)


def _newton(residual, x: Tensor, low: Tensor, high: Tensor, spread: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Newton's method with differences for the Jacobian, (B, m), within the range; a step is halved until it helps."""
    tolerance = TOLERANCE[x.dtype]
    small = 1e-5 if x.dtype == torch.float64 else 1e-2
    f = residual(x)
    for _ in range(MOST_STEPS):
        held = f.abs().amax(1, keepdim=True) <= tolerance
        if bool(held.all()):
            break
        columns = []
        for index in range(x.shape[1]):
            h = torch.zeros_like(x)
            h[:, index] = torch.where(x[:, index] + small * spread[:, index] > high[:, index], -small, small)
            h[:, index] *= spread[:, index]
            columns.append((residual(x + h) - f) / h[:, index : index + 1])
        step = -(torch.linalg.pinv(torch.stack(columns, 2)) @ f[..., None])[..., 0]
        step = torch.where(held | ~step.isfinite(), torch.zeros_like(step), step)
        best, best_f, moved = x, f, held
        for halving in range(HALVINGS):
            trial = (x + step / 2**halving).clamp(low, high)
            f_trial = residual(trial)
            better = ~moved & (f_trial.abs().amax(1, keepdim=True) < best_f.abs().amax(1, keepdim=True))
            best, best_f = torch.where(better, trial, best), torch.where(better, f_trial, best_f)
            moved = moved | better
            if bool(moved.all()):
                break
        if bool((moved & ~held).any()):
            x, f = best, best_f
        else:
            break
    return x, f, f.abs() <= tolerance
