"""One file per economy, and the small interface they share.

`create("ks98", beta=0.985)` builds an economy from its calibration in conf/model/ and overrides.
"""

from __future__ import annotations

import importlib
import inspect
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path

import yaml

from deepham.economics.economy import Economy
from deepham.errors import InputError, show
from deepham.system.paths import conf_folder

__all__ = ["Economy", "calibration", "create", "economy_class", "names"]


def names() -> list[str]:
    """Names of the economies that have a calibration in conf/model/."""
    return sorted(path.stem for path in (conf_folder() / "model").glob("*.yaml"))


def economy_class(name: str) -> type[Economy]:
    """The subclass of Economy that the file economics/<name>.py defines.

    Raises:
        InputError: no such economy.
    """
    if not isinstance(name, str) or name not in names() or not (Path(__file__).parent / f"{name}.py").is_file():
        raise InputError(f"model: no economy {show(name)}; there is {', '.join(names())}")
    module = importlib.import_module(f"deepham.economics.{name}")
    for _, member in inspect.getmembers(module, inspect.isclass):
        if issubclass(member, Economy) and member.__module__ == module.__name__:
            return member
    raise InputError(f"model: economics/{name}.py defines no subclass of Economy")


def calibration(name: str) -> dict:
    """The parameters in conf/model/<name>.yaml, without the name."""
    economy_class(name)
    with open(conf_folder() / "model" / f"{name}.yaml", encoding="utf-8") as file:
        parameters = yaml.safe_load(file)["model"]
    parameters.pop("name")
    return parameters


def create(name: str, /, **overrides) -> Economy:
    """Build an economy from its calibration and overrides, in float64 on the CPU.

    Raises:
        InputError: no such economy or parameter, or a value out of range.
    """
    cls = economy_class(name)
    known = [field.name for field in fields(cls)]
    for key in overrides:
        if key not in known:
            close = get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there is {', '.join(known)}"
            raise InputError(f"{name} has no parameter {show(key)}; {hint}")
    parameters = calibration(name) | overrides
    missing = [key for key in known if key not in parameters]
    if missing:
        raise InputError(f"conf/model/{name}.yaml lacks {', '.join(missing)}")
    return cls(**parameters)
