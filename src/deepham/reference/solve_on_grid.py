"""The grid solution from Python: found where it is stored, else solved."""

from __future__ import annotations

import time
from pathlib import Path

from deepham import economics
from deepham.economics.economy import require
from deepham.economics.planner import under
from deepham.economics.registry import given
from deepham.errors import show
from deepham.presentation.saying import is_watched, say
from deepham.reference.grid_solution import GridSolution
from deepham.reference.law_of_motion import Progress
from deepham.reference.settings import ReferenceSettings, settings_for
from deepham.reference.solve import solve_reference
from deepham.reference.store import find, obtain
from deepham.solution.arguments import flag
from deepham.system.paths import check_folder
from deepham.system.threads import one_thread

STORE = Path("checkpoints/reference")  # where the commands keep solutions


def solve_on_grid(
    economy,
    objective: str,
    settings: ReferenceSettings | dict | None,
    store,
    progress: bool | None,
    parameters: dict,
) -> GridSolution:
    """See `deepham.solve_on_grid`."""
    shown = is_watched() if progress is None else flag("progress", progress)
    name, parameters = given(economy, parameters)
    solved_for = under(economics.create(name, **parameters), objective)
    if not isinstance(settings, ReferenceSettings):
        require(
            settings is None or isinstance(settings, dict),
            f"settings: expected a dict such as {{'k_nodes': 500}}, got {show(settings)}",
        )
        settings = settings_for(name, settings)
    if store is not None:
        check_folder("store", str(store) if isinstance(store, Path) else store)
    tell = teller(solved_for.tracked) if shown else None
    with one_thread():
        if store is not None:
            return obtain(name, solved_for, settings, Path(store), progress=tell)
        return find(name, solved_for, settings, STORE) or solve_reference(solved_for, settings, tell, name)


def teller(mean: str) -> Progress:
    """Says how far the search for the law of motion of `mean` assets is."""
    began = time.perf_counter()

    def tell(iteration: int, change: float, held: float) -> None:
        say(
            f"iteration {iteration}  law of motion moves by {change:.1e}  mean {mean} {held:.4f}  "
            f"{time.perf_counter() - began:.0f} s"
        )

    return tell
