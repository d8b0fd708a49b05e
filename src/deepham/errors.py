"""The exceptions that the project raises on purpose. (How far a solution is off is its method `Solution.errors`.)"""

from __future__ import annotations

LONGEST = 600  # characters of a message


class _OneLine(Exception):
    """Whatever is quoted in the message, it is one line, printable and no longer than LONGEST."""

    def __init__(self, message: str):
        super().__init__(one_line(message))


class InputError(_OneLine, ValueError):
    """Bad input: one line that says what was given, what was expected and how to mend it.

    It could have been known from the input alone. The scripts print the line and exit with code 2; a caller in Python
    catches it as a ValueError.
    """


class NotEnoughMemory(InputError):
    """What was asked for needs more memory than there is, and was not begun; the message says what to lower."""


class NotConverged(_OneLine, RuntimeError):
    """A solution was not found: an iteration did not come to its end, or left the grid that it is on. The message says
    how far it came and what to try. Exit code 1.
    """


class OutOfDomain(_OneLine, RuntimeError):
    """A simulated economy reached an aggregate state in which there can be no economy; the message says which and what
    to try. Exit code 1. (A state that was given, and not computed, is bad input.)
    """


def require(condition: bool, message: str) -> None:
    """Raise InputError(message) unless the condition holds."""
    if not condition:
        raise InputError(message)


class TrainingDiverged(RuntimeError):
    """Something that training computes is NaN or infinite, or the policy has run away. Exit code 1.

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


class ProcessLost(RuntimeError):
    """A process that this one goes on with has ended; the message says which and how. Exit code 1."""


class NotSaved(RuntimeError):
    """A run is through, but not all of it could be written; the message says what and why. Exit code 1."""


def one_line(message: str) -> str:
    """The message in one printable line of at most LONGEST characters."""
    line = printable(" ".join(message.split()))
    # what was given stands in the middle: the name before it and the advice after it are kept
    return line if len(line) <= LONGEST else f"{line[: LONGEST // 2]} ... {line[5 - LONGEST // 2 :]}"


def show(given) -> str:
    """The object in one short line."""
    text = printable(" ".join(repr(given).split()))
    return text if len(text) <= 80 else text[:77] + "..."


def printable(text: str) -> str:
    """Control characters and halves of surrogate pairs as escape sequences."""
    return (
        text
        if text.isprintable()
        else "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
    )
