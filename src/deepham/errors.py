"""The errors that the project raises on purpose."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input: one line that says what was given, what was expected and how to mend it.

    The scripts print the line and exit with code 2; a caller in Python catches it as a ValueError.
    """


class TrainingDiverged(RuntimeError):
    """Something that training computes is no number, or the policy has run away. Exit code 1.

    Attributes:
        what: what was found, as the beginning of a sentence.
        step, outer_iteration: where, both counted from 1.
        batch: the batch of that step, where one is known.
    """

    def __init__(self, what: str, step: int, outer_iteration: int, batch=None):
        super().__init__(f"{what} in step {step} of outer iteration {outer_iteration}")
        self.what, self.step, self.outer_iteration, self.batch = what, step, outer_iteration, batch

    def advise(self, advice: str) -> None:
        """Add to the message what to do about it."""
        self.args = (f"{self}; {advice}",)


class NotSaved(RuntimeError):
    """A run is through, but not all of it could be written; the message says what and why. Exit code 1."""
