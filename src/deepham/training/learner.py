"""How a module's networks learn from a batch: by gradients and an optimiser, or by second-order steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from torch import Tensor

from deepham.training.stream import Batch


class Learner(ABC):
    """What `DeepHAM.training_step` and its neighbours ask of it.

    Args:
        module: the DeepHAM that it teaches, which imports this file.
    """

    advice: ClassVar[str]  # what to try where training diverges for good

    def __init__(self, module: Any):
        self.module = module

    @abstractmethod
    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Learn from one batch; losses by name. Raises TrainingDiverged."""

    @abstractmethod
    def slow_down(self, factor: float) -> None:
        """Take smaller steps for the rest of the run, after going back to a checkpoint."""

    def begin(self) -> None:  # noqa: B027 (nothing to do is as good as any)
        """Before the first batch, with the trainer and its stream at hand."""

    def optimizers(self) -> tuple[list, list]:
        """Lightning's optimisers and schedules, if there are any."""
        return [], []

    def rates(self) -> dict[str, float]:
        """What is logged of it after an outer iteration, by name."""
        return {}

    def state(self) -> dict:
        """Tensors and plain data that a checkpoint holds beside Lightning's."""
        return {}

    def load(self, state: dict) -> None:  # noqa: B027 (nothing to load is as good as any)
        """Go on from a checkpoint's."""
