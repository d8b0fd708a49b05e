"""Lightning without what it imports and this package never uses, which takes two thirds of the time that all imports of
a training take: the metrics of torchmetrics with the signal processing, statistics and figures behind them, and
PyTorch's compiler.

`quicken` says how the two are to be imported when somebody does. The training command calls it, whose process is ours;
in a user's own process (`deepham.solve`) nothing is changed.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder

COMPILER = "torch._dynamo"


def quicken() -> None:
    """Import Lightning and torchmetrics this way from now on, unless they are there already."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder(MetaPathFinder):
    def find_spec(self, fullname: str, path=None, target=None) -> ModuleSpec | None:
        execute = {"lightning": _without_the_compiler, "torchmetrics": _a_metric_alone}.get(fullname)
        spec = PathFinder.find_spec(fullname, path) if execute else None
        if spec is None or spec.loader is None or execute is None:
            return None
        spec.loader = _Loader(spec.loader, execute)
        return spec


class _Loader(Loader):
    """Executes a module in another way, and leaves it as if its own loader had."""

    def __init__(self, own: Loader, execute: Callable[[types.ModuleType, Loader], None]):
        self._own, self._execute = own, execute

    def create_module(self, spec: ModuleSpec) -> types.ModuleType | None:
        return self._own.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        assert module.__spec__ is not None
        module.__loader__ = module.__spec__.loader = self._own
        self._execute(module, self._own)


def _without_the_compiler(module: types.ModuleType, loader: Loader) -> None:
    with _stand_in_for_the_compiler():
        loader.exec_module(module)


@contextmanager
def _stand_in_for_the_compiler() -> Iterator[None]:
    """Lightning asks it for the type of compiled modules, which there are none of, and not to compile some functions.
    Who imports it afterwards gets it."""
    if COMPILER in sys.modules:
        yield
        return
    stand_in = types.ModuleType(COMPILER)
    vars(stand_in)["OptimizedModule"] = type("OptimizedModule", (), {})
    vars(stand_in)["disable"] = lambda fn=None, *_, **__: fn or (lambda each: each)
    sys.modules[COMPILER] = stand_in
    try:
        yield
    finally:
        del sys.modules[COMPILER]


def _a_metric_alone(module: types.ModuleType, loader: Loader) -> None:
    """The base class and the collection, which Lightning looks for among what is logged; all others are imported when
    one of them is named, but none then draws itself."""
    assert module.__spec__ is not None
    vars(module)["_logger"] = logging.getLogger("torchmetrics")
    folder = module.__spec__.submodule_search_locations
    spec = PathFinder.find_spec("torchmetrics.utilities", folder)
    assert spec is not None
    flags = PathFinder.find_spec("torchmetrics.utilities.imports", spec.submodule_search_locations)
    assert flags is not None and flags.loader is not None
    said = importlib.util.module_from_spec(flags)
    sys.modules[flags.name] = said
    flags.loader.exec_module(said)
    vars(said)["_MATPLOTLIB_AVAILABLE"] = False
    importlib.import_module("torchmetrics.utilities")  # before the metric, or they import each other
    vars(module)["Metric"] = importlib.import_module("torchmetrics.metric").Metric
    vars(module)["MetricCollection"] = importlib.import_module("torchmetrics.collections").MetricCollection

    def named(name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(f"module 'torchmetrics' has no attribute {name!r}")
        del vars(module)["__getattr__"]
        loader.exec_module(module)
        return getattr(module, name)

    vars(module)["__getattr__"] = named
