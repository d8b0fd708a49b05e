"""What a callback may be beside what Lightning knows: a run asks its callbacks for these by name."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from deepham.reference.grid_solution import GridSolution
from deepham.runs.folders import RunFolders
from deepham.simulation.period import Panel, World


@runtime_checkable
class Measures(Protocol):
    """A callback that measures; History asks it after each outer iteration."""

    def take_measures(self, world: World, panel: Panel) -> dict[str, float]:
        """Name -> measure of the averaged networks in a world, where the economies of all processes stand."""
        ...


@runtime_checkable
class Checks(Protocol):
    """A callback that needs others."""

    def check(self, callbacks: list) -> None:
        """Raise InputError unless all that it needs is among the callbacks of the run."""
        ...


@runtime_checkable
class Begins(Protocol):
    """A callback that needs to know more of the run than the training."""

    def begin(self, folders: RunFolders, reference: GridSolution | None) -> None:
        """Called before training, with the run's folders and the grid solution, if there is one."""
        ...


@runtime_checkable
class Stops(Protocol):
    """A callback that can end training early: `stopped` is None, or after which outer iteration, of how many, why."""

    stopped: dict | None


@runtime_checkable
class InEveryProcess(Protocol):
    """A callback that several processes that train together all need; the others are in the first one only."""

    every_process: bool
