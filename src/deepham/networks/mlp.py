"""A multilayer perceptron."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class _Tanh(torch.autograd.Function):
    """tanh(x) = 2 / (1 + exp(-2x)) - 1. PyTorch's own goes through MKL, which takes up to ten times as long for it."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        y = torch.sigmoid(x + x).mul_(2).sub_(1)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, *grad_outputs: Tensor) -> Tensor:
        (y,), (gradient,) = ctx.saved_tensors, grad_outputs
        return torch.ops.aten.tanh_backward(gradient, y)


class Tanh(nn.Module):
    """Hyperbolic tangent, elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        return _Tanh.apply(x)


ACTIVATIONS = {"tanh": Tanh, "silu": nn.SiLU, "gelu": nn.GELU, "relu": nn.ReLU}


def _linear(inputs: int, outputs: int) -> nn.Linear:
    """A layer without a draw from the global generator; `skip_init` would do, and imports an algebra system for it."""
    linear = nn.Linear(inputs, outputs, device="meta")
    linear.weight, linear.bias = (nn.Parameter(torch.empty(each.shape)) for each in (linear.weight, linear.bias))
    return linear


class MLP(nn.Sequential):
    """`depth` hidden layers of `width` units and a linear output: (..., inputs) -> (...), or (..., outputs) of several.

    Inputs that all N households of an economy share are given beside, (B, common) to (B, N, own), with own + common =
    inputs: their part of the first layer is computed once an economy.

    The output layer starts at zero, so that an untrained network is exactly its base.
    """

    def __init__(
        self, inputs: int, width: int, depth: int, activation: str, generator: torch.Generator, outputs: int = 1
    ):
        layers: list[nn.Module] = []
        for index in range(depth):
            linear = _linear(inputs if index == 0 else width, width)
            nn.init.xavier_normal_(linear.weight, gain=5 / 3, generator=generator)
            nn.init.uniform_(linear.bias, -1, 1, generator=generator)
            layers += [linear, ACTIVATIONS[activation]()]
        output = _linear(width, outputs)
        nn.init.zeros_(output.weight)
        nn.init.zeros_(output.bias)
        super().__init__(*layers, output)

    def forward(self, input: Tensor, common: Tensor | None = None) -> Tensor:
        if common is None:
            return self._shaped(super().forward(input))
        first, *rest = self
        assert isinstance(first, nn.Linear)
        own, shared = first.weight.split([input.shape[-1], common.shape[-1]], 1)
        at_first = nn.functional.linear(common, shared, first.bias)[:, None]
        x = torch.baddbmm(at_first, input, own.t().expand(len(input), -1, -1))
        for layer in rest:
            x = layer(x)
        return self._shaped(x)

    def _shaped(self, y: Tensor) -> Tensor:
        return y.squeeze(-1) if y.shape[-1] == 1 else y
