"""The checkpoint of a run: written whole or not at all, and found and checked to resume from."""

from __future__ import annotations

import hashlib
import io
import os
from functools import partial
from pathlib import Path
from typing import BinaryIO

import lightning
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Checkpoint

from deepham.errors import InputError
from deepham.runs.folders import CHECKPOINT
from deepham.solution.folder import SCHEMA_VERSION
from deepham.system.disk import Disk
from deepham.system.files import PIECE, replace
from deepham.system.interruption import heed

LAST, AUTO = "last", "auto"  # what ckpt_path may say
CARRIED = "configuration"  # where a checkpoint has what its run was configured with
CARRIED_KEYS = ("run", "verdict", "reference", "figures", "solve_reference", "optimized_metric")
SEAL = b"deepham sha256 "  # with the digest behind it, the comment of the zip archive that torch.save writes
DIGEST = 64


class LastCheckpoint(Checkpoint):
    """last.ckpt after each outer iteration, and before the first, so that one that fails leaves something too."""

    def __init__(self, folder: Path, disk: Disk | None = None):
        self.path, self.disk = Path(folder) / CHECKPOINT, disk or Disk()

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        if not self.path.exists():
            self._save(trainer)

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._save(trainer)
        heed()

    def _save(self, trainer: lightning.Trainer) -> None:
        older = "the one before is kept" if self.path.exists() else "there is none yet to resume from"
        with self.disk.attempt(str(self.path), f"training goes on, and {older}"):
            trainer.save_checkpoint(self.path)


class Carried(lightning.Callback):
    """Puts the run's name and settings into its checkpoints: what a run goes on with, wherever its folders have been
    moved."""

    def __init__(self, settings: dict):
        self.settings = settings

    def on_save_checkpoint(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, checkpoint: dict
    ) -> None:
        checkpoint[CARRIED] = self.settings


class SealedCheckpoints(TorchCheckpointIO):
    """How Lightning's Trainer writes checkpoints, whole or not at all, and the one that it goes on from, read
    already."""

    def __init__(self, read: dict | None = None):
        self.read = read

    def save_checkpoint(self, checkpoint: dict, path, storage_options=None) -> None:
        """Write, flush, read back, rename. Raises OSError."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        archive = buffer.getbuffer()[:-2]  # a zip ends with the length of its comment, 0 so far
        replace(Path(path), archive, _seal(hashlib.sha256(archive).hexdigest()), check=partial(_load, mmap=True))

    def load_checkpoint(self, path, map_location=None, weights_only=True) -> dict:
        assert self.read is not None  # who goes on has read one
        return self.read


def read_checkpoint(path: Path) -> dict:
    """Tensors and plain data of a checkpoint; nothing in it is executed.

    Raises:
        InputError: it cannot be read, is none of ours, is damaged, or of another version.
    """
    try:
        with open(path, "rb") as file:
            sealed = _is_sealed(file)
    except OSError as error:
        raise InputError(f"ckpt_path: {path} cannot be read ({error.strerror})") from error
    try:
        checkpoint = _load(path) if sealed else {}
        version = checkpoint["schema_version"]
    except Exception as error:  # what a foreign pickle raises in torch's reader is an open set
        raise InputError(
            f"ckpt_path: {path} is not a checkpoint of deepham, or damaged; expected a {CHECKPOINT} that a run wrote"
        ) from error
    if version != SCHEMA_VERSION:
        remedy = "upgrade deepham" if isinstance(version, int) and version > SCHEMA_VERSION else "train again"
        raise InputError(
            f"ckpt_path: {path} has schema version {version!r}, this deepham resumes version {SCHEMA_VERSION}; {remedy}"
        )
    return checkpoint


def _seal(digest: str) -> bytes:
    """The end of a zip archive whose comment holds the digest of all before; torch.load and unzip read past it."""
    comment = SEAL + digest.encode()
    return len(comment).to_bytes(2, "little") + comment


def _is_sealed(file: BinaryIO) -> bool:
    """Whether the digest is that of the content: compared before anything is made of it."""
    content = file.seek(0, os.SEEK_END) - len(_seal("")) - DIGEST
    if content < 0:
        return False
    file.seek(0)
    digest = hashlib.sha256()
    for start in range(0, content, PIECE):
        digest.update(file.read(min(PIECE, content - start)))
    return file.read() == _seal(digest.hexdigest())


def _load(path: Path, mmap: bool = False) -> dict:
    return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)


def find_checkpoint(ckpt_path: str, checkpoint_dir: str, run: str | None = None) -> Path | None:
    """The file that ckpt_path means: "last" (of the newest run), a run's folder, or a file; for "auto" the one of the
    run of that name, None where it has none yet.

    Raises:
        InputError: there is none, or these are no names.
    """
    if not isinstance(ckpt_path, str) or not isinstance(checkpoint_dir, str):
        raise InputError(f"ckpt_path and checkpoint_dir: expected names, got {ckpt_path!r} and {checkpoint_dir!r}")
    home = Path(checkpoint_dir)
    if ckpt_path == AUTO:
        if run is None:
            raise InputError("ckpt_path=auto: resumes the run of a name, or starts it; give the name with run=...")
        path = home / str(run) / CHECKPOINT
        return path if os.path.isfile(path) else None
    if ckpt_path == LAST:
        found = sorted(home.glob(f"*/{CHECKPOINT}"), key=lambda path: path.stat().st_mtime)
        if not found:
            raise InputError(f"ckpt_path=last: no run with a {CHECKPOINT} in {home}")
        return found[-1]
    path = Path(ckpt_path)
    if os.path.isdir(path):  # unlike Path.is_dir, False for a name that no file system takes
        path = path / CHECKPOINT
    if not os.path.isfile(path):
        raise InputError(f"ckpt_path: {path} does not exist; give last, auto, a run's folder or a .ckpt file")
    return path


def hyperparameters_of(path: Path) -> dict:
    """What a checkpoint was trained with: plain data under model, network, algorithm and seed, and vary where
    parameters do.

    Raises:
        InputError: not one of our checkpoints, or damaged.
    """
    found = read_checkpoint(path).get("hyper_parameters")
    keys = ("model", "network", "algorithm", "seed")
    if not isinstance(found, dict) or not found.keys() >= set(keys):
        raise InputError(f"ckpt_path: {path} does not say what it was trained with; expected {', '.join(keys)}")
    plain = {key: found[key] for key in (*keys, "vary") if key in found}
    check_plain(f"ckpt_path: {path}", plain)
    return plain


def carried_by(path: Path) -> dict:
    """What a checkpoint says of its run beside `hyperparameters_of`: plain data under the keys of CARRIED_KEYS.

    Raises:
        InputError: not one of our checkpoints, or damaged.
    """
    found = read_checkpoint(path).get(CARRIED)
    if not isinstance(found, dict) or not found.keys() >= set(CARRIED_KEYS):
        raise InputError(
            f"ckpt_path: {path} does not say how its run was configured; expected {', '.join(CARRIED_KEYS)}"
        )
    plain = {key: found[key] for key in CARRIED_KEYS}
    check_plain(f"ckpt_path: {path}", plain)
    return plain


def check_plain(what: str, value) -> None:
    """Raise InputError unless the value is data: numbers, texts, null, lists and mappings, without interpolations,
    which a configuration would resolve.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            check_plain(what, key)
            check_plain(what, item)
    elif isinstance(value, list | tuple):
        for item in value:
            check_plain(what, item)
    elif not (value is None or isinstance(value, bool | int | float | str)) or "${" in str(value):
        raise InputError(
            f"{what} holds {str(value)[:80]!r} among its settings; expected numbers, texts and lists of them"
        )


def check_hyperparameters(path: Path, found: dict, expected: dict) -> None:
    """Raise InputError naming the first hyper-parameter in which a checkpoint differs from the expected."""
    difference = _first_difference(found, expected)
    if difference:
        key, was, is_now = difference
        raise InputError(
            f"ckpt_path: {path} was trained with {key}={was}, this run has {is_now}; leave "
            "out the override to resume, or start a new run"
        )


def _first_difference(found, expected, prefix: str = ""):
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in dict.fromkeys([*expected, *found]):
            difference = _first_difference(found.get(key), expected.get(key), f"{prefix}{key}.")
            if difference:
                return difference
        return None
    return None if found == expected else (prefix.rstrip("."), found, expected)
