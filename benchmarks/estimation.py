"""Whether an estimation by a network solution covers the truth of an independent one.

    python -m benchmarks.estimation checkpoints/box 0 1 2

Data sets by their numbers: each has a calibration of its own, the held-out points of `benchmarks.one_training` and what
follows in their sequence, is solved on the grid, and gives 200 quarters of aggregates and one cross-section, whose
shares a survey tells with an error. The parameters are estimated by the networks of checkpoints/box.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np
import pandas
import torch

import deepham
from benchmarks.one_training import EDGE
from deepham.solution.solution import Solution

QUARTERS, BEFORE = 200, 100  # of a data set, and those before it, in which capital forgets where it began
AGGREGATES = ("ratio.K", "relative_sd.C", "correlation.C", "autocorrelation.C")
SURVEY = {"gini": 0.01, "bottom50_share": 0.01, "top10_share": 0.01}  # standard errors of a survey


def calibration(solution: Solution, number: int) -> dict[str, float]:
    """That of a data set."""
    assert solution.box is not None
    sides = solution.box.sides
    point = torch.quasirandom.SobolEngine(len(sides), scramble=True, seed=20).draw(number + 1)[-1]
    unit = EDGE + (1 - 2 * EDGE) * point
    return {side.label: side.low + float(share) * (side.high - side.low) for side, share in zip(sides, unit)}


def data_set(name: str, parameters: dict[str, Any], seed: int) -> tuple[pandas.DataFrame, dict]:
    """Series of aggregates, and what a survey of the last quarter says, by the grid solution."""
    truth = deepham.solve_on_grid(name, progress=False, **parameters)
    path = truth.simulate(periods=BEFORE + QUARTERS, seed=seed).isel(economy=0, period=slice(BEFORE, None))
    table = pandas.DataFrame({each: path[each].values for each in truth.economy.variables})
    noise = np.random.default_rng(seed).standard_normal(len(SURVEY))
    survey = {
        share: (float(path[share][-1]) + error * luck, error) for (share, error), luck in zip(SURVEY.items(), noise)
    }
    return table, survey


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("solution")
    parser.add_argument("numbers", nargs="+", type=int)
    given = parser.parse_args(words)
    solution = deepham.load(given.solution)
    distances, tests = [], []
    for number in given.numbers:
        parameters = calibration(solution, number)
        series, survey = data_set(solution.name, parameters, seed=1000 + number)
        began = time.monotonic()
        found = deepham.estimate(solution, dict.fromkeys(AGGREGATES) | survey, series=series)
        truth = pandas.Series(parameters)
        distances.append((found.parameters - truth) / found.standard_errors)
        tests.append(found.p)
        print(f"\ndata set {number}, {time.monotonic() - began:.0f} s")
        print(found)
        print(
            pandas.DataFrame(
                {
                    "truth": truth,
                    "estimate": found.parameters,
                    "s.e.": found.standard_errors,
                    "distance, s.e.": distances[-1],
                }
            ).to_string(float_format=lambda value: f"{value:.4g}")
        )
    table = pandas.DataFrame(distances)
    covered = {f"{share} %": (table.abs() < bound).sum().to_dict() for share, bound in ((50, 0.674), (90, 1.645))}
    print(
        f"\nof {len(table)} data sets covered by intervals of {covered}; p of the J test {np.round(tests, 2).tolist()}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
