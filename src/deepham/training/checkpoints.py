"""Runs on disk: their folders, their status, and finding the checkpoint to resume from."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from deepham.errors import InputError
from deepham.networks.settings import NetworkSettings

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
            if not resuming and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise InputError(f"run: {folder} exists and is not empty; choose another name with run=..., or resume "
                                 f"with ckpt_path={self.checkpoints}")
        for folder in (self.checkpoints, self.logs):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"run: cannot make {folder}: {error.strerror}") from error

    def set_status(self, state: str, **details) -> None:
        """Replace status.json: state is running, finished, failed or interrupted."""
        write_json(self.checkpoints / "status.json", {"state": state, "run": self.name} | details)


class LastCheckpoint(ModelCheckpoint):
    """last.ckpt after each outer iteration, and before the first, so that one that fails leaves something too."""

    def __init__(self, folder: Path):
        super().__init__(folder, filename=LAST, save_on_train_epoch_end=True, every_n_epochs=1,
                         enable_version_counter=False)

    def on_train_start(self, trainer, module) -> None:
        super().on_train_start(trainer, module)
        path = Path(self.dirpath) / f"{LAST}.ckpt"
        if not path.exists():
            trainer.save_checkpoint(path)


def write_json(path: Path, content: dict) -> None:
    """Write beside, then rename: readers see the old file or the new one, never half of it. NaN becomes null."""
    beside = path.with_name(path.name + ".tmp")
    valid = json.loads(json.dumps(content), parse_constant=lambda _: None)
    beside.write_text(json.dumps(valid, indent=2) + "\n", encoding="utf-8")
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


def read_hyperparameters(path: Path) -> dict:
    """What a checkpoint was trained with: plain data under model, network, algorithm and seed.

    Raises:
        InputError: not one of our checkpoints, or damaged.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)["hyper_parameters"]
        plain = {key: found[key] for key in ("model", "network", "algorithm", "seed")}
        return plain | {"network": asdict(NetworkSettings(**plain["network"]))}  # an older one lacks the newer fields
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise InputError(f"ckpt_path: {path} is not a checkpoint of deepham, or damaged") from error


def check_hyperparameters(path: Path, found: dict, expected: dict) -> None:
    """Raise InputError naming the first hyper-parameter in which a checkpoint differs from the expected."""
    difference = _first_difference(found, expected)
    if difference:
        key, was, is_now = difference
        raise InputError(f"ckpt_path: {path} was trained with {key}={was}, this run has {is_now}; leave "
                         "out the override to resume, or start a new run")


def _first_difference(found, expected, prefix: str = ""):
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in dict.fromkeys([*expected, *found]):
            difference = _first_difference(found.get(key), expected.get(key), f"{prefix}{key}.")
            if difference:
                return difference
        return None
    return None if found == expected else (prefix.rstrip("."), found, expected)
