"""Independent autoregressions of aggregate states, beside a chain of individual states that does not depend on them."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.markov import stationary
from deepham.economics.process import ShockProcess, invert
from deepham.economics.quadrature import gauss_hermite, monomial, random_directions, standard_normal
from deepham.errors import InputError


class Autoregressions(ShockProcess):
    """z = x (B, d),  x_i' = rho_i x_i + sigma_i e_i,  e_i independent standard normals;  P(eps' | eps).

    Args:
        persistence: rho (d,), each in (-1, 1).
        innovation: sigma (d,), standard deviations of the innovations, not negative.
        individual: P(eps' | eps), (n_eps, n_eps), rows sum to one.
        points: of the Gauss-Hermite rule that an expectation over one innovation (d = 1) is taken with; several are
            taken with the monomial rule of 2 d points.
        directions: so many random directions, two points each, in place of that rule wherever `next_states` is given a
            generator, which then costs the same for every d; None: the rule everywhere.

    Raises:
        InputError: parameters of different length or out of range.
    """

    def __init__(self, persistence, innovation, individual: Tensor, points: int = 5, directions: int | None = None):
        rho, sigma = (torch.as_tensor(values, dtype=torch.float64) for values in (persistence, innovation))
        if rho.dim() != 1 or rho.shape != sigma.shape or len(rho) == 0:
            raise InputError(f"persistence and innovation: expected as many numbers of each, got {persistence} and "
                             f"{innovation}")
        if not bool((rho.abs() < 1).all()):
            raise InputError(f"persistence: expected numbers in (-1, 1), got {persistence}")
        if not bool((sigma >= 0).all() & sigma.isfinite().all()):
            raise InputError(f"innovation: expected standard deviations that are not negative, got {innovation}")
        if points < 1 or directions is not None and directions < 1:
            raise InputError(f"points and directions: expected at least 1, got {points} and {directions}")
        self.rho, self.sigma, self.individual = rho, sigma, individual.double()
        self.spread = sigma / (1 - rho**2).sqrt()  # long-run standard deviation
        # the whole as long as 1/3 on average. Fed each by itself at order one, 30 states would saturate the first layer of a
        # network, and the errors grow with d
        unit = 3 * len(rho) ** 0.5 * self.spread
        self.feature_unit = torch.where(unit > 0, unit, 1.0)
        self.nodes, self.weights = gauss_hermite(points) if len(rho) == 1 else monomial(len(rho))
        self.directions = directions
        self.n_eps = len(individual)
        self.draws = len(rho)
        self.n_next = len(self.nodes)

    def to(self, device=None, dtype=None) -> Autoregressions:
        moved = object.__new__(Autoregressions)
        vars(moved).update({name: value.to(device=device, dtype=dtype) if isinstance(value, Tensor) else value
                            for name, value in vars(self).items()})
        return moved

    def start(self, for_z: Tensor, for_eps: Tensor) -> tuple[Tensor, Tensor]:
        return self.spread * standard_normal(for_z), invert(self.eps_shares().expand(*for_eps.shape, -1), for_eps)

    def draw_z(self, z: Tensor, uniform: Tensor) -> Tensor:
        return self.rho * z + self.sigma * standard_normal(uniform)

    def next_states(self, z: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        if generator is None or self.directions is None:
            nodes, weights = self.nodes, self.weights
        else:  # of its own in each economy: the noise averages out over them
            shape = (len(z), self.directions, len(self.rho))
            uniform = torch.rand(shape, generator=generator, device=z.device, dtype=self.dtype)
            nodes = random_directions(standard_normal(uniform))
            weights = torch.full_like(nodes[0, :, 0], 1 / nodes.shape[1])
        return self.rho * z[:, None] + self.sigma * nodes, weights.expand(len(z), -1)

    def eps_probabilities(self, eps: Tensor, z: Tensor, z_next: Tensor) -> Tensor:
        return self.individual[eps]

    def features(self, z: Tensor) -> Tensor:
        return z

    def eps_shares(self) -> Tensor:
        return stationary(self.individual)

    def typical_z(self) -> Tensor:
        return torch.zeros(1, len(self.rho), dtype=self.dtype, device=self.device)
