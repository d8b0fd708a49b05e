"""A model file of a user's own: YAML that names the class of an economy, its calibration and the sizes that suit it.

    economy: my_economy.py:MyEconomy     # a file beside this one, or a module, my_package.economy:MyEconomy
    model: {beta: 0.98}                  # parameters that differ from what the class says
    algorithm: {agents: 100}             # and, if need be, network, verdict and reference

It is read where its path was given on the command line, and nowhere else.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import traceback
from pathlib import Path
from types import ModuleType

import yaml

from deepham.errors import InputError, require, show

SETTINGS = ("model", "network", "algorithm", "verdict", "reference")
LARGEST = 2**20  # bytes
CLASS = re.compile(r"([^:/\\]+\.py|[A-Za-z_][\w.]*):([A-Za-z_]\w*)")
_loaded: set[str] = set()  # names of modules that came from files beside model files


class NotImported(InputError):
    """A user's file whose import failed. `told`: the traceback from that file on."""

    told: str = ""


def read_settings(path: Path) -> tuple[str, dict[str, dict]]:
    """What a model file says: the text under `economy`, and the settings by group.

    Raises:
        InputError: no such file, or one that says something else.
    """
    try:
        require(path.is_file(), f"model: there is no file {path}")
        require(path.stat().st_size <= LARGEST, f"{path}: expected at most {LARGEST} bytes")
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as YAML ({error})") from error
    require(
        isinstance(said, dict) and "economy" in said,
        f"{path}: expected the class of an economy, economy: my_economy.py:MyEconomy, got {show(said)}",
    )
    economy = said.pop("economy")
    strange = [str(key) for key in said if key not in SETTINGS]
    require(not strange, f"{path}: sets {', '.join(strange)}; a model file sets economy, {', '.join(SETTINGS)} alone")
    settings = {group: {} if value is None else value for group, value in said.items()}
    for group, value in settings.items():
        require(isinstance(value, dict), f"{path}: expected settings under {group}, got {show(value)}")
        _check_plain(path, value)
    require(
        "name" not in settings.get("model", {}), f"{path}: sets model.name; the name of an economy is that of its class"
    )
    return economy, settings


def import_class(path: Path, named) -> object:
    """What a model file names under `economy`.

    Raises:
        InputError: it names nothing, or nothing that is there.
        NotImported: the import of the user's file failed.
    """
    found = CLASS.fullmatch(named) if isinstance(named, str) else None
    if found is None:
        raise InputError(
            f"{path}: economy: expected my_economy.py:MyEconomy, a file beside this one, or the module "
            f"my_package.economy:MyEconomy, got {show(named)}"
        )
    source, name = found.groups()
    module = _from_file(path.resolve().parent / source) if source.endswith(".py") else _from_path(path, source)
    require(hasattr(module, name), f"{path}: economy: there is no class {name} in {source}")
    return getattr(module, name)


def _from_file(file: Path) -> ModuleType:
    require(file.is_file(), f"economy: there is no file {file}; it lies beside the model file that names it")
    name, folder = file.stem, str(file.parent)
    require(name.isidentifier(), f"economy: {file.name} is no name of a module; rename the file, such as my_economy.py")
    if name not in _loaded:
        known = sys.modules.get(name) or importlib.util.find_spec(name)
        require(known is None, f"economy: Python has a module {name} already; give {file.name} another name")
    if folder not in sys.path:  # where the processes of a run, and the file itself, find it and what lies beside it
        sys.path.append(folder)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before, sys.modules[name] = sys.modules.get(name), module
    _loaded.add(name)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before
        raise _not_imported(file.name, error, str(file)) from error
    return module


def _from_path(path: Path, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise InputError(
                f"{path}: economy: Python finds no module {module}; install it, or name a file beside the model file"
            ) from error
        raise _not_imported(module, error, module) from error
    except (Exception, SystemExit) as error:
        raise _not_imported(module, error, module) from error


def _not_imported(name: str, error: BaseException, first: str) -> NotImported:
    """The error whose `told` is the traceback without what stands above the user's file."""
    told = traceback.TracebackException.from_exception(error)
    frames = [
        index
        for index, frame in enumerate(told.stack)
        if "importlib" not in frame.filename and frame.filename != __file__
    ]
    told.stack = traceback.StackSummary.from_list(told.stack[frames[0] :] if frames else [])
    told.__cause__ = told.__context__ = None
    refused = NotImported(f"economy: {name} does not import, {type(error).__name__}: {error}")
    refused.told = "".join(told.format()).rstrip()
    return refused


def _check_plain(path: Path, node) -> None:
    """Raise InputError for what Hydra would take for a class to build or for a text to resolve, however deep."""
    if isinstance(node, dict):
        for key, value in node.items():
            require(
                not (str(key).startswith("_") and str(key).endswith("_")),
                f"{path}: sets {key}, which is refused; a model file names one class, under economy",
            )
            _check_plain(path, value)
    elif isinstance(node, list):
        for value in node:
            _check_plain(path, value)
