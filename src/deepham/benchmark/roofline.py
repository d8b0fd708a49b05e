"""How near to the machine's limits: operations and bytes counted, and what the machine does of each in a second.

The roofline of Williams, Waterman and Patterson (2009): time is at least arithmetic / peak and at least traffic /
bandwidth. Both peaks are measured here, with the same library, number type and number of threads. For the CPU: small
operations of a GPU take the time of their launch.
"""

from __future__ import annotations

import time
from statistics import median

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

SQUARE = 1024  # of the matrices whose product gives the peak
TENSOR = 350_000  # float32 numbers, what a layer of one update holds: such tensors stay in a CPU's cache


FREE = {torch.ops.aten.empty, torch.ops.aten.detach, torch.ops.aten._unsafe_view}  # move and compute nothing


class Counter(TorchDispatchMode):
    """Counts what PyTorch's operations do while it is entered.

    Attributes:
        operations: floating-point operations; two for each product in a matrix product, one for each number that any
            other operation gives.
        traffic: bytes of the tensors that go into and come out of the operations, one by one; views cost nothing.
        kernels: how many operations.

    Operations on lists of tensors, which give nothing back, are not counted; here those are the running averages.
    """

    def __init__(self):
        super().__init__()
        self.operations = self.traffic = self.kernels = 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        options = options or {}
        result = function(*arguments, **options)
        given = [leaf for leaf in tree_leaves((arguments, options)) if isinstance(leaf, torch.Tensor)]
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        if function.is_view or not made or function.overloadpacket in FREE:
            return result
        self.kernels += 1
        self.traffic += sum(tensor.numel() * tensor.element_size() for tensor in given + made)
        formula = flop_registry.get(function.overloadpacket)
        self.operations += (
            int(formula(*arguments, **options, out_val=result))
            if formula
            else sum(tensor.numel() for tensor in made if tensor.is_floating_point())
        )
        return result


def rates() -> dict[str, float]:
    """Of the CPU: operations a second of a large matrix product, bytes a second of a sum of two tensors of a layer's
    size."""
    matrix, layer = torch.rand(SQUARE, SQUARE), torch.rand(TENSOR)
    result = torch.empty_like(layer)
    return {
        "operations_per_second": 2 * SQUARE**3 / _seconds(lambda: matrix @ matrix),
        "bytes_per_second": 3 * 4 * TENSOR / _seconds(lambda: torch.add(layer, layer, out=result)),
    }


def _seconds(call, repeats: int = 50) -> float:
    """Median of one call."""
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return median(seconds)
