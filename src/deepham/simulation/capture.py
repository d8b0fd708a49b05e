"""Many small kernels launched as one: a function of a panel, recorded once as a CUDA graph."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import torch

from deepham.simulation.period import Panel

WARM_UP = 3  # calls before the recording, in which libraries choose their algorithms and allocate what they keep


class Captured:
    """A function of panels of one shape, launched by one call instead of kernel by kernel.

    The networks are so small that a GPU waits for the host between kernels; a graph leaves it nothing to wait for. The
    results are those of the function, drawn numbers included. They lie in the same memory each time: the next call
    overwrites them.

    Args:
        function: from a panel on the GPU to tensors there, in any structure. Weights that it reads must be changed in
            place, and it must not make the host wait (no `item`, no indexing by masks).
        generator: what it draws from.
        record: calls the function to record it; gives its results and a function that replays it into them. Tests have
            another one than that of CUDA.
    """

    def __init__(self, function: Callable[[Panel], Any], generator: torch.Generator, record=None):
        self.function, self.generator, self.record = function, generator, record or _record
        self._given: Panel | None = None

    def __call__(self, panel: Panel) -> Any:
        if self._given is None:
            given = self._given = Panel.of(*(tensor.clone() for tensor in panel.tensors()))
            state = self.generator.get_state()
            self._result, self._replay = self.record(lambda: self.function(given), self.generator)
            self.generator.set_state(state)  # as if nothing had been drawn yet
        for kept, tensor in zip(self._given.tensors(), panel.tensors(), strict=True):
            kept.copy_(tensor)
        self._replay()
        return self._result


def _record(call: Callable[[], Any], generator: torch.Generator) -> tuple[Any, Callable[[], None]]:
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(WARM_UP):
            call()
    torch.cuda.current_stream().wait_stream(beside)
    gc.collect()  # a graph of an earlier training, of which the module is part, lets go of its memory
    graph = torch.cuda.CUDAGraph()
    if hasattr(graph, "register_generator_state"):  # where torch does not see for itself what is drawn from
        graph.register_generator_state(generator)
    with torch.cuda.graph(graph):
        result = call()
    return result, graph.replay
