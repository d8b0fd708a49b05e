"""Runs on disk: their folders, their status, and finding the checkpoint to resume from."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

import torch

from deepham.errors import InputError

LAST = "last"


@dataclass(frozen=True)
class RunFolders:
    """checkpoints/<run>/ and logs/<run>/."""

    name: str
    checkpoints: Path
    logs: Path

    @property
    def last(self) -> Path:
        return self.checkpoints / f"{LAST}.ckpt"

    def create(self, resuming: bool) -> None:
        """Make both folders.

        Raises:
            InputError: a folder that exists and is not empty, unless resuming, or that cannot be made.
        """
        for folder in (self.checkpoints, self.logs):
            try:
                folder.mkdir(parents=True, exist_ok=True)
                occupied = any(folder.iterdir())
            except OSError as error:
                raise InputError(f"run: cannot make {folder}: {error.strerror}") from error
            if occupied and not resuming:
                raise InputError(f"run: {folder} exists and is not empty; choose another name with run=..., or resume "
                                 f"with ckpt_path={self.checkpoints}")

    def set_status(self, state: str, **details) -> None:
        """Replace status.json: state is running, finished, failed or interrupted."""
        write_json(self.checkpoints / "status.json", {"state": state, "run": self.name} | details)


def write_json(path: Path, content: dict) -> None:
    """Write beside, then rename: readers see the old file or the new one, never half of it."""
    beside = path.with_name(path.name + ".tmp")
    beside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(beside, path)


def find_checkpoint(ckpt_path: str, checkpoint_dir: Path) -> Path:
    """The file that ckpt_path means: "last" (of the newest run), a run's folder, or a file.

    Raises:
        InputError: there is none.
    """
    if ckpt_path == LAST:
        found = sorted(checkpoint_dir.glob(f"*/{LAST}.ckpt"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise InputError(f"ckpt_path=last: no run with a {LAST}.ckpt in {checkpoint_dir}")
        return found[-1]
    path = Path(ckpt_path)
    if path.is_dir():
        path = path / f"{LAST}.ckpt"
    if not path.is_file():
        raise InputError(f"ckpt_path: {path} does not exist; give last, a run's folder or a .ckpt file")
    return path


def check_checkpoint(path: Path, expected: dict) -> None:
    """Raise InputError unless the checkpoint is one of ours and was trained with the expected hyper-parameters."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        found = content["hyper_parameters"]
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise InputError(f"ckpt_path: {path} is not a checkpoint of deepham, or damaged") from error
    difference = _first_difference(found, expected)
    if difference:
        key, was, is_now = difference
        raise InputError(f"ckpt_path: {path} was trained with {key}={was}, this run has {is_now}; repeat the original "
                         "overrides to resume")


def _first_difference(found, expected, prefix: str = ""):
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in dict.fromkeys([*expected, *found]):
            difference = _first_difference(found.get(key), expected.get(key), f"{prefix}{key}.")
            if difference:
                return difference
        return None
    return None if found == expected else (prefix.rstrip("."), found, expected)
