"""What may come next period, enumerated instead of drawn."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.process import ShockProcess
from deepham.simulation.period import Observation, Panel
from deepham.simulation.population import Population


def expand_next(
    chain: ShockProcess, saved: Population, seen: Observation, generator: torch.Generator | None = None
) -> tuple[Panel, Tensor, Tensor]:
    """Everything that can happen next period; of a vector z the nodes of a quadrature.

    Args:
        saved: (B, N) with k the assets carried INTO the next period and eps still this period's.
        seen: this period's, of which z and the aggregates matter.
        generator: draws the nodes, where the process of z has a setting that they are drawn.

    Returns:
        Panel of B * S economies (z' varies fastest) with N * E points each (the successors eps' of each eps vary
        fastest), whose weights are those of the next cross-section in expectation over eps' (exact in the continuum);
        P(z' | z): (B, S);
        P(eps' | z, z', eps): (B, S, N, E).
    """
    z = seen.z
    b, n = saved.k.shape
    z_next, p_z = chain.next_states(z, seen.aggregates, generator)
    eps_next = chain.successors[saved.eps]  # (B, N, E)
    shape = (b, p_z.shape[1], n, eps_next.shape[-1])
    p_eps = chain.move_probabilities(saved.eps[:, None], z[:, None], z_next).expand(shape)
    k = saved.k[:, None, :, None].expand(shape).reshape(b * shape[1], -1)
    eps = eps_next[:, None].expand(shape).reshape(b * shape[1], -1)
    weight = (saved.weight[:, None, :, None] * p_eps).reshape(b * shape[1], -1)
    return Panel(Population(k, eps, weight), z_next.flatten(0, 1)), p_z, p_eps


def expect(values: Tensor, p_z: Tensor, p_eps: Tensor) -> Tensor:
    """Expectation over (z', eps') of values on the panel of `expand_next`: (B * S, N * E) -> (B, N)."""
    return torch.einsum("bz,bzne,bzne->bn", p_z, p_eps, values.reshape(p_eps.shape))
