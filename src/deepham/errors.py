"""The errors that the project raises on purpose."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input: one line that says what was given, what was expected and how to mend it.

    The scripts print the line and exit with code 2; a caller in Python catches it as a ValueError.
    """


class TrainingDiverged(RuntimeError):
    """A loss or a gradient became infinite or NaN; the message says where, and what is saved. Exit code 1."""

    @classmethod
    def at(cls, what: str, batch_index: int, epoch: int) -> TrainingDiverged:
        """In the batch and the outer iteration, both counted from 0, that Lightning is at."""
        return cls(f"{what} in step {batch_index + 1} of outer iteration {epoch + 1}; last.ckpt holds the state after "
                   f"outer iteration {epoch}. Try a smaller algorithm.policy_optimizer.learning_rate.")
