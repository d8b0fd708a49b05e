"""What a script says. Whatever becomes of that, the work goes on: what is only said ends nothing."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

UNSAID = (OSError, ValueError, SystemExit)  # what a console raises: rich wants to exit when its pipe is closed
LINES = str.maketrans("─│…", "-|.")  # of tables, for an encoding that has no such letters

PATIENCE, BETWEEN = 1.0, 0.2  # seconds until a computation says how far it is, and between two times


def say(*what, **options) -> None:
    """Print texts, as they are, and tables through rich's shared console, above a progress bar if there is one.

    Letters that the terminal's encoding lacks become escape sequences. Where nothing can be written any more, to a
    closed pipe or a full disk, nothing is said from then on.
    """
    import rich  # slow to import, and a wrong word on the command line is complained of without it

    console = rich.get_console()
    if console.quiet:
        return
    forgive_letters()
    if not console.encoding.startswith("utf"):
        what = tuple(each.translate(LINES) if isinstance(each, str) else each for each in what)
    texts = all(isinstance(each, str) for each in what)
    try:
        console.print(*what, highlight=False, markup=False, emoji=False, soft_wrap=texts, **options)
    except UNSAID:
        console.quiet = True
        with suppress(OSError, ValueError, AttributeError):
            # what is left in Python's buffer would fail once more when the process ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_watched() -> bool:
    """Whether somebody reads along: on a terminal or in a notebook."""
    import rich  # slow to import, as above

    console = rich.get_console()
    return console.is_terminal or console.is_jupyter


Tick = Callable[[int], None]  # so much more of a long computation is done


@contextmanager
def counting(what: str, total: int) -> Iterator[Tick]:
    """In this block a long computation says how far it is: on one line that is written over and wiped out at its end,
    after its first second, and where somebody reads along; elsewhere it says nothing.

    Args:
        what: is computed, in words.
        total: of all that is handed to the function that this gives.
    """
    began = said = time.monotonic()
    shown, done, width = None, 0, 0

    def tick(more: int) -> None:
        nonlocal shown, done, said, width
        done += more
        now = time.monotonic()
        if now - began <= PATIENCE or now - said <= BETWEEN:
            return
        shown = is_watched() if shown is None else shown  # asked of rich, which a short computation does without
        if shown:
            said, share = now, min(1.0, done / total)
            line = f"  {what}: {share:.0%}, {(now - began) * (1 - share) / share:.0f} s left"
            width = max(width, len(line))
            _write_over(line.ljust(width))

    try:
        yield tick
    finally:
        if width:
            _write_over(" " * width + "\r")


def _write_over(line: str) -> None:
    with suppress(*UNSAID):
        print(f"\r{line}", end="", flush=True)


def forgive_letters() -> None:
    """Let standard output take every letter, also those that its encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if getattr(stream, "errors", None) != "backslashreplace" and reconfigure is not None:
            with suppress(OSError, ValueError):
                reconfigure(errors="backslashreplace")


def complain(text: str) -> None:
    """Print to standard error, if that can be written to."""
    with suppress(OSError, ValueError, AttributeError):
        forgive_letters()
        print(text, file=sys.stderr, flush=True)
