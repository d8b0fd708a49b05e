"""Derivatives of many points in a network's weights at once: what goes into each linear layer, and what comes out of it.

Of a layer y = W x + b whose output at a point moves a number by delta, W moves it by delta x'. So one backward pass to the
outputs of the layers gives the derivative of each household's number in all weights, where each household has points
of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Tapped:
    """One evaluation of a multilayer perceptron.

    Args:
        layers: linear ones and activations.
        x: (H, P, inputs), H numbers to be differentiated with P points each.

    Attributes:
        y: (H, P) the network's output.
        into, out: of each linear layer, (H, P, units).
    """

    def __init__(self, layers: nn.Sequential, x: Tensor):
        self.into: list[Tensor] = []
        self.out: list[Tensor] = []
        for layer in layers:
            before, x = x, layer(x)
            if isinstance(layer, nn.Linear):
                self.into.append(before)
                self.out.append(x)
        self.y = x.squeeze(-1)


def row_by_row(numbers: Tensor, taps: Sequence[Tapped], retain: bool = True) -> Tensor:
    """Derivatives (H, W) of H numbers, each of which depends on its own points alone, in the W weights, in the order of
    the network's parameters.
    """
    outs = [out for tap in taps for out in tap.out]
    found = torch.autograd.grad(numbers.sum(), outs, retain_graph=retain, allow_unused=True)
    deltas = [torch.zeros_like(out) if delta is None else delta for out, delta in zip(outs, found)]
    layers, columns = len(taps[0].out), []
    for layer in range(layers):
        delta = torch.cat(deltas[layer::layers], 1)
        into = torch.cat([tap.into[layer].detach() for tap in taps], 1)
        columns += [torch.bmm(delta.transpose(1, 2), into).flatten(1), delta.sum(1)]
    return torch.cat(columns, 1)
