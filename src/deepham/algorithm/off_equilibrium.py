"""Prices at which markets do not clear: what a policy would be there is what makes its demand fall in a price."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.economy import Wide
from deepham.economics.quadrature import standard_normal
from deepham.economics.unknown import Unknown

OFF = 0.5  # standard deviation of what unknowns are moved by, in units of their spread


def moved_unknowns(
    unknowns: dict[str, Unknown], share: float, like: Tensor, generator: torch.Generator
) -> tuple[Wide, Tensor]:
    """By how much this share of the economies, or of households who stand for themselves, see each unknown off where
    it clears, name -> (B, 1), and which these are, (B, 1), 1 or 0.

    like: (B, ...), of the dtype and the device that is wanted.
    """
    shape = (len(unknowns) + 1, len(like), 1)
    uniform = torch.rand(shape, generator=generator, device=like.device, dtype=like.dtype)
    moved = (uniform[0].argsort(0).argsort(0) < round(share * len(like))).to(like.dtype)  # which of them is drawn
    off = {
        name: OFF * unknown.spread * moved * standard_normal(draw)
        for (name, unknown), draw in zip(unknowns.items(), uniform[1:], strict=True)
    }
    return off, moved
