"""Many small kernels launched as one: a function of tensors, recorded once as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # calls before the recording, in which libraries choose their algorithms and allocate what they keep


class Captured:
    """A function of tensors to tensors whose shapes never change, launched by one call instead of kernel by kernel.

    The networks are so small that a GPU waits for the host between kernels; a graph leaves it nothing to wait for. The
    results are those of the function, drawn numbers included. They lie in the same memory each time: the next call
    overwrites them.

    Args:
        function: takes and returns tensors on the GPU; weights that it reads must be changed in place, and it must not
            make the host wait (no `item`, no indexing by masks).
        generator: what it draws from.
        record: calls the function to record it; gives its results and a function that replays it into them. Another one
            than that of CUDA is for tests.
    """

    def __init__(self, function: Callable[..., tuple[Tensor, ...]], generator: torch.Generator, record=None):
        self.function, self.generator, self.record = function, generator, record or _record
        self._inputs: tuple[Tensor, ...] | None = None

    def __call__(self, *given: Tensor) -> tuple[Tensor, ...]:
        if self._inputs is None:
            self._inputs = tuple(tensor.clone() for tensor in given)
            state = self.generator.get_state()
            self._outputs, self._replay = self.record(lambda: self.function(*self._inputs), self.generator)
            self.generator.set_state(state)  # as if nothing had been drawn yet
        for kept, tensor in zip(self._inputs, given, strict=True):
            kept.copy_(tensor)
        self._replay()
        return self._outputs


def _record(call: Callable[[], tuple[Tensor, ...]], generator: torch.Generator):
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(WARM_UP):
            call()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    if hasattr(graph, "register_generator_state"):  # later versions of torch see for themselves what is drawn from
        graph.register_generator_state(generator)
    with torch.cuda.graph(graph):
        outputs = call()
    return outputs, graph.replay
