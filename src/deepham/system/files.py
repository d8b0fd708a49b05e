"""Files that are whole or not there at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

PIECE = 2**20  # bytes


def replace(path: Path, *parts: bytes | memoryview, check: Callable[[Path], object] | None = None) -> None:
    """Put a file of these parts in place at a stroke: written beside, flushed, read back, renamed.

    Whoever reads sees the old file or the new one, also after a crash of the machine.

    Args:
        check: called with the file beside before the old one goes; whatever it raises leaves the old one in place.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
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
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
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
