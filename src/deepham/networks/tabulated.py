"""A policy network on the nodes of a wealth histogram, looked up instead of worked out: as exact, at a fraction of the
cost, along a path of thousands of periods.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.networks.policy import PolicyNetwork
from deepham.simulation.period import Observation, Policy
from deepham.simulation.population import Population

WIDTH = 0.01  # of a piece, as a share of what the aggregate typically is
DEGREE = 8  # of the polynomial of a piece: its error is that of rounding
CHECKED_AT = (-0.97, 0.31)  # of a piece from -1 to 1: where it is held against the network
EXACT = 1e-11  # largest difference there, as a share of the largest value
MOST_NUMBERS = 10**7  # in the pieces that are kept, 80 MB: a path that wanders on has no use for the first ones


def on_histogram(economy: Economy, policy: Policy, nodes: Tensor) -> Policy:
    """The same policy for populations that are histograms on the nodes (G,): looked up where it is a network that sees
    a state of a chain, one aggregate and nothing else of the population; elsewhere as it is.
    """
    if not isinstance(policy, PolicyNetwork) or economy.unknowns or economy.chain.typical_z().is_floating_point():
        return policy
    inputs = policy.inputs
    sees_more = inputs.moments is not None or inputs.quantiles or inputs.dispersion or inputs.poverty
    if sees_more or len(economy.typical_aggregates()) != 1:
        return policy
    return TabulatedPolicy(economy, policy, nodes)


class TabulatedPolicy:
    """What households want at the nodes is a smooth function of the one aggregate, in each state of the chain: a
    polynomial on each piece of its range, made when a path comes there first. The kink at the borrowing limit, and what
    follows from several choices, are worked out as ever.

    A piece on which the polynomial is not exact is left to the network.
    """

    of_mean_assets = True

    def __init__(self, economy: Economy, policy: PolicyNetwork, nodes: Tensor):
        self._economy, self._policy = economy, policy
        ((self._name, typical),) = economy.typical_aggregates().items()
        self._width = WIDTH * abs(typical)
        mass = nodes.new_zeros(1, economy.chain.n_eps, len(nodes))
        self._people = Population.histogram(nodes, mass)
        self._pieces: dict[tuple[int, int], Tensor | None] = {}
        angles = math.pi * (torch.arange(DEGREE + 1, dtype=nodes.dtype) + 0.5) / (DEGREE + 1)
        self._points = torch.cat([angles.cos(), nodes.new_tensor(CHECKED_AT).cpu()]).to(nodes.device)
        # values at the roots of the next Chebyshev polynomial to coefficients of those up to DEGREE
        order = torch.arange(DEGREE + 1, dtype=nodes.dtype)[:, None]
        scale = torch.where(order > 0, 2.0, 1.0).to(nodes.dtype) / (DEGREE + 1)
        self._fit = (scale * (order * angles).cos()).to(nodes.device)

    def __call__(self, seen: Observation) -> Tensor:
        rows: dict[tuple[int, int], list[int]] = {}  # of economies that are on the same piece
        weights = []
        for row, (z, at) in enumerate(zip(seen.z[:, 0].tolist(), seen.aggregates[self._name][:, 0].tolist())):
            place = at / self._width
            if not math.isfinite(place):
                return self._policy(seen)
            cell = math.floor(place)
            rows.setdefault((z, cell), []).append(row)
            weights.append(chebyshev(2 * (place - cell) - 1))
        each, found = seen.k.new_tensor(weights), []
        for key, here in rows.items():
            if key not in self._pieces:
                self._pieces[key] = self._piece(*key)
            piece = self._pieces[key]
            if piece is None:
                return self._policy(seen)
            found.append(torch.tensordot(each[here], piece, 1))
        order = [row for here in rows.values() for row in here]
        found = torch.cat(found)[sorted(range(len(order)), key=order.__getitem__)]
        if self._policy.domains:
            return self._policy.decided(seen, found)
        return torch.minimum(found, self._policy.affordable(seen))

    def _piece(self, z: int, cell: int) -> Tensor | None:
        """Coefficients (DEGREE + 1, N), of several outputs (DEGREE + 1, N, C); None where they are not exact."""
        at = self._width * (cell + (self._points + 1) / 2)
        values = self._smooth_at(z, at[:, None])
        fitted, checked = values.split([DEGREE + 1, len(CHECKED_AT)])
        piece = torch.tensordot(self._fit, fitted, 1)
        found = torch.tensordot(piece.new_tensor([chebyshev(point) for point in CHECKED_AT]), piece, 1)
        if len(self._pieces) * piece.numel() >= MOST_NUMBERS:
            self._pieces.clear()
        exact = (found - checked).abs().max() <= EXACT * values.abs().max()  # False of NaN
        return piece if bool(exact) else None

    def _smooth_at(self, z: int, at: Tensor) -> Tensor:
        """What is smooth at values (P, 1) of the aggregate: (P, N) what households would consume if they could borrow,
        or (P, N, C) what the network says of several choices."""
        economy, copies = self._economy, [0] * len(at)
        people, states = self._people.select(copies), torch.full(at.shape, z, device=at.device)
        aggregates = {self._name: at}
        prices = economy.prices(aggregates, states)
        m = economy.resources(people.k, people.eps, states, prices)
        seen = Observation(m, people.k, people.eps, states, people, aggregates, prices)
        said = self._policy.mlp(*self._policy.inputs(seen))
        return said if self._policy.domains else self._policy.plan(seen, said).wanted


def chebyshev(x: float) -> list[float]:
    """The Chebyshev polynomials up to DEGREE at x, from -1 to 1."""
    found = [1.0, x]
    while len(found) <= DEGREE:
        found.append(2 * x * found[-1] - found[-2])
    return found
