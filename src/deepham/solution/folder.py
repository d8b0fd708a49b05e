"""A solution on disk: a folder of four files, of which nothing is ever executed.

    weights.safetensors    policy.*, value.*: the weights, float32
    ergodic.safetensors    grid (G,), mass (n_z, n_eps * G): the ergodic histogram by z, float64
    config.yaml            model: name and calibration; network: settings; vary: the box of calibrations, if any
    meta.json              schema version, versions of the software, seed, measures, digests of all four

The digests tell a set of files that belong together from one that was damaged, edited or half replaced. Of the two
text files they cover what is said: white space, comments and line ends are free.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import yaml
from safetensors import SafetensorError
from torch import Tensor

from deepham.errors import InputError, show

# 1: before the policy was capped at the constraint; 2: before the digests covered meta.json; 3: before
SCHEMA_VERSION = 4
# network.base had a name
WEIGHTS, ERGODIC, CONFIG, META = "weights.safetensors", "ergodic.safetensors", "config.yaml", "meta.json"
SHIPPED = Path(__file__).parent / "shipped"
FILES = (WEIGHTS, ERGODIC, CONFIG, META)  # in the order in which they are put in place
# bytes: far more than a solution needs, little enough to be read and parsed in seconds whatever it holds
LARGEST = {WEIGHTS: 2**30, ERGODIC: 2**28, CONFIG: 2**18, META: 2**24}


@dataclass(frozen=True)
class Contents:
    """What the four files say, without their digests.

    Attributes:
        config: has the two mappings "model" and "network", and "vary" where the networks are of a box of calibrations.
        changed: files that are not those that were saved, going by their digests.
    """

    weights: dict[str, Tensor]
    ergodic: dict[str, Tensor]
    config: dict
    meta: dict
    changed: tuple[str, ...] = ()


def write(path, contents: Contents, overwrite: bool) -> Path:
    """Write the four files, each complete or not at all.

    A new folder appears with everything in it. In an existing one (overwrite=True) each file is replaced at a stroke
    and files of other names stay; should that be interrupted, loading notices that the files don't belong together.

    Raises:
        InputError: the folder exists, is not empty and overwrite is False; it holds a config.yaml or meta.json that
            belongs to something else; it cannot be written; a file would be larger than `read` takes.
    """
    folder = absolute(path)
    data = {WEIGHTS: safetensors.torch.save(contents.weights), ERGODIC: safetensors.torch.save(contents.ergodic)}
    config, meta = _plain(contents.config), _plain(contents.meta | {"schema_version": SCHEMA_VERSION})
    digests = _digests(data, config, meta)
    text = {
        CONFIG: yaml.safe_dump(config, sort_keys=False),
        META: json.dumps(meta | {"digests": digests}, indent=2) + "\n",
    }
    data |= {name: value.encode() for name, value in text.items()}
    for name in FILES:
        if len(data[name]) > LARGEST[name]:
            raise InputError(
                f"{name} would have {len(data[name])} bytes, more than the {LARGEST[name]} that are read "
                f"again; make the {'networks' if name == WEIGHTS else 'contents'} smaller"
            )
    home = folder if os.path.exists(folder) else folder.parent
    stage = home / f".{folder.name}.{os.getpid()}.tmp"
    try:
        _refuse_to_clobber(folder, overwrite)
        stage.mkdir(parents=True)
        for name in FILES:
            with open(stage / name, "wb") as file:
                file.write(data[name])
                file.flush()
                os.fsync(file.fileno())
        if os.path.exists(folder):
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
    """Parse the four files and compare their digests. A name of `shipped()` means that solution.

    Raises:
        InputError: no such folder; a file is missing, damaged, or of another version of deepham.
    """
    folder = absolute(path)
    if not os.path.exists(folder) and str(path) in shipped():
        folder = SHIPPED / str(path)
    if not os.path.isdir(folder):
        found = "is a file" if os.path.exists(folder) else "does not exist"
        raise InputError(
            f"{folder} {found}; expected a folder that Solution.save or a training run wrote, "
            f"with {', '.join(FILES)}, or a solution that ships with the package: {', '.join(shipped())}"
        )
    data = {name: _bytes(folder, name) for name in reversed(FILES)}
    meta = _parse(folder / META, data[META], json.loads)
    _check_schema(folder / META, meta)
    saved = meta.pop("digests", None)
    config = _parse(folder / CONFIG, data[CONFIG], plain_yaml)
    for group in ("model", "network"):
        if not isinstance(config.get(group), dict):
            raise InputError(f"{folder / CONFIG}: expected settings under {group!r}, got {show(config.get(group))}")
    varied = {"vary": config["vary"]} if config.get("vary") else {}
    config = {group: config[group] for group in ("model", "network")} | varied
    weights, ergodic = (_parse(folder / name, data[name], safetensors.torch.load) for name in (WEIGHTS, ERGODIC))
    found = _digests({name: data[name] for name in (WEIGHTS, ERGODIC)}, config, meta)
    saved = saved if isinstance(saved, dict) else {}
    altered = tuple(name for name in FILES if saved.get(name) != found[name])
    return Contents(weights, ergodic, config, meta, altered)


def verify(contents: Contents) -> None:
    """Raise InputError for a file that is not the one that was saved. Apart from `read`, so that what is wrong in it, a
    leaf or a setting, can be said first.
    """
    for name in contents.changed:
        raise InputError(
            f"{name}: not the file that was saved (its digest differs from the one in {META}): "
            f"damaged, edited or half replaced; copy or save the solution again"
        )


def _bytes(folder: Path, name: str) -> bytes:
    file = folder / name
    if not os.path.lexists(file):
        raise InputError(
            f"{folder} holds no {name}; expected a solution, with {', '.join(FILES)} (a run writes "
            f"them when it has finished)"
        )
    if not os.path.isfile(file):  # a folder, a broken link, or a pipe that would be waited for
        raise InputError(f"{file} is no file; copy or save the solution again")
    try:
        size = file.stat().st_size
        if size > LARGEST[name]:
            raise InputError(
                f"{file}: expected at most {LARGEST[name]} bytes, got {size}; copy or save the solution again"
            )
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from None


def _refuse_to_clobber(folder: Path, overwrite: bool) -> None:
    if not os.path.exists(folder):
        return
    if not os.path.isdir(folder):
        raise InputError(f"{folder} is a file; expected a folder to save the solution in")
    present = {entry.name for entry in folder.iterdir()}
    solution = bool(present & {WEIGHTS, ERGODIC})
    if present and not overwrite:
        found = "already holds a solution" if solution else "is not empty"
        raise InputError(
            f"{folder} {found}; choose a new folder, or give overwrite=True to "
            f"{'replace it' if solution else 'put the solution beside what is there'}"
        )
    if not solution and present & {CONFIG, META}:
        raise InputError(
            f"{folder} holds a {(present & {CONFIG, META}).pop()} of something that is no solution, which "
            f"would be lost; choose a new folder"
        )


def _check_schema(file: Path, meta: dict) -> None:
    version = meta.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise InputError(f"{file}: expected schema_version {SCHEMA_VERSION}, got {show(version)}; this is no solution")
    if version < SCHEMA_VERSION:
        raise InputError(
            f"{file}: the solution has schema version {version}, an older form than version "
            f"{SCHEMA_VERSION}, which alone is read; train it again"
        )
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{file}: the solution has schema version {show(version)}, this deepham reads version "
            f"{SCHEMA_VERSION}; upgrade deepham"
        )


def _parse(file: Path, data: bytes, parser):
    try:
        parsed = parser(data)
    except (ValueError, TypeError, LookupError, RecursionError, yaml.YAMLError, SafetensorError) as error:
        reason = show(str(error))
        raise InputError(f"{file}: truncated or damaged ({reason}); copy or save the solution again") from None
    if not isinstance(parsed, dict):
        raise InputError(f"{file}: expected named entries, got {show(parsed)}; copy or save the solution again")
    return parsed


class _PlainLoader(yaml.SafeLoader):
    """YAML without aliases, of which a few lines can say gigabytes, and without tags, of which we write none."""

    def compose_node(self, parent, index):
        event = self.peek_event()
        if event.anchor is not None or getattr(event, "tag", None) is not None:
            raise yaml.YAMLError(f"line {event.start_mark.line + 1}: anchors, aliases and tags are not read")
        return super().compose_node(parent, index)


def plain_yaml(data: bytes) -> Any:
    """What a YAML text says, as JSON has it. ValueError, TypeError or YAMLError for what says more, or nothing."""
    return _plain(yaml.load(data, _PlainLoader))


def _plain(said):
    """As JSON has it: texts, numbers, lists, and mappings whose keys are texts. TypeError for anything else."""
    return json.loads(json.dumps(said))


def _canonical(said) -> bytes:
    return json.dumps(said, sort_keys=True).encode()


def _digests(binary: dict[str, bytes], config: dict, meta: dict) -> dict[str, str]:
    """SHA-256 of the tensors' files and of what config.yaml and meta.json say."""
    data = binary | {CONFIG: _canonical(config), META: _canonical(meta)}
    return {name: hashlib.sha256(each).hexdigest() for name, each in data.items()}


def absolute(path) -> Path:
    """The path from the root on, with ~ replaced by the home folder.

    Raises:
        InputError: what can be no path, such as a number, bytes or a text with a null character.
    """
    try:
        text = os.fspath(path)
        if min(text, default="/") < " ":  # a name of two lines, or with an end in the middle
            raise ValueError
        os.fsencode(text)
        return Path(os.path.abspath(os.path.expanduser(text)))
    except (TypeError, ValueError):  # UnicodeEncodeError, half a surrogate pair, is a ValueError
        raise InputError(f"path: expected a path as text, got {show(path)}") from None
