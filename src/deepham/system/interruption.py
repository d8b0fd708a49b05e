"""Signals that ask a run to stop: a key, a terminal that closes, a cluster that wants its node back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# SIGUSR1 is what SLURM sends ahead of a preemption, where it is told to (--signal=USR1@60); Windows has fewer
STOPPING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP") if hasattr(signal, name))


class Interrupted(BaseException):
    """A signal reached a run; its last complete outer iteration is saved. Exit code 128 + signal."""

    def __init__(self, signum: int):
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


_unheeded: list[int] = []  # signals that came, as long as Interrupted has not reached the end of `interruptible`


@contextmanager
def interruptible(*numbers: int) -> Iterator[None]:
    """Turn the signals into Interrupted inside this block, in the main thread; other threads get none.

    A library into which Interrupted is thrown may make another error of it, which is Interrupted again when it gets
    here, or lose it, in a destructor say, which `heed` makes good.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum, frame):
        _unheeded.append(signum)
        raise Interrupted(signum)

    # nohup ignores the terminal's end on purpose
    heard = [number for number in numbers if not _ignored_hangup(number)]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    except Exception as error:
        if not _unheeded:
            raise
        raise Interrupted(_unheeded[-1]) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _unheeded.clear()


def heed() -> None:
    """Raise Interrupted where a signal came and was lost."""
    if _unheeded:
        raise Interrupted(_unheeded[-1])


def deaf() -> None:
    """Hear no signal any more: the run is about to stop, and what it writes last is to be whole."""
    if threading.current_thread() is threading.main_thread():
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)


def _ignored_hangup(number: int) -> bool:
    return number == getattr(signal, "SIGHUP", None) and signal.getsignal(number) is signal.SIG_IGN
