"""Work shared by processes, which say what they are at."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import torch

from deepham.presentation.saying import say


@dataclass(frozen=True)
class Clock:
    """Says what is done, and when. Plain data, so that every process can have it."""

    began: float

    def __call__(self, text: str) -> None:
        say(f"{self.seconds:4.0f} s  {text}")

    @property
    def seconds(self) -> float:
        return time.time() - self.began


def in_parallel(workers: int, calls: list[tuple]) -> list:
    """Results of calls (function, *arguments), in their order, by as many processes as there are workers and calls."""
    if min(workers, len(calls)) == 1:
        return [function(*arguments) for function, *arguments in calls]
    # pickled here: a pool would hand tensors over in shared memory, of which there may be little
    with ProcessPoolExecutor(min(workers, len(calls)), get_context("spawn")) as pool:
        return [pickle.loads(result) for result in pool.map(_called, [pickle.dumps(call) for call in calls])]


def _called(pickled: bytes) -> bytes:
    torch.set_num_threads(1)
    function, *arguments = pickle.loads(pickled)
    return pickle.dumps(function(*arguments))
