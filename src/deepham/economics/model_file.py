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
from deepham.system.paths import MODEL_GROUPS

LARGEST = 2**20  # bytes
PACKAGE = str(Path(__file__).parents[1])
CLASS = re.compile(r"([^:/\\]+\.py|[A-Za-z_][\w.]*):([A-Za-z_]\w*)")
_loaded: set[str] = set()  # names of modules that came from files beside model files


class UsersError(InputError):
    """What a user's own file raised, where it was imported or its economy made. `told`: the traceback from that file
    on."""

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
    strange = [str(key) for key in said if key not in MODEL_GROUPS]
    require(
        not strange, f"{path}: sets {', '.join(strange)}; a model file sets economy, {', '.join(MODEL_GROUPS)} alone"
    )
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
        UsersError: the import of the user's file failed.
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
    file = file.resolve()
    name, folder = file.stem, str(file.parent)
    require(name.isidentifier(), f"economy: {file.name} is no name of a module; rename the file, such as my_economy.py")
    if name not in _loaded:
        known = importlib.util.find_spec(name)
        require(
            known is None or known.origin is not None and Path(known.origin).resolve() == file,
            f"economy: Python has a module {name} already; give {file.name} another name",
        )
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
        raise users_error(f"economy: {file.name} does not import", error) from error
    return module


def _from_path(path: Path, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise InputError(
                f"{path}: economy: Python finds no module {module}; install it, or name a file beside the model file"
            ) from error
        raise users_error(f"economy: {module} does not import", error) from error
    except (Exception, SystemExit) as error:
        raise users_error(f"economy: {module} does not import", error) from error


def users_error(what: str, error: BaseException) -> UsersError:
    """The error whose `told` is the traceback from the user's file on, without this package and Python above it."""
    told = traceback.TracebackException.from_exception(error)
    of_ours = [frame.filename.startswith(PACKAGE) or "importlib" in frame.filename for frame in told.stack]
    first = of_ours.index(False) if False in of_ours else len(of_ours)
    told.stack = traceback.StackSummary.from_list(told.stack[first:])
    told.__cause__ = told.__context__ = None
    refused = UsersError(f"{what}, {type(error).__name__}: {error}")
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
