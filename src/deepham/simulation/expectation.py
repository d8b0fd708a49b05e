"""What may come next period, enumerated instead of drawn."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.simulation.period import Observation, Panel
from deepham.simulation.population import Population


def expand_next(
    economy: Economy, saved: Population, seen: Observation, generator: torch.Generator | None = None
) -> tuple[Panel, Tensor, Tensor]:
    """Everything that can happen next period; of a vector z the nodes of a quadrature.

    Args:
        saved: (B, N) with k the assets carried INTO the next period and eps still this period's.
        seen: this period's, of which z and what it may move with matter.
        generator: draws the nodes, where the process of z has a setting that they are drawn.

    Returns:
        Panel of B * S economies (z' varies fastest) with N * E points each (the successors eps' of each eps vary
        fastest), whose weights are those of the next cross-section in expectation over eps' (exact in the continuum);
        P(z' | z): (B, S);
        P(eps' | z, z', eps): (B, S, N, E), of the household itself: zero where it dies.
    """
    z, chain = seen.z, economy.chain
    b, n = saved.k.shape
    z_next, p_z = chain.next_states(z, seen.wide, generator)
    eps_next = chain.successors[saved.eps]  # (B, N, E)
    shape = (b, p_z.shape[1], n, eps_next.shape[-1])
    p_eps = chain.move_probabilities(saved.eps[:, None], z[:, None], z_next).expand(shape)
    k, eps = saved.k[..., None], saved.eps[..., None]
    arriving, lives = economy.arrive(k, eps, eps_next), economy.continues(eps, eps_next)

    def points(values: Tensor) -> Tensor:  # (B, N, E or 1), the same whatever z' is
        return values[:, None].expand(shape).reshape(b * shape[1], -1)

    weight = (saved.weight[:, None, :, None] * p_eps).reshape(b * shape[1], -1)
    people = Population(points(k if arriving is None else arriving), points(eps_next), weight)
    own = p_eps if lives is None else p_eps * lives[:, None]
    return Panel(people, z_next.flatten(0, 1)), p_z, own


def expect(values: Tensor, p_z: Tensor, p_eps: Tensor) -> Tensor:
    """Expectation over (z', eps') of values on the panel of `expand_next`: (B * S, N * E) -> (B, N)."""
    return torch.einsum("bz,bzne,bzne->bn", p_z, p_eps, values.reshape(p_eps.shape))
