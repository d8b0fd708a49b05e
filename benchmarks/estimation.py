"""Whether an estimation by a network solution covers the truth of an independent one.

    python -m benchmarks.estimation checkpoints/box --sets 50

Each data set has a calibration of its own, a point of what is asked about a tenth of each side away from its edges; the
box of the training should be wider (`--within`, benchmarks/one_training.py). It is solved on the grid, and gives 200
quarters of aggregates and one cross-section, whose shares a survey tells with an error. The parameters are estimated by
the networks of checkpoints/box. What is found is kept in checkpoints/box/proof, a file for each data set, so that a
second call goes on where the first one ended, several share the work (`--sets 25` and `--sets 25 50`), and one with
`--sets 0` prints the table and draws the ranks.

The grid has half of the nodes and of the paths of the standard one, which saves time: its mean Euler error at
beta 0.988, sigma 2 and mu 0.2 is 0.0014 % of consumption.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from scipy.stats import binom, norm

import deepham
from benchmarks.one_training import asked, calibration_of, inside
from deepham.economics.box import Box
from deepham.estimation.inference import interval
from deepham.presentation.figures import BLUE, GREY, Figure, save_figures
from deepham.solution.solution import Solution

QUARTERS, BEFORE = 200, 1000  # of a data set, and those before it, in which wealth forgets where it began
AGGREGATES = ("ratio.K", "relative_sd.C", "correlation.C", "autocorrelation.C")
SURVEY = {"gini": 0.01, "bottom50_share": 0.01, "top10_share": 0.01}  # standard errors of a survey
# half of the nodes of the standard grid and of its paths, since there are many grids to solve
COARSE = {"k_nodes": 150, "K_nodes": 11, "economies": 8}
BINS = 5  # of the ranks


def data_set(name: str, parameters: dict[str, Any], seed: int) -> tuple[pandas.DataFrame, dict]:
    """Series of aggregates, and what a survey of the last quarter says, by the grid solution."""
    truth = deepham.solve_on_grid(name, settings=COARSE, progress=False, **parameters)
    path = truth.simulate(periods=BEFORE + QUARTERS, seed=seed).isel(economy=0, period=slice(BEFORE, None))
    table = pandas.DataFrame({each: path[each].values for each in truth.economy.variables})
    noise = np.random.default_rng(seed).standard_normal(len(SURVEY))
    survey = {
        share: (float(path[share][-1]) + error * luck, error) for (share, error), luck in zip(SURVEY.items(), noise)
    }
    return table, survey


def estimated(solution: Solution, box: Box, number: int) -> pandas.DataFrame:
    """A row a parameter: what is true, what is estimated, and how sure that is."""
    parameters = calibration_of(box, inside(box, number))
    series, survey = data_set(solution.name, parameters, seed=1000 + number)
    began = time.process_time()
    found = deepham.estimate(solution, dict.fromkeys(AGGREGATES) | survey, series=series)
    table = pandas.DataFrame(
        {"truth": parameters, "estimate": found.parameters, "standard_error": found.standard_errors}
    ).rename_axis("parameter")
    seconds = time.process_time() - began
    return table.assign(set=number, p=found.p, seconds=seconds, edge="; ".join(found.at_edge)).reset_index()


def table(found: pandas.DataFrame) -> pandas.DataFrame:
    """Bias and root mean squared error beside the standard error that is stated, and intervals that cover the truth; a
    parameter at an edge of the box has no interval and covers nothing."""
    rows = {}
    for name, rest in found.groupby("parameter"):
        miss = rest.estimate - rest.truth
        rows[name] = {
            "data sets": len(rest),
            "bias": miss.mean(),
            "root mean squared error": (miss**2).mean() ** 0.5,
            "mean standard error": rest.standard_error.mean(),
            "scatter": (np.log(rest.estimate / rest.truth) / (rest.standard_error / rest.estimate)).std(),
            "at an edge": int(rest.standard_error.isna().sum()),
        }
        for share in (0.5, 0.9):
            low, high = interval(rest.estimate, rest.standard_error, share, rest.estimate > 0)
            rows[name][f"{share:.0%} intervals"] = int(((low < rest.truth) & (rest.truth < high)).sum())
    return pandas.DataFrame(rows).T


def ranks(found: pandas.DataFrame) -> Figure:
    """How often the truth lies in each fifth of what the estimate says: level where standard errors are right."""
    sets = found.set.nunique()
    names = found.parameter.unique()
    figure = Figure(figsize=(2.6 * len(names), 2.8), layout="constrained")
    for name, axis in zip(names, np.ravel(figure.subplots(1, len(names), sharey=True))):
        rest = found[(found.parameter == name) & found.standard_error.notna()]
        place = norm.cdf(np.log(rest.truth / rest.estimate) / (rest.standard_error / rest.estimate))
        axis.hist(place, bins=BINS, range=(0, 1), color=BLUE, rwidth=0.9)
        low, high = binom.interval(0.95, sets, 1 / BINS)
        axis.axhspan(low, high, color=GREY, alpha=0.15, linewidth=0)  # where 95 of 100 would be
        axis.set_title(name)
    figure.axes[0].set_ylabel("data sets")
    figure.supxlabel("probability that the estimate gives to less than the truth", fontsize=10)
    return figure


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("solution")
    parser.add_argument("--sets", type=int, nargs="+", default=[50], help="how many, or from which to which")
    parser.add_argument("--within", nargs="+", help="what is asked about, beta=0.98,0.995")
    given = parser.parse_args(words)
    solution, folder = deepham.load(given.solution), Path(given.solution) / "proof"
    box = asked(solution, given.within)
    folder.mkdir(exist_ok=True)
    for number in range(*given.sets):
        file = folder / f"set{number}.csv"
        if file.exists():
            continue
        row = estimated(solution, box, number)
        row.to_csv(file, index=False)
        print(f"\ndata set {number}, {row.seconds[0]:.0f} s\n{row.drop(columns='set').to_string()}", flush=True)
    files = sorted(folder.glob("set*.csv"))
    if not files:
        return 0
    known = pandas.concat(map(pandas.read_csv, files))
    sets = known.set.nunique()
    print(f"\n{table(known).to_string(float_format=lambda value: f'{value:.4g}')}")
    for share in (0.5, 0.9):
        low, high = binom.interval(0.95, sets, share)
        print(f"of {sets} data sets {share:.0%} intervals should cover {low:.0f} to {high:.0f}")
    seconds, p = known.seconds.median(), known.p.mean()
    print(f"seconds of the processor an estimate: median {seconds:.0f}; mean p of the J test {p:.2f}")
    save_figures({"ranks": ranks(known)}, folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
