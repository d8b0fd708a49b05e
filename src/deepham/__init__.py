"""Heterogeneous-agent macro models with aggregate shocks, solved globally by deep learning (DeepHAM).

import deepham
solution = deepham.load("checkpoints/<run>")
solution.consumption(k=[10.0, 40.0], eps="employed", z="good")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from deepham.errors import InputError, NotConverged, OutOfDomain
from deepham.system.version import __version__ as __version__

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from deepham import economics as economics
    from deepham.economics.economy import Economy
    from deepham.estimation.result import Estimate
    from deepham.reference.grid_solution import GridSolution
    from deepham.solution import datasets as datasets
    from deepham.solution.solution import Solution

__all__ = [
    "InputError",
    "NotConverged",
    "OutOfDomain",
    "datasets",
    "economics",
    "estimate",
    "load",
    "plot_irf",
    "solve",
    "solve_on_grid",
]
# modules that users reach by attribute; loaded when they are first asked for
MODULES = {"datasets": "deepham.solution.datasets", "economics": "deepham.economics"}


def __getattr__(name: str):
    if name in MODULES:
        return import_module(MODULES[name])
    raise AttributeError(f"module 'deepham' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *MODULES})


def load(path, device=None, *, economy=None) -> Solution:
    """Load a solution from a run's or an exported folder, or one that ships with the package, such as "ks98".

    Args:
        path: the folder, or the name of a shipped solution.
        device: where to compute, as torch names it; None is the CPU.
        economy: needed for an economy of your own: its class, or the name under which an installed package registers
            it. The folder says which economy it is, and nothing in it is executed.

    Raises:
        InputError: there is nothing at `path`, it is not a solution or one of another economy, or there is no such
            device.
    """
    from deepham.solution.loading import load as load_solution

    return load_solution(path, device, economy)


def solve(
    economy: str | Economy | type[Economy],
    *,
    seed: int = 1,
    overrides: list[str] | None = None,
    init_from: str | None = None,
    resume=None,
    progress: bool | None = None,
    vary: dict | None = None,
    **parameters,
) -> Solution:
    """Train an economy with the default configuration and return its solution.

    Nothing is kept on disk, unless you interrupt it: what was trained by then is left in `checkpoints/<run>/`, and a
    line says how to go on. The default takes about a minute for ks98 on one core.

    Args:
        economy: its name, such as "ks98"; or one of your own, as an instance, MyEconomy(beta=0.98), or as a class.
        seed: of the networks and the simulation.
        overrides: further settings as on the command line, such as ["algorithm.outer_iterations=10"].
        init_from: a solution to start from, by its folder or the name of a shipped one; its calibration may be another.
        resume: the folder `checkpoints/<run>` in which an interrupted call with the same arguments left its work.
        progress: whether to print how far training is, once per outer iteration. None: on a terminal and in a notebook.
        vary: parameters to learn at every value between two bounds, such as {"beta": [0.98, 0.995], "mu": [0.05, 0.4]};
            for a list, one pair for each of its numbers, or None for a number that stays. `Solution.at` then gives the
            solution of a calibration.
        parameters: the calibration, such as beta=0.985. Numbers of NumPy, pandas and torch are taken, too, alone, in
            lists and as matrices.

    Raises:
        InputError: bad input, before anything is simulated.
        deepham.errors.TrainingDiverged: training ran away, and a smaller step did not help.
        OutOfDomain: the trained economy reaches an aggregate state in which the model has no meaning.
    """
    from deepham.commands.solve import solve as train

    return train(economy, seed, [] if overrides is None else overrides, init_from, resume, progress, parameters, vary)


def solve_on_grid(
    economy: str | Economy | type[Economy],
    *,
    objective: str = "market",
    settings: dict | None = None,
    store=None,
    progress: bool | None = None,
    **parameters,
) -> GridSolution:
    """Solve an economy the conventional way, on a grid. What it returns answers like a Solution: `simulate`, `irf`,
    `consumption`, `errors` and the rest.

    The solution of ks98 comes with the package, and solutions that runs or scripts/reference.py have stored in
    checkpoints/reference are read. To find another one takes half a minute or more on one core.

    Args:
        economy: its name, or one of your own, as in `solve`.
        objective: who chooses savings: "market", each household for itself, or "planner".
        settings: those that differ from conf/reference/standard.yaml and the economy's model file, such as
            {"k_nodes": 500}; or all of them, as a deepham.reference.settings.ReferenceSettings.
        store: a folder in which to look for the solution, and to keep one that has to be solved; None keeps nothing.
        progress: whether to print how far the search is, once per iteration. None: on a terminal and in a notebook.
        parameters: calibration, such as beta=0.985, as in `solve`.

    Returns:
        The solution. Beside what every solved economy has, it has `law` (log K' of mean assets K, goods, and the
        aggregate state), `r_squared` (n_z,) and `measures` (errors in percent of consumption and in utils, moments).

    Raises:
        InputError: bad input, an economy that the grid method does not solve, or more memory than there is.
        NotConverged: no equilibrium was found.
    """
    from deepham.reference.solve_on_grid import solve_on_grid as on_grid

    return on_grid(economy, objective, settings, store, progress, parameters)


def estimate(
    solution: Solution,
    moments,
    *,
    series=None,
    periods: int | None = None,
    fixed: dict | None = None,
    covariance="model",
    weights: str = "optimal",
    trend: str | None = None,
    samples: int = 60,
    points: int | None = None,
    seed: int = 0,
    method: str = "smm",
) -> Estimate:
    """Estimate the parameters that vary in a solution (trained with `vary=`) by the method of simulated moments.

    Args:
        solution: of a box of calibrations. All parameters of the box are estimated, except those in `fixed`.
        moments: names in a list, all of which `series` has; or by name a value, a pair (value, standard error), or None
            where the series have it. Names are mean.K, sd.Y, relative_sd.C, correlation.C, autocorrelation.Y, ratio.I
            (over Y) of what the economy accounts for; gini, wealth_sd, bottom50_share, top10_share, top1_share of the
            cross-section; consumption_growth_sd and pass_through of households between two periods. Those of
            households come with a standard error. sd in percent, of logs where a variable is a quantity.
        series: a DataFrame or the name of a CSV file, with one row per period of the economy, one column per variable,
            and dates in the index or in a column "date".
        periods: how many periods the moments come from, if there are no series.
        fixed: parameters that are not estimated, such as {"mu": 0.15}.
        covariance: of the moments of the data: "model", from samples of the model as long as the data; "bootstrap",
            from blocks of the series; or a matrix in the order of the moments, those of series first. A standard error
            given beside a moment is kept, except with a matrix.
        weights: "optimal", the inverse of the covariance at a first estimate, or "diagonal", of its diagonal.
        trend: "hp" (Hodrick and Prescott) or "mean"; None: hp where a period is a month, quarter or year.
        samples: S of the model, each as long as the data, whose moments are averaged: standard errors grow by
            (1 + 1/S)^(1/2).
        points: calibrations at which the model is simulated first; None: eight for each parameter. They are kept with
            the solution: the next estimate of as many periods takes seconds.
        seed: of the random numbers, which all calibrations share.
        method: "smm"; or "posterior", which also draws parameters given the moments, by a prior that is flat over the
            box (needs the extra `estimate`).

    Returns:
        Parameters, standard errors, the J test, fit, sensitivity, what is not identified, draws; tables and figures.

    Raises:
        InputError: bad input, if possible before anything is simulated.
        OutOfDomain: a calibration of the box reaches an aggregate state in which the model has no meaning.
    """
    from deepham.estimation.estimate import estimate as by_moments

    return by_moments(
        solution, moments, series, periods, fixed, covariance, weights, trend, samples, points, seed, method
    )


def plot_irf(responses, variables=None) -> Figure:
    """Figure of responses that `Solution.irf` returned or `xarray.open_dataset` read. Nothing is computed again.

    Args:
        responses: a Dataset, or several by label, such as {"beta 0.99": recession, "beta 0.985": other}, of any
            solutions.
        variables: names, one panel each; None: those of Y, C, I, K, r, w and hours that all Datasets have.

    Returns:
        A matplotlib Figure, which a notebook shows; `savefig` writes it.

    Raises:
        InputError: something that is not a Dataset of `irf`, periods of different lengths, or a variable that a Dataset
            lacks.
    """
    from deepham.presentation.figures_irf import plot_irf as plot

    return plot(responses, variables)
