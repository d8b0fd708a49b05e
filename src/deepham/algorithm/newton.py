"""Second-order training: weights from linear equations in them, over households of the ergodic set.

A condition r + J d = 0 at more households than there are weights is solved by test functions: T' W (r + J d) = 0. With
T = J it is least squares, which hardly sees an error that lasts: what the rich consume is worth 1/(1-beta) times
their Euler error. With T = G, the derivative of today's choice alone, it is the method of Galerkin, for the Bellman
equation LSTD (Bradtke and Barto, 1996), which sees it, and alone does not hold the poor to their kink. T = G + J does
both.
"""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.algorithm.first_order import Linear


class Equations:
    """Normal equations of one network, A d + b = 0, remembered from sample to sample: old ones count less and less, at
    the weights that have been reached since.

    Attributes:
        matrix, vector: A (W, W) and b (W,), sums over samples, or None before the first; mass: of how many samples.
    """

    def __init__(self):
        self.matrix: Tensor | None = None
        self.vector: Tensor | None = None
        self.mass = 0.0

    def add(self, matrix: Tensor, vector: Tensor, memory: float) -> None:
        if self.matrix is None or self.vector is None:
            self.matrix, self.vector, self.mass = matrix, vector, 1.0
        else:
            self.matrix = memory * self.matrix + matrix
            self.vector = memory * self.vector + vector
            self.mass = memory * self.mass + 1

    def solve(self, damping: float | Tensor) -> Tensor:
        """d, with the damping, one of all or of each weight, as a share of a sample's weight on its square; not finite
        where there is none."""
        assert self.matrix is not None and self.vector is not None
        eye = torch.eye(len(self.vector), dtype=self.matrix.dtype, device=self.matrix.device)
        found, _ = torch.linalg.solve_ex(self.matrix + damping * self.mass * eye, self.vector)
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
        return {"matrix": self.matrix, "vector": self.vector, "mass": self.mass}

    def load(self, state: dict) -> None:
        self.matrix, self.vector, self.mass = state["matrix"], state["vector"], state["mass"]


def huber(residual: Tensor, weight: Tensor, threshold: float) -> Tensor:
    """Weights (H,) that sum to one, less of them where a residual is far out: more than the threshold, and than three
    times the median."""
    edge = max(threshold, 3 * float(residual.abs().median()))
    weight = weight * (edge / residual.abs().clamp_min(edge))
    return weight / weight.sum()


def tested(linear: Linear, weight: Tensor, least_squares: float) -> tuple[Tensor, Tensor]:
    """T' W J and T' W r with T = G + least_squares J."""
    tests = (linear.own + least_squares * linear.jacobian) * weight[:, None]
    return tests.T @ linear.jacobian, tests.T @ linear.residual


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
