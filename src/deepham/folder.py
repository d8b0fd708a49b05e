"""A solution on disk: a folder of four files, of which nothing is ever executed.

    weights.safetensors    policy.*, value.*: the weights, float32
    ergodic.safetensors    grid (G,), mass (n_z, n_eps * G): the ergodic histogram by z, float64
    config.yaml            model: name and calibration; network: settings
    meta.json              schema version, versions of the software, seed, measures, digests of the other files

The digests tell a set of files that belong together from one that was damaged, edited or half replaced.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import yaml
from safetensors import SafetensorError
from torch import Tensor

from deepham.errors import InputError
from deepham.states import show

SCHEMA_VERSION = 2  # 1: before the policy was capped at the constraint
WEIGHTS, ERGODIC, CONFIG, META = "weights.safetensors", "ergodic.safetensors", "config.yaml", "meta.json"
SHIPPED = Path(__file__).parent / "shipped"
FILES = (WEIGHTS, ERGODIC, CONFIG, META)  # in the order in which they are put in place


@dataclass(frozen=True)
class Contents:
    """What the four files say; `config` has the two mappings "model" and "network"."""

    weights: dict[str, Tensor]
    ergodic: dict[str, Tensor]
    config: dict
    meta: dict


def write(path, contents: Contents, overwrite: bool) -> Path:
    """Write the four files, each complete or not at all.

    A new folder appears with everything in it. In an existing one (overwrite=True) each file is replaced at a stroke
    and files of other names stay; should that be interrupted, loading notices that the files don't belong together.

    Raises:
        InputError: the folder exists, is not empty and overwrite is False; it holds a config.yaml or meta.json that
            belongs to something else; it cannot be written.
    """
    folder = absolute(path)
    binary = {WEIGHTS: safetensors.torch.save(contents.weights), ERGODIC: safetensors.torch.save(contents.ergodic)}
    meta = contents.meta | {"schema_version": SCHEMA_VERSION, "digests": _digests(binary, contents.config)}
    text = {CONFIG: yaml.safe_dump(contents.config, sort_keys=False), META: json.dumps(meta, indent=2) + "\n"}
    data = binary | {name: value.encode() for name, value in text.items()}
    stage = None
    try:
        home = folder if folder.exists() else folder.parent
        stage = home / f".{folder.name}.{os.getpid()}.tmp"
        _refuse_to_clobber(folder, overwrite)
        stage.mkdir(parents=True)
        for name in FILES:
            with open(stage / name, "wb") as file:
                file.write(data[name])
                file.flush()
                os.fsync(file.fileno())
        if folder.exists():
            for name in FILES:
                os.replace(stage / name, folder / name)
        else:
            os.replace(stage, folder)
    except OSError as error:
        raise InputError(f"{folder}: cannot write there ({error.strerror}); choose another folder") from None
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)
    return folder


def shipped() -> list[str]:
    """Names of the solutions that ship with the package."""
    return sorted(entry.name for entry in SHIPPED.iterdir())


def read(path) -> Contents:
    """Parse the four files, without comparing their digests yet (`verify`). A name of `shipped()` means that solution.

    Raises:
        InputError: no such folder; a file is missing, damaged, or from a newer version of deepham.
    """
    folder = absolute(path)
    try:
        if not folder.exists() and str(path) in shipped():
            folder = SHIPPED / str(path)
        is_folder, found = folder.is_dir(), "is a file" if folder.exists() else "does not exist"
    except OSError as error:  # a name too long, or a folder on the way that may not be entered
        raise InputError(f"{folder}: cannot be read ({error.strerror}); expected a solution's folder") from None
    if not is_folder:
        raise InputError(f"{folder} {found}; expected a folder that Solution.save or a training run wrote, "
                         f"with {', '.join(FILES)}, or a solution that ships with the package: {', '.join(shipped())}")
    data = {}
    for name in reversed(FILES):
        try:
            data[name] = (folder / name).read_bytes()
        except FileNotFoundError:
            raise InputError(f"{folder} holds no {name}; expected a solution, with {', '.join(FILES)} (a run writes "
                             f"them when it has finished)") from None
        except OSError as error:
            raise InputError(f"{folder / name}: cannot be read ({error.strerror})") from None
    meta = _parse(folder / META, data[META], json.loads)
    _check_schema(folder / META, meta)
    config = _parse(folder / CONFIG, data[CONFIG], yaml.safe_load)
    for group in ("model", "network"):
        if not isinstance(config.get(group), dict):
            raise InputError(f"{folder / CONFIG}: expected settings under {group!r}, got {show(config.get(group))}")
    config = {group: config[group] for group in ("model", "network")}
    tensors = [_parse(folder / name, data[name], safetensors.torch.load) for name in (WEIGHTS, ERGODIC)]
    meta["found"] = _digests({name: data[name] for name in (WEIGHTS, ERGODIC)}, config)
    return Contents(*tensors, config, meta)


def verify(contents: Contents) -> dict:
    """The user's part of the meta data, once every digest has been found right.

    Raises:
        InputError: a file is not the one that was saved.
    """
    meta = dict(contents.meta)
    found, saved = meta.pop("found"), meta.pop("digests", None)
    for name, digest in found.items():
        if not isinstance(saved, dict) or saved.get(name) != digest:
            raise InputError(f"{name}: not the file that was saved (its digest differs from the one in {META}): "
                             f"damaged, edited or half replaced; copy or save the solution again")
    return meta


def _refuse_to_clobber(folder: Path, overwrite: bool) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; expected a folder to save the solution in")
    present = {entry.name for entry in folder.iterdir()}
    solution = bool(present & {WEIGHTS, ERGODIC})
    if present and not overwrite:
        found = "already holds a solution" if solution else "is not empty"
        raise InputError(f"{folder} {found}; choose a new folder, or give overwrite=True to "
                         f"{'replace it' if solution else 'put the solution beside what is there'}")
    if not solution and present & {CONFIG, META}:
        raise InputError(f"{folder} holds a {(present & {CONFIG, META}).pop()} of something that is no solution, which "
                         f"would be lost; choose a new folder")


def _check_schema(file: Path, meta: dict) -> None:
    version = meta.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise InputError(f"{file}: expected schema_version {SCHEMA_VERSION}, got {show(version)}; this is no solution")
    if version < SCHEMA_VERSION:
        raise InputError(f"{file}: the solution has schema version {version}, its weights belong to networks of another form "
                         f"than version {SCHEMA_VERSION}'s; train it again")
    if version > SCHEMA_VERSION:
        raise InputError(f"{file}: the solution has schema version {version}, this deepham reads up to "
                         f"{SCHEMA_VERSION}; upgrade deepham")


def _parse(file: Path, data: bytes, parser):
    try:
        parsed = parser(data)
    except (ValueError, LookupError, RecursionError, yaml.YAMLError, SafetensorError) as error:
        reason = show(str(error))
        raise InputError(f"{file}: truncated or damaged ({reason}); copy or save the solution again") from None
    if not isinstance(parsed, dict):
        raise InputError(f"{file}: expected named entries, got {show(parsed)}; copy or save the solution again")
    return parsed


def _digests(binary: dict[str, bytes], config: dict) -> dict[str, str]:
    """SHA-256 of the tensors' files and of what config.yaml says: its comments and line ends are free to change."""
    said = json.dumps(config, sort_keys=True, default=str).encode()
    return {name: hashlib.sha256(data).hexdigest() for name, data in (binary | {CONFIG: said}).items()}


def absolute(path) -> Path:
    """The path from the root on, with ~ replaced by the home folder.

    Raises:
        InputError: what can be no path, such as a number, bytes or a text with a null character.
    """
    try:
        found = Path(os.path.abspath(os.path.expanduser(path)))
        if b"\0" in os.fsencode(found):
            raise ValueError
        return found
    except (TypeError, ValueError):  # UnicodeEncodeError, half a surrogate pair, is a ValueError
        raise InputError(f"path: expected a path as text, got {show(path)}") from None
