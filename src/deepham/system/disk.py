"""A failing disk does not end training."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deepham.errors import InputError, NotSaved

log = logging.getLogger("deepham")


class Disk:
    """Says once what cannot be written, goes on, and remembers it until the same file could be written again.

    Attributes:
        lost: what is not on the disk as it should be -> why.
    """

    def __init__(self):
        self.lost: dict[str, str] = {}

    @contextmanager
    def attempt(self, what: str, meanwhile: str = "the run goes on") -> Iterator[None]:
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
