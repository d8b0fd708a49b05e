"""Files of a run: each whole or not at all, and a disk that fails ends no training."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deepham.errors import InputError, NotSaved

log = logging.getLogger("deepham")
PIECE = 2**20  # bytes


class Disk:
    """Says once what cannot be written, goes on, and remembers it until the same file could be written again.

    Attributes:
        lost: what is not on the disk as it should be -> why.
    """

    def __init__(self):
        self.lost: dict[str, str] = {}

    @contextmanager
    def attempt(self, what: str, meanwhile: str = "the run goes on"):
        """Write inside this block; an OSError there, or an InputError of a folder, is said and kept."""
        try:
            yield
        except (OSError, InputError) as error:
            self.failed(what, error, meanwhile)
        else:
            if self.lost.pop(what, None):
                log.info("%s is written again", what)

    def failed(self, what: str, error: BaseException, meanwhile: str = "the run goes on") -> None:
        """Say it, unless it has been said since the last success."""
        reason = getattr(error, "strerror", None) or str(error)
        if what not in self.lost:
            self.lost[what] = reason  # before it is said: the log may be what cannot be written
            log.warning("cannot write %s (%s); %s", what, reason, meanwhile)

    def check(self, *files: Path) -> None:
        """Raise NotSaved unless these files are on the disk as they should be."""
        missing = [f"{file} ({self.lost[str(file)]})" for file in files if str(file) in self.lost]
        if missing:
            raise NotSaved(f"not written: {'; '.join(missing)}")


def replace(path: Path, *parts: bytes | memoryview, check: Callable[[Path], object] | None = None) -> None:
    """Put a file of these parts in place at a stroke: written beside, flushed, read back, renamed.

    Whoever reads sees the old file or the new one, also after a crash of the machine.

    Args:
        check: called with the file beside before the old one goes; whatever it raises leaves the old one in place.
    """
    beside = path.with_name(path.name + ".tmp")
    with open(beside, "wb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())
    with open(beside, "rb") as file:
        if not all(file.read(len(piece)) == piece for part in parts for piece in _pieces(part)) or file.read(1):
            raise OSError(None, f"what is read back from {beside} is not what was written")
    if check:
        check(beside)
    os.replace(beside, path)
    _flush_folder(path.parent)


def _pieces(data: bytes | memoryview) -> Iterator[memoryview]:
    """Of a size that a file is compared in, so that a large one is not held twice."""
    return (memoryview(data)[start : start + PIECE] for start in range(0, len(data), PIECE))


def write_json(path: Path, content: dict) -> None:
    """As `replace`. NaN becomes null."""
    valid = json.loads(json.dumps(content), parse_constant=lambda _: None)
    replace(path, (json.dumps(valid, indent=2) + "\n").encode())


def _flush_folder(folder: Path) -> None:
    """Make a rename outlast a crash of the machine, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
