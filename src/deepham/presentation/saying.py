"""What a script says. Whatever becomes of that, the work goes on: what is only said ends nothing."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

UNSAID = (OSError, ValueError, SystemExit)  # what a console raises: rich wants to exit when its pipe is closed
LINES = str.maketrans("─│…", "-|.")  # of tables, for an encoding that has no such letters


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


def forgive_letters() -> None:
    """Let standard output take every letter, also those that its encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) != "backslashreplace" and hasattr(stream, "reconfigure"):
            with suppress(OSError, ValueError):
                stream.reconfigure(errors="backslashreplace")


def complain(text: str) -> None:
    """Print to standard error, if that can be written to."""
    with suppress(OSError, ValueError, AttributeError):
        forgive_letters()
        print(text, file=sys.stderr, flush=True)
