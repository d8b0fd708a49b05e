"""The sections on the solutions themselves: verdict, calibration, policy, moments that were learned, training."""

from __future__ import annotations

import html
import inspect
import sys
from dataclasses import fields

from deepham.economics.economy import Economy
from deepham.presentation.figures_solved import errors_figure
from deepham.presentation.file_table import FileTable
from deepham.presentation.tables import by_wealth_file_table, runs_file_table, verdict_file_table
from deepham.report import figures_of_studies as figures
from deepham.report.figures_against_grid import capital_against_grid, policy_against_grid
from deepham.report.figures_moments import generalized_moments
from deepham.report.page import Illustration, Section
from deepham.report.reported import ReportedSolution
from deepham.report.study import Study


def verdict(reported: list[ReportedSolution]) -> Section:
    main = reported[0]
    missed = [row.description for row in main.rows if row.met is False]
    short = [row.description for row in main.rows if row.reached is False]
    if main.reference is None:
        against = (
            "There is no grid solution of this calibration to compare with: the verdict rests on the errors in its "
            "equations alone."
        )
    else:
        against = (
            "Distances are to a conventional grid solution of the same calibration on the same path of the aggregate "
            "shock, each with its own policy from the same start."
        )
    section = Section(
        "Verdict and errors",
        [
            f"{'The bar is missed by: ' + '; '.join(missed) if missed else 'Every bar is met'}; "
            f"{'goals not reached: ' + '; '.join(short) if short else 'every goal is reached'}.",
            "Measured in the continuum of households, where there is no sampling noise, over the ergodic distribution; "
            f"expectations are exact. {against}",
        ],
    )
    section.shown.append(
        Illustration("verdict", verdict_file_table(main.rows), "Measures against the bar and the goal.")
    )
    if len(reported) > 1:
        section.shown.append(
            Illustration(
                "verdicts",
                runs_file_table({each.label: each.measures for each in reported}, spread=False),
                "The same for every solution.",
            )
        )
    if main.grid_path is not None and main.grid_bins is not None:
        economy = main.solution.economy
        section.shown += [
            Illustration(
                "capital",
                capital_against_grid(economy, main.ergodic, main.grid_path),
                f"{economy.tracked} on the same shocks, and its distance to the grid solution's in percent.",
            ),
            Illustration(
                "errors",
                errors_figure({"deep learning": main.bins, "grid": main.grid_bins}),
                "Where in the wealth distribution the errors sit; logarithmic scale.",
            ),
        ]
    section.shown.append(
        Illustration("by_wealth", by_wealth_file_table(main.bins), "Mean errors between quantiles of wealth.")
    )
    return section


def calibration(reported: list[ReportedSolution]) -> Section:
    economy = reported[0].solution.economy
    rows, exact = [], []
    for name, told in ((each.name, each.metadata) for each in fields(economy)):
        values = [one.solution.calibration[name] for one in reported]
        exact.append((name, told["meaning"], told["unit"], *values))
        rows.append(
            (
                symbol(name),
                told["meaning"],
                told["unit"],
                value_text(values[0]),
                *("same" if value == values[0] else value_text(value) for value in values[1:]),
            )
        )
    labels = ("value",) if len(reported) == 1 else tuple(one.label for one in reported)
    table = FileTable(
        ("symbol", "meaning", "unit", *labels),
        rows,
        "lll" + "l" * len(labels),
        ("parameter", "meaning", "unit", *labels),
        exact,
    )
    said = [about(type(economy)), f"One period is a {economy.period}."]
    said += [f"Source of the shipped calibration: {economy.source}."] if economy.source else []
    return Section(
        "Economy and calibration",
        [" ".join(text for text in said if text)],
        [Illustration("calibration", table, "Parameters that this solution was solved with.")],
        inspect.cleandoc(sys.modules[type(economy).__module__].__doc__ or ""),
    )


def about(economy: type[Economy]) -> str:
    """What the class says of itself: not what Python writes in its place, the list of its parameters."""
    text = inspect.getdoc(economy) or ""
    return "" if text.startswith(f"{economy.__name__}(") else text


def symbol(name: str) -> str:
    """A Greek letter where the parameter is named after one."""
    letter = html.unescape(f"&{name};")
    return letter if len(letter) == 1 else name


def value_text(value) -> str:
    """A text, a number, a list of them, or rows of a matrix, or matrices."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return f"{value:.6g}"
    if not any(isinstance(each, list) for each in value):
        return ", ".join(f"{x:.6g}" for x in value) or "none"
    matrix = not any(isinstance(each, list) for row in value for each in row)
    return ("; " if matrix else " | ").join(map(value_text, value))


def policy(reported: list[ReportedSolution], studies: list[Study]) -> Section:
    section = Section(
        "Policy and marginal propensities to consume",
        [
            "At the ergodic cross-section of the aggregate state. The marginal propensity to consume is out of one "
            "more good of resources this period."
        ],
        [
            Illustration(
                "policies",
                figures.policy_figure(studies),
                "Consumption, the change of wealth, the marginal propensity to consume and what else is chosen, by "
                "individual state.",
            )
        ],
    )
    main = reported[0]
    if main.reference is not None and main.grid_path is not None:
        section.shown.append(
            Illustration(
                "policy",
                policy_against_grid(main.solution.world, main.reference, main.grid_path),
                "Against the grid solution (dashed), beside the same cross-sections.",
            )
        )
    return section


def moments(main: ReportedSolution) -> Section | None:
    network = main.solution.network
    if not network.get("moments") or network["aggregates"]:
        return None
    return Section(
        "Generalized moments",
        [
            "The networks see the population through a learned moment, the mean of q(k) over the households, in place "
            "of mean wealth (Han, Yang and E, 2021). Only the bend of q matters; level and slope are those of wealth "
            "itself."
        ],
        [
            Illustration(
                "moments",
                generalized_moments(main.solution),
                "The basis and its distance to the first moment; the "
                "value of a household over the moment; and what a transfer among others does to everybody's "
                "consumption and value while mean wealth, and so every price, stays as it is.",
            )
        ],
    )


def training(reported: list[ReportedSolution]) -> Section | None:
    """What the solutions say of their training, if anything."""
    figure = figures.training_figure({each.label: each.solution.meta.get("history", {}) for each in reported})
    if figure is None:
        return None
    return Section(
        "Training",
        [
            "As measured during training on a few simulated cross-sections. Panels carry sampling noise, the verdict "
            "does not."
        ],
        [Illustration("training", figure, "Errors and the cross-section by outer iteration.")],
    )
