"""The machine unit: what a fixed mix of operations like ours takes on this machine, on one thread of its CPU.

Machines differ up to eightfold, so a time alone says little about a run elsewhere. A time over the unit of the machine
on which it was measured does: it is about the same on another. The mix is what training and verdict do most: products
of small matrices, elementwise functions, sorting, gathering and scattering, in float32 and float64, forward and
backward. It does not change with the package, and a change of the mix is a change of the unit: figures in units from
before do not compare.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

ROUNDS = 3  # of the mix; the unit is their median
MIXES = 60  # in each dtype and round: on the server of the documentation about a second
HOUSEHOLDS, WIDTH, LAYERS = 3600, 24, 3  # 12 economies of 300, through a network like the default's
ECONOMIES, NODES = 24, 300  # histograms
SECONDS = {"s": 1.0, "ms": 1e-3, "s, a solution": 1.0}  # units of a time, in seconds


def machine_unit(clock: Callable[[], float] | None = None) -> float:
    """Seconds that the unit takes on this machine now: the median of several rounds, after a short one to warm up.

    Threads of torch are as they were afterwards, and so is its global generator.

    Args:
        clock: by which it is told; None: that on the wall. A busy machine needs longer by that for the same work,
            and time.process_time is for times of the processor.
    """
    clock = time.perf_counter if clock is None else clock
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _round(1)
        return median(_timed(clock) for _ in range(ROUNDS))
    finally:
        torch.set_num_threads(threads)


def in_units(value: float, unit: str, seconds: float) -> float | None:
    """A time in machine units; None of what is no time.

    Args:
        value, unit: of the measurement.
        seconds: that the machine unit takes.
    """
    return value * SECONDS[unit] / seconds if unit in SECONDS else None


def _timed(clock: Callable[[], float]) -> float:
    began = clock()
    _round(MIXES)
    return clock() - began


def _round(mixes: int) -> None:
    for dtype in (torch.float32, torch.float64):
        generator = torch.Generator().manual_seed(1)
        states = torch.rand(HOUSEHOLDS, 4, generator=generator, dtype=dtype)
        layers = [torch.rand(WIDTH, WIDTH, generator=generator, dtype=dtype) / WIDTH for _ in range(LAYERS)]
        layers[0] = layers[0][:4]
        wealth = torch.rand(ECONOMIES, NODES, generator=generator, dtype=dtype)
        for _ in range(mixes):
            _network(states, layers)
            _histograms(wealth)
            _weights(states)


def _network(states: Tensor, layers: list[Tensor]) -> None:
    """Households through a network, and the gradient of it."""
    layers = [layer.detach().requires_grad_() for layer in layers]
    hidden = states
    for layer in layers:
        hidden = 2 * torch.sigmoid(2 * (hidden @ layer)) - 1
    (hidden.exp().sum(1) + 1).log().mean().backward()


@torch.no_grad()
def _histograms(wealth: Tensor) -> None:
    """Periods of the continuum: where savings fall between nodes, and the mass that they carry there."""
    nodes = wealth.sort(1).values
    for _ in range(4):
        saved = 0.9 * wealth + 0.05
        low = torch.searchsorted(nodes, saved).clamp(1, NODES - 1) - 1
        left, right = nodes.gather(1, low), nodes.gather(1, low + 1)
        share = (saved - left) / (right - left).clamp_min(1e-6)
        mass = torch.zeros_like(nodes).scatter_add_(1, low, 1 - share).scatter_add_(1, low + 1, share)
        wealth = (mass / mass.sum(1, keepdim=True)).cumsum(1)


@torch.no_grad()
def _weights(states: Tensor) -> None:
    """Equations for the weights of a network, and their solution."""
    rows = states.repeat(1, 30).sin()
    matrix = rows.T @ rows + torch.eye(rows.shape[1], dtype=rows.dtype)
    torch.linalg.solve(matrix, rows[:1].T)
