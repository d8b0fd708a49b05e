"""Heterogeneous-agent macro models with aggregate shocks, solved globally by deep learning (DeepHAM).

    import deepham
    solution = deepham.load("checkpoints/<run>")
    solution.consumption(k=[10.0, 40.0], eps="employed", z="good")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deepham.errors import InputError

if TYPE_CHECKING:
    from deepham.solution import Solution

__version__ = "0.1.0"
__all__ = ["InputError", "load", "solve"]


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
    economy: str, *, seed: int = 1, overrides: list[str] | None = None, init_from: str | None = None, **parameters
) -> Solution:
    """Train an economy with the default configuration and return its solution; nothing is kept on disk.

    Args:
        economy: its name, a file of conf/model/.
        seed: of the networks and the simulation.
        overrides: further settings as on the command line, such as ["algorithm.outer_iterations=10"].
        init_from: a solution to start from, by its folder or the name of a shipped one; its calibration may be another.
        parameters: calibration, such as beta=0.985; numbers of NumPy, pandas and torch will do, alone, in lists and as matrices.

    Raises:
        InputError: bad input, before anything is simulated.
    """
    from deepham.training.solve import solve as train

    return train(economy, seed, [] if overrides is None else overrides, init_from, parameters)
