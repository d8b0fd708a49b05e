"""Derivatives of many numbers in the weights of a network: by what goes into each linear layer, and what comes out.

Of a layer y = W x + b whose output at a point moves a number by delta, W moves it by delta x'. So one backward pass to
the outputs of the layers gives the derivatives of many numbers in all weights, where each has points of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Tapped:
    """One evaluation of a multilayer perceptron.

    Args:
        layers: linear ones and activations.
        x: (..., inputs).

    Attributes:
        y: (...) the network's output.
        into, out: of each linear layer, (..., units).
    """

    def __init__(self, layers: nn.Sequential, x: Tensor):
        self.into: list[Tensor] = []
        self.out: list[Tensor] = []
        for layer in layers:
            before, x = x, layer(x)
            if isinstance(layer, nn.Linear):
                self.into.append(before.detach())
                self.out.append(x)
        self.y = x.squeeze(-1)


def row_by_row(numbers: Tensor, taps: Sequence[Tapped]) -> Tensor:
    """Derivatives (H, W) of H numbers in the W weights, in the order of the network's parameters.

    Args:
        numbers: (H,), or (H, 1).
        taps: evaluations of one network whose points, in order, belong to the H numbers in equal parts; no number
            depends on another's points.
    """
    h, layers, columns = len(numbers), len(taps[0].out), []
    outs = [out for tap in taps for out in tap.out]
    # a number may not depend on the network at all: hours without a wealth effect do not
    found = torch.autograd.grad(numbers.sum(), outs, retain_graph=True, materialize_grads=True)
    for layer in range(layers):
        delta, into = _by_number(h, found[layer::layers]), _by_number(h, [tap.into[layer] for tap in taps])
        columns += [torch.bmm(delta.transpose(1, 2), into).flatten(1), delta.sum(1)]
    return torch.cat(columns, 1)


def _by_number(h: int, parts: Sequence[Tensor]) -> Tensor:
    """Numbers at points (..., units) as those of each of the h numbers, (h, points, units)."""
    shaped = [part.reshape(h, -1, part.shape[-1]) for part in parts]
    # a whole cross-section is one part, and a copy of it takes as long as what is done with it
    return shaped[0] if len(shaped) == 1 else torch.cat(shaped, 1)
