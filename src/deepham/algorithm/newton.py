"""Second-order training: weights from linear equations in them, over households of the ergodic set.

A condition r + J d = 0 at more households than there are weights is solved by test functions: T' W (r + J d) = 0. With
T = J it is least squares, which hardly sees an error that lasts: what the rich consume is worth 1/(1-beta) times
their Euler error. With T = G, the derivative of today's choice alone, it is the method of Galerkin, for the Bellman
equation LSTD (Bradtke and Barto, 1996), which sees it, and alone does not hold the poor to their kink. T = G + J does
both.

Far from a solution a step goes astray along what the equations hardly see: all consuming more, today and tomorrow.
Relaxation by rho, r + (J + rho G) d = 0, lets go of tomorrow's choice: it is Newton's step where rho is zero, and where
it is large a small step of time iteration, which consumes today what the Euler equation asks for while tomorrow's
policy stays. (Pseudo-transient continuation; Kelley and Keyes, 1998.)
"""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.algorithm.first_order import Linear

LEAST_DAMPING = 1e-11  # of equations whose residual has come to nothing


class Equations:
    """Normal equations of one network, A d + b = 0, remembered from sample to sample: old ones count less and less, at
    the weights that have been reached since.

    Attributes:
        matrix, vector: A (W, W) and b (W,), sums over samples, or None before the first; mass: of how many samples.
        own: (W, W) what a change of today's choices alone adds to them, T' W G, where steps are relaxed.
    """

    def __init__(self):
        self.matrix: Tensor | None = None
        self.vector: Tensor | None = None
        self.own: Tensor | None = None
        self.mass = 0.0

    def add(self, matrix: Tensor, vector: Tensor, memory: float, own: Tensor | None = None) -> None:
        if own is not None:
            self.own = own if self.own is None else memory * self.own + own
        if self.matrix is None or self.vector is None:
            self.matrix, self.vector, self.mass = matrix, vector, 1.0
        else:
            self.matrix = memory * self.matrix + matrix
            self.vector = memory * self.vector + vector
            self.mass = memory * self.mass + 1

    def solve(self, damping: float | Tensor, relaxation: float = 0.0) -> Tensor:
        """d, with the damping, one of all or of each weight, as a share of a sample's weight on its square, and
        relaxed; not finite where there is none."""
        assert self.matrix is not None and self.vector is not None
        eye = torch.eye(len(self.vector), dtype=self.matrix.dtype, device=self.matrix.device)
        relaxed = self.matrix if self.own is None else self.matrix + relaxation * self.own
        found, _ = torch.linalg.solve_ex(relaxed + damping * self.mass * eye, self.vector)
        return -found

    def of_last(self, number: int) -> Equations:
        """What they say of so many weights, the last, where the others stay."""
        part = Equations()
        if self.matrix is not None and self.vector is not None:
            part.matrix, part.vector = self.matrix[-number:, -number:], self.vector[-number:]
            part.mass = self.mass
        return part

    def moved(self, change: Tensor) -> None:
        """The weights have moved: what is left of the equations at the new ones."""
        if self.matrix is not None and self.vector is not None:
            self.vector = self.vector + self.matrix @ change

    def state(self) -> dict:
        return {"matrix": self.matrix, "vector": self.vector, "mass": self.mass, "own": self.own}

    def load(self, state: dict) -> None:
        self.matrix, self.vector, self.mass, self.own = (state[name] for name in ("matrix", "vector", "mass", "own"))


def huber(residual: Tensor, weight: Tensor, threshold: float) -> Tensor:
    """Weights (H,) that sum to one, less of them where a residual is far out: more than the threshold, and than three
    times the median."""
    edge = max(threshold, 3 * float(residual.abs().median()))
    weight = weight * (edge / residual.abs().clamp_min(edge))
    return weight / weight.sum()


def tested(linear: Linear, weight: Tensor, least_squares: float) -> tuple[Tensor, Tensor]:
    """T' W J and T' W r with T = G + least_squares J."""
    tests = _tests(linear, weight, least_squares)
    return tests.T @ linear.jacobian, tests.T @ linear.residual


def tested_own(linear: Linear, weight: Tensor, least_squares: float) -> Tensor:
    """T' W G."""
    return _tests(linear, weight, least_squares).T @ linear.own


def _tests(linear: Linear, weight: Tensor, least_squares: float) -> Tensor:
    return (linear.own + least_squares * linear.jacobian) * weight[:, None]


def size(values: Tensor, weight: Tensor) -> float:
    """Root of the weighted mean of squares."""
    return float((weight * values**2).sum().sqrt())


def flat(network: torch.nn.Module) -> Tensor:
    return torch.nn.utils.parameters_to_vector(network.parameters()).detach()


@torch.no_grad()
def shift(network: torch.nn.Module, change: Tensor) -> None:
    """Add the change (W,) to the weights."""
    position = 0
    for leaf in network.parameters():
        leaf += change[position : position + leaf.numel()].reshape(leaf.shape).to(leaf.dtype)
        position += leaf.numel()
