"""Expectations over independent standard normal innovations by few points (Judd, Maliar and Maliar, 2011, section 4).

A rule is a pair of nodes (S, d) and weights (S,), in float64, the weights summing to one.
"""

from __future__ import annotations

import torch
from numpy.polynomial.hermite_e import hermegauss
from torch import Tensor


def gauss_hermite(points: int) -> tuple[Tensor, Tensor]:
    """The rule in one dimension that is exact for polynomials up to degree 2 points - 1; the nodes
    rise."""
    nodes, weights = hermegauss(points)
    return torch.from_numpy(nodes)[:, None], torch.from_numpy(weights / weights.sum())


def monomial(d: int) -> tuple[Tensor, Tensor]:
    """The rule of 2 d points +-sqrt(d) e_i with weights 1 / (2 d), exact for polynomials up to degree 3."""
    axes = d**0.5 * torch.eye(d, dtype=torch.float64)
    return torch.cat([axes, -axes]), torch.full((2 * d,), 1 / (2 * d), dtype=torch.float64)


def random_directions(normals: Tensor) -> Tensor:
    """Nodes +-sqrt(d) v_j of equal weight, v_j being the directions of the normals (..., m, d): (..., 2 m, d).

    Odd powers cancel exactly. Squares and products are right in expectation, since E v v' = I / d: the monomial rule,
    turned at random, whose cost does not grow with d.
    """
    d = normals.shape[-1]
    nodes = d**0.5 * normals / normals.norm(dim=-1, keepdim=True)
    return torch.cat([nodes, -nodes], -2)


def standard_normal(uniform: Tensor) -> Tensor:
    """Standard normals from uniform numbers on [0, 1) by inversion; zero, whose quantile is none, counts as a quarter
    of the spacing between two such numbers."""
    spacing = torch.finfo(uniform.dtype).eps / 2
    return torch.special.ndtri(uniform.clamp(spacing / 4, 1 - spacing))
