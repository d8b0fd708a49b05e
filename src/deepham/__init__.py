"""Heterogeneous-agent macro models with aggregate shocks, solved globally by deep learning (DeepHAM).

import deepham
solution = deepham.load("checkpoints/<run>")
solution.consumption(k=[10.0, 40.0], eps="employed", z="good")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from deepham.errors import InputError, NotConverged, OutOfDomain

if TYPE_CHECKING:
    from deepham.solution import Solution

__version__ = "0.1.0"
__all__ = ["InputError", "NotConverged", "OutOfDomain", "datasets", "economics", "load", "plot_irf", "solve"]
MODULES = ("datasets", "economics")  # that users reach by attribute; loaded when they are first asked for


def __getattr__(name: str):
    if name in MODULES:
        return import_module(f"deepham.{name}")
    raise AttributeError(f"module 'deepham' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *MODULES})


def load(path, device=None) -> Solution:
    """Load a solution from a run's or an exported folder, or one that ships with the package, such as "ks98".

    Args:
        device: where to compute, as torch names it; None is the CPU.

    Raises:
        InputError: nothing there, not a solution, or not a device.
    """
    from deepham.loading import load as load_solution

    return load_solution(path, device)


def solve(
    economy: str,
    *,
    seed: int = 1,
    overrides: list[str] | None = None,
    init_from: str | None = None,
    progress: bool | None = None,
    **parameters,
) -> Solution:
    """Train an economy with the default configuration and return its solution; nothing is kept on disk.

    Args:
        economy: its name, a file of conf/model/.
        seed: of the networks and the simulation.
        overrides: further settings as on the command line, such as ["algorithm.outer_iterations=10"].
        init_from: a solution to start from, by its folder or the name of a shipped one; its calibration may be another.
        progress: whether to print how far training is, once per outer iteration. None: on a terminal and in a notebook.
        parameters: calibration, such as beta=0.985; numbers of NumPy, pandas and torch will do, alone, in lists and as
        matrices.

    Raises:
        InputError: bad input, before anything is simulated.
        OutOfDomain: the trained economy reaches an aggregate state in which there can be none.
    """
    from deepham.training.solve import solve as train

    return train(economy, seed, [] if overrides is None else overrides, init_from, progress, parameters)


def plot_irf(responses, variables=None):
    """Figure of responses that `Solution.irf` returned, or `xarray.open_dataset` read: nothing is computed again.

    Args:
        responses: a Dataset, or several by label, such as {"beta 0.99": recession, "beta 0.985": other}, of any
            solutions.
        variables: names, one panel each; None: Y, C, I, K, r and w, as far as all Datasets have them.

    Returns:
        A matplotlib Figure, which a notebook shows; `savefig` writes it.

    Raises:
        InputError: what is no Dataset of `irf`, periods of different lengths, or a variable that a Dataset lacks.
    """
    from deepham.figures_irf import plot_irf as plot

    return plot(responses, variables)
