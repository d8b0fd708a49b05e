"""The errors that the project raises on purpose."""

from __future__ import annotations


LONGEST = 600  # characters of a message


class InputError(ValueError):
    """Bad input: one line that says what was given, what was expected and how to mend it.

    The scripts print the line and exit with code 2; a caller in Python catches it as a ValueError. Whatever was given and
    is quoted in the message, the line is one, printable and no longer than LONGEST.
    """

    def __init__(self, message: str):
        super().__init__(one_line(message))


class TrainingDiverged(RuntimeError):
    """A loss or a gradient became infinite or NaN; the message says where, and what is saved. Exit code 1."""

    @classmethod
    def at(cls, what: str, batch_index: int, epoch: int) -> TrainingDiverged:
        """In the batch and the outer iteration, both counted from 0, that Lightning is at."""
        return cls(f"{what} in step {batch_index + 1} of outer iteration {epoch + 1}; last.ckpt holds the state after "
                   f"outer iteration {epoch}. Try a smaller algorithm.policy_optimizer.learning_rate.")


def one_line(message: str) -> str:
    """The message in one printable line of at most LONGEST characters."""
    line = _printable(" ".join(message.split()))
    # what was given stands in the middle: the name before it and the advice after it are kept
    return line if len(line) <= LONGEST else f"{line[:LONGEST // 2]} ... {line[5 - LONGEST // 2:]}"


def show(given) -> str:
    """The object in one short line."""
    text = _printable(" ".join(repr(given).split()))
    return text if len(text) <= 80 else text[:77] + "..."


def _printable(text: str) -> str:
    """Control characters and halves of surrogate pairs as escape sequences."""
    return text if text.isprintable() else "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
