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
from deepham.economics.model_file import users_error
from deepham.economics.registry import defaults, names, own
from deepham.errors import InputError, show
from deepham.system.paths import conf_folder

__all__ = ["Economy", "calibration", "create", "economy_class", "names", "settings"]


def economy_class(name: str) -> type[Economy]:
    """The subclass of Economy that the file economics/<name>.py defines, or that was handed over under this name.

    Raises:
        InputError: no such economy.
    """
    handed_over = own(name)
    if handed_over is not None:
        return handed_over.economy
    if not isinstance(name, str) or name not in names() or not (Path(__file__).parent / f"{name}.py").is_file():
        raise InputError(
            f"model: no economy {show(name)}; there is {', '.join(names())}, and one of your own by its file, "
            "model=path/to/my_economy.yaml, or in Python by its class"
        )
    module = importlib.import_module(f"deepham.economics.{name}")
    for _, member in inspect.getmembers(module, inspect.isclass):
        if issubclass(member, Economy) and member.__module__ == module.__name__:
            return member
    raise InputError(f"model: economics/{name}.py defines no subclass of Economy")


def settings(name: str) -> dict[str, dict]:
    """What an economy's model file says, by group: model, without the name, and the sizes that suit it.

    Raises:
        InputError: no such economy.
    """
    cls, handed_over = economy_class(name), own(name)
    if handed_over is None:
        said = yaml.safe_load((conf_folder() / "model" / f"{name}.yaml").read_text(encoding="utf-8"))
    else:
        said = handed_over.settings
    model = {key: value for key, value in said.get("model", {}).items() if key != "name"}
    return said | {"model": defaults(cls) | model}


def calibration(name: str) -> dict:
    """The parameters in an economy's model file, and those that its class gives a value."""
    return settings(name)["model"]


def create(name: str, /, **overrides) -> Economy:
    """Build an economy from its calibration and overrides, in float64 on the CPU.

    Args:
        name: of an economy of the package, such as "ks98".
        overrides: parameters that differ, such as beta=0.985.

    Raises:
        InputError: no such economy or parameter, or a value out of range.
    """
    cls = economy_class(name)
    known = [field.name for field in fields(cls)]
    parameters = calibration(name) | overrides
    for key in parameters:
        if key not in known:
            close = get_close_matches(key, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there is {', '.join(known)}"
            raise InputError(f"{name} has no parameter {show(key)}; {hint}")
    missing = [key for key in known if key not in parameters]
    if missing:
        raise InputError(f"{name}: no value for {', '.join(missing)}, neither in the model file nor in the class")
    try:
        return cls(**parameters)
    except InputError:
        raise
    except Exception as error:
        if own(name) is None:
            raise
        raise users_error(f"{name}: the economy cannot be made", error) from error
