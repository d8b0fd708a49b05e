"""Which economies there are: those of the package, and those of a user's own that were handed over in this process.

An economy of one's own is a class that the user has named: by the path of its model file on the command line, as an
object in Python, or by the name under which an installed package registers it (entry points of the group
`deepham.economies`). Nothing else leads to one: a solution, a checkpoint, a calibration or an experiment says the
economy's name, and only classes that are known by then have names. So reading a file imports nothing.
"""

from __future__ import annotations

import dis
import inspect
import re
import warnings
from dataclasses import MISSING, Field, dataclass, field, fields
from functools import cache
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from deepham.economics.economy import Economy
from deepham.economics.model_file import read_settings
from deepham.errors import InputError, require, show
from deepham.system import installed
from deepham.system.paths import conf_folder


@dataclass(frozen=True)
class Own:
    """An economy of a user's own.

    Attributes:
        settings: what its model file says, by group: model, network, algorithm, verdict, reference; empty without one.
        file: the model file, as it was named; None where the class was handed over in Python.
    """

    economy: type[Economy]
    settings: dict[str, dict] = field(default_factory=dict)
    file: Path | None = None


_own: dict[str, Own] = {}  # those handed over, by name


def names() -> list[str]:
    """Names of the economies of the package, which have a calibration in conf/model/."""
    return sorted(path.stem for path in (conf_folder() / "model").glob("*.yaml"))


def own(name) -> Own | None:
    """The economy of a user's own that was handed over under this name; None where there is none."""
    return _own.get(name) if isinstance(name, str) else None


def name_of(economy: type[Economy]) -> str:
    """The name of an economy: that of its class with small letters and underscores, capital_tax of CapitalTax."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", economy.__name__).lower()


def hand_over(economy: Any, settings: dict[str, dict] | None = None, file: Path | None = None) -> str:
    """Make a class of economies known by its name, which is returned; a class of the package is known.

    A class that is defined again, as in a notebook, takes the place of the one before.

    Raises:
        InputError: a class that is no economy, or that another economy's name belongs to.
    """
    check_class(economy)
    name = name_of(economy)
    if economy.__module__ == f"deepham.economics.{name}":
        return name
    require(
        name not in names(), f"{written(economy)}: {name} is an economy of the package; give the class another name"
    )
    before = _own.get(name)
    if before is not None and before.economy is economy and settings is None:
        return name
    require(
        before is None or written(before.economy) == written(economy),
        f"{written(economy)}: there are two economies of the name {name}, the other is "
        f"{before and written(before.economy)}; give one of the classes another name",
    )
    for point in installed.economies(name):
        require(
            point.value == written(economy),
            f"{written(economy)}: there are two economies of the name {name}, the other is registered by an installed "
            f"package ({point.value}); give the class another name",
        )
    _own[name] = Own(economy, settings or {}, file)
    return name


def given(economy: Any, parameters: dict) -> tuple[str, dict]:
    """Name and parameters of an economy that a user hands to a function: a name, a class, or an object, whose
    calibration the parameters then change.

    Raises:
        InputError: something else, a class that is no economy, or a planner's economy.
    """
    if isinstance(economy, str):
        if economy not in names():
            hand_over_registered(economy)
        return economy, parameters
    if isinstance(economy, Economy):
        require(
            economy.objective == "market",
            "economy: expected the market's; a planner is asked for beside it, as an algorithm's or a grid's objective",
        )
        parameters = economy.parameters() | parameters
        economy = type(economy)
    name = hand_over(economy)
    for each in unread(economy):
        warnings.warn(f"{name}: no method reads the parameter {each}", stacklevel=4)
    return name, parameters


def hand_over_registered(name: str) -> bool:
    """Make the economy known that an installed package registers under this name, with the model file that lies beside
    its module; False where there is none.

    Raises:
        InputError: two packages register the name, or what they register is no economy of that name.
    """
    points = installed.economies(name)
    if not points or name in _own:
        return bool(points)
    values = sorted({point.value for point in points})
    require(
        name not in names(),
        f"{name}: an installed package registers {values[0]} under the name of an economy of the package",
    )
    require(len(values) == 1, f"{name}: installed packages register two economies of this name, {' and '.join(values)}")
    try:
        economy = points[0].load()
    except Exception as error:
        raise InputError(
            f"{name}: {values[0]}, which an installed package registers, cannot be imported ({error})"
        ) from error
    check_class(economy)
    require(
        name_of(economy) == name,
        f"{name}: {values[0]} is registered under another name than its own, {name_of(economy)}",
    )
    beside = Path(inspect.getfile(economy)).with_name(f"{name}.yaml")
    hand_over(economy, read_settings(beside)[1] if beside.is_file() else None)
    return True


def check_class(economy: Any) -> None:
    """Raise InputError for what is no class of economies, or one that is not complete."""
    require(
        isinstance(economy, type) and issubclass(economy, Economy) and economy is not Economy,
        f"economy: expected a subclass of deepham.economics.Economy, got {show(economy)}",
    )
    what = written(economy)
    require(economy.__name__.isascii(), f"{what}: the class is called by letters that no folder should have")
    bare = [name for name, value in vars(economy).items() if isinstance(value, Field)]
    require(
        not bare,
        f"{what}: {', '.join(bare)} are parameters only with @dataclass(eq=False) in the line above the class",
    )
    lacking = sorted(getattr(economy, "__abstractmethods__", ()))
    require(not lacking, f"{what}: the class states no {', '.join(lacking)}; docs/add-an-economy.md says what each is")
    without = [each.name for each in fields(economy) if "meaning" not in each.metadata]
    require(
        not without,
        f"{what}: expected a parameter for each field, such as beta: float = parameter('discount factor'), got none "
        f"for {', '.join(without)}",
    )


def defaults(economy: type[Economy]) -> dict[str, Any]:
    """The parameters that a class gives a value itself."""
    return {each.name: each.default_factory() for each in fields(economy) if each.default_factory is not MISSING}


@cache
def unread(economy: type[Economy]) -> tuple[str, ...]:
    """Parameters that no method of the class, nor of what it builds on, looks at: changing them changes nothing."""
    read: set[str] = set()
    for base in economy.__mro__:
        for name, member in vars(base).items():
            if name == "__post_init__" or not name.startswith("__"):
                read |= {text for function in _functions(member) for text in _looked_at(function.__code__)}
    return tuple(each.name for each in fields(economy) if each.name not in read)


def _functions(member: Any) -> list[FunctionType]:
    """Of a method, a property, or what else a class holds that is called."""
    inside = [getattr(member, part, None) for part in ("fget", "func", "__func__", "__wrapped__")]
    return [each for each in (member, *inside) if isinstance(each, FunctionType)]


def _looked_at(code: CodeType) -> set[str]:
    """Attributes that a function loads, and texts by which `getattr` could."""
    found = {
        str(step.argval) for step in dis.get_instructions(code) if step.opname.startswith(("LOAD_ATTR", "LOAD_METHOD"))
    }
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _looked_at(constant)
        else:
            found |= {
                each for each in (constant if isinstance(constant, tuple) else (constant,)) if isinstance(each, str)
            }
    return found


def written(economy: type[Economy]) -> str:
    """As an entry point or a model file names it."""
    return f"{economy.__module__}:{economy.__qualname__}"
