"""The folders of a run, and what status.json in them says."""

from __future__ import annotations

import glob
import json
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from deepham.errors import InputError
from deepham.runs.overrides import override
from deepham.system.disk import Disk
from deepham.system.files import write_json

CHECKPOINT = "last.ckpt"
LOCK, STATUS = ".lock", "status.json"


@dataclass(frozen=True)
class RunFolders:
    """checkpoints/<run>/ and logs/<run>/, and the disk they are on; `job` is what status.json says of a job of a
    sweep."""

    name: str
    checkpoints: Path
    logs: Path
    job: dict = field(default_factory=dict)
    disk: Disk = field(default_factory=Disk)

    @property
    def last(self) -> Path:
        return self.checkpoints / CHECKPOINT

    @property
    def status(self) -> Path:
        return self.checkpoints / STATUS

    @contextmanager
    def claimed(self, resuming: bool) -> Iterator[None]:
        """Make both folders and keep other processes out of them inside this block.

        The system takes the lock back from a process that is killed. A run that never saved anything may be started
        again under its name.

        Raises:
            InputError: another process is at it; a folder that holds something, unless resuming, or that cannot be
            made.
        """
        self._check_free(resuming)
        for folder in (self.checkpoints, self.logs):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(
                    f"run: cannot make {folder}: {error.strerror}; choose other folders with checkpoint_dir=... "
                    "and log_dir=..."
                ) from error
        try:
            held = FileLock(self.checkpoints / LOCK).acquire(blocking=False)
        except Timeout:
            raise InputError(
                f"run: another process is running {self.name} in {self.checkpoints}; wait for it, or choose "
                "another name with run=..."
            ) from None
        except OSError as error:
            raise InputError(
                f"run: cannot write in {self.checkpoints}: {error.strerror}; choose another folder with "
                "checkpoint_dir=..."
            ) from error
        with held:
            self._check_free(resuming)  # once more: somebody may have been faster
            self._sweep()
            yield

    def _check_free(self, resuming: bool) -> None:
        """Raise InputError where a run of this name has left something that a new one would overwrite."""
        if resuming or self._saved_nothing():
            return
        for folder in (self.checkpoints, self.logs):
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                resume = shlex.quote(override("ckpt_path", str(self.checkpoints)))
                raise InputError(
                    f"run: {folder} exists and is not empty; choose another name with run=..., or resume with {resume}"
                )

    def _saved_nothing(self) -> bool:
        """Whether a run of this name was started and ended before its first checkpoint."""
        if not self.checkpoints.is_dir():
            return False
        left = {path.name for path in self.checkpoints.iterdir() if path.suffix != ".tmp"}
        return bool(left) and left <= {STATUS, LOCK}

    def _sweep(self) -> None:
        """Remove what a process that was killed while it wrote has left."""
        for folder in (self.checkpoints, self.logs):
            for path in folder.glob("*.tmp"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def set_status(self, state: str, **details) -> None:
        """Replace status.json: state is running, finished, failed or interrupted. Raises OSError."""
        write_json(self.status, {"state": state, "run": self.name} | self.job | details)


def status_of(folder: Path) -> dict:
    """status.json, empty where there is none. Raises InputError."""
    try:
        status = json.loads((folder / STATUS).read_text(encoding="utf-8"))
        if not isinstance(status, dict) or not isinstance(status.get("state"), str):
            raise TypeError("expected a mapping with a state")
        return status
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"runs: {folder / STATUS} is damaged; expected what a run wrote") from error


def jobs_of(sweep: str, checkpoint_dir: Path) -> list[dict]:
    """status.json of every job of the sweep, in the order of their numbers. Raises InputError for one that is
    damaged."""
    found = [status_of(path.parent) for path in checkpoint_dir.glob(f"{glob.escape(sweep)}-*/{STATUS}")]
    return sorted((status for status in found if status.get("sweep") == sweep), key=lambda status: status["job"])
