"""Functions between nodes: cubics by pieces that rise and fall where values do, and polynomials through a few nodes."""

from __future__ import annotations

import torch
from torch import Tensor

LEAST_WIDTH = 1e-12  # between two points of a guess of the policy, which may coincide


def polynomial(nodes: Tensor, points: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Indices of so many nodes (of fewer, of all) around each point (P,), and their weights in the polynomial through
    them, (P, nodes); of a point beyond the ends as at the end.
    """
    count = min(most, len(nodes))
    points = points.clamp(nodes[0], nodes[-1]).contiguous()
    first = (torch.searchsorted(nodes, points, right=True) - count // 2).clamp(0, len(nodes) - count)
    around = nodes.unfold(0, count, 1)  # (windows, count)
    itself = torch.eye(count, dtype=torch.bool, device=nodes.device)
    apart = (around[:, :, None] - around[:, None]).masked_fill(itself, 1.0).prod(-1)
    away = points[:, None] - around[first]
    others = away[:, None].expand(-1, count, -1).masked_fill(itself, 1.0).prod(-1)
    return first[:, None] + torch.arange(count, device=nodes.device), others / apart[first]


def slopes(nodes: Tensor, values: Tensor) -> Tensor:
    """Slopes (..., G) at the nodes, of that shape or one row (G,), of a cubic by pieces that rises and falls where the
    values do: each between those of the lines on both sides, and nearer to the smaller one (Fritsch and Butland, 1984).
    """
    width = nodes.diff(dim=-1).clamp_min(LEAST_WIDTH)
    steep = values.diff(dim=-1) / width
    left, right = steep[..., :-1], steep[..., 1:]
    near, far = width[..., :-1] + 2 * width[..., 1:], 2 * width[..., :-1] + width[..., 1:]
    both = left * right
    inner = torch.where(both > 0, (near + far) * both / (near * right + far * left), 0.0)
    first = _at_the_end(width[..., :2], steep[..., :2])
    last = _at_the_end(width[..., -2:].flip(-1), steep[..., -2:].flip(-1))
    return torch.cat([first, inner, last], -1)


def _at_the_end(width: Tensor, steep: Tensor) -> Tensor:
    """The slope at an end of the nodes, (..., 1), from the two intervals next to it, (..., 2) each, the nearest first:
    that of a parabola, held to what keeps the cubic monotone."""
    (near, far), (this, that) = width.split(1, -1), steep.split(1, -1)
    slope = ((2 * near + far) * this - near * that) / (near + far)
    slope = torch.where(slope * this > 0, slope, 0.0)
    return torch.where((this * that <= 0) & (slope.abs() > 3 * this.abs()), 3 * this, slope)


def between(nodes: Tensor, values: Tensor, low: Tensor, share: Tensor, lines: bool = False) -> Tensor:
    """The cubic by pieces, or the lines, through values (..., G) at nodes of their shape, or at one row of nodes (G,),
    at points (..., N) that `bracket` has found between them."""
    if lines:
        return torch.lerp(values.gather(-1, low), values.gather(-1, low + 1), share)
    width = nodes.diff(dim=-1)
    width = width[low] if nodes.dim() == 1 else width.gather(-1, low)
    ends = (part.gather(-1, node) for part in (values, slopes(nodes, values)) for node in (low, low + 1))
    return hermite(share, width, *ends)


def hermite(share: Tensor, width: Tensor, low: Tensor, high: Tensor, low_slope: Tensor, high_slope: Tensor) -> Tensor:
    """The cubic with these values and slopes at both ends of an interval of this width, at a share of the way; linear
    outside of it."""
    rise = high - low
    bend = (1 - share) * (low_slope * width - rise) - share * (high_slope * width - rise)
    inside = (share * (1 - share)).clamp_min(0)
    return low + share * rise + inside * bend


def bracket(nodes: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Index of the node below each point, and the point's share of the way to the next; beyond the ends, extrapolated.

    nodes: (..., G), increasing; points: (..., N) with the same leading dimensions, or any shape for one row of nodes.
    """
    low = (torch.searchsorted(nodes, points.contiguous(), right=True) - 1).clamp(0, nodes.shape[-1] - 2)
    if nodes.dim() == 1:
        left, right = nodes[low], nodes[low + 1]
    else:
        left, right = nodes.gather(-1, low), nodes.gather(-1, low + 1)
    return low, (points - left) / (right - left)
