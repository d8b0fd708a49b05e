"""The sections on what simulated economies are like: business cycle, distribution of wealth, cost of fluctuations."""

from __future__ import annotations

from deepham.algorithm.business_cycle import SMOOTHING
from deepham.economics.economy import Economy
from deepham.measures.verdict import MEASURES
from deepham.presentation.figures import panel_title
from deepham.presentation.file_table import FileTable
from deepham.report import figures_of_studies as figures
from deepham.report.page import Illustration, Section
from deepham.report.study import Study
from deepham.report.welfare import FluctuationCost
from deepham.solution.datasets import descriptions
from deepham.solution.welfare import GROUPS


def cycle(studies: list[Study]) -> Section:
    first = studies[0]
    economy = first.solved.economy
    smoothing = SMOOTHING.get(economy.period)
    trend = (
        f"the trend of Hodrick and Prescott with a smoothing parameter of {smoothing:g}" if smoothing else "the mean"
    )
    found = {study.label: {each.name: each for each in study.moments} for study in studies}
    rows, exact = [], []
    for one in first.moments:
        for label, each in ((label, of[one.name]) for label, of in found.items() if one.name in of):
            numbers = (each.mean, each.mean_se, each.sd, each.relative_sd, each.correlation, each.autocorrelation)
            title = panel_title(one.name, one.description) if label == first.label else ""
            rows.append(
                (
                    title,
                    label,
                    f"{each.mean:.4g} {one.unit}",
                    _error(each.mean_se),
                    f"{each.sd:.4g}",
                    *(f"{x:.3f}" for x in numbers[3:]),
                )
            )
            exact.append((one.name, label, one.unit, *numbers))
    headings = ("sd", "sd / sd of Y", "correlation with Y", "autocorrelation")
    table = FileTable(
        ("variable", "solution", "mean", "s.e.", *headings),
        rows,
        "lllrrrrr",
        ("variable", "solution", "unit of the mean", "mean", "s.e.", *headings),
        exact,
    )
    return Section(
        "Business cycle",
        [
            "Over the paths of the verdict: a path of the aggregate shock and its mirror image, in the continuum, the "
            f"same for every solution; s.e. is the standard error of the mean. Standard deviations are of the distance "
            f"to {trend}: percent for quantities (of logs), percentage points for rates and shares."
        ],
        [
            Illustration("business_cycle", table, "Means and moments of the cycle."),
            Illustration("cycle", figures.cycle_figure(studies), "The end of the path; levels, not filtered."),
        ],
    )


def wealth(studies: list[Study]) -> Section:
    labels = [study.label for study in studies]
    described = MEASURES | descriptions(studies[0].solved.economy)
    exact = [
        (name, *described[name], *(x for study in studies for x in study.wealth[name]))
        for name in studies[0].wealth
        if name in described
    ]
    rows = [
        (text, unit, *(_error(x) if index % 2 else f"{x:.4g}" for index, x in enumerate(values)))
        for _, text, unit, *values in exact
    ]
    headings = [heading for label in labels for heading in (label, "s.e.")]
    table = FileTable(
        ("", "unit", *headings), rows, "ll" + "r" * len(headings), ("name", "description", "unit", *headings), exact
    )
    return Section(
        "Wealth distribution",
        ["Averages over the aggregate states, and over time in the table."],
        [
            Illustration(
                "distribution",
                figures.wealth_figure(studies),
                "Density by individual state, the share of households above each level of wealth, and the Lorenz "
                "curve, or where wealth is nothing on average what the poorest hold together.",
            ),
            Illustration(
                "inequality",
                table,
                "Moments of wealth over households and time, with standard errors, over the paths of the verdict.",
            ),
        ],
    )


def welfare(studies: list[Study]) -> Section | None:
    shown = [(study, study.cost) for study in studies if study.cost is not None]
    if not shown:
        return None
    means = "; ".join(
        f"{study.label}: {cost.mean:+.4f} % (standard error {cost.standard_error:.4f}) on average over all "
        f"households, a loss for {cost.losing:.0%} of them"
        for study, cost in shown
    )
    corrected = ", ".join(f"{study.label} {cost.level_error:+.4f} %" for study, cost in shown)
    return Section(
        "Welfare cost of aggregate fluctuations",
        [
            "The share of consumption, for the rest of a life, that makes a household as well off with aggregate "
            "shocks as if they ended now: the aggregate state keeps its long-run mean, households keep their own "
            "average risk, and prices follow the perfect-foresight path to the new rest from the same cross-section. "
            "Before the aggregate state is known. Positive: fluctuations are a loss.",
            f"{means}.",
            f"{_of_risk(shown[0][0].solved.economy)}The mean "
            f"Bellman residual says by how much a value function misses its policy's value; it is corrected for "
            f"({corrected}), and the standard error is that of the correction. A cost of no more than two of "
            "them is none that this solution can tell from zero.",
        ],
        [
            Illustration(
                "welfare", figures.welfare_figure([study for study, _ in shown]), "Cost by wealth and individual state."
            ),
            Illustration(
                "welfare_table",
                _welfare_file_table(shown),
                "Cost in percent of consumption, means between quantiles of wealth.",
            ),
        ],
    )


def _of_risk(economy: Economy) -> str:
    """Where costs and gains come from, of an economy in which the risk of households moves with the aggregate state."""
    individual = economy.chain.individual.flatten(0, -3)
    if bool((individual == individual[:1]).all()):
        return ""
    return (
        "Where productivity and employment move together, mean output is a little higher with fluctuations than "
        "without, which is a gain; the risk of unemployment that comes with recessions is the loss. "
    )


def _welfare_file_table(shown: list[tuple[Study, FluctuationCost]]) -> FileTable:
    wealth, names = shown[0][1].wealth, shown[0][1].columns
    labels = [study.label for study, _ in shown]
    headings = (
        "households by wealth, %",
        "mean wealth, goods",
        *(f"{name}{_who(label, labels)}" for label in labels for name in names),
    )
    exact = [
        (
            f"{100 * low:g}-{100 * high:g}",
            float(wealth[index]),
            *(float(x) for _, cost in shown for x in cost.groups[index]),
        )
        for index, (low, high) in enumerate(GROUPS)
    ]
    exact.append(
        (
            "all",
            float((wealth * [high - low for low, high in GROUPS]).sum()),
            *(float(x) for _, cost in shown for x in cost.all),
        )
    )
    rows = [(group, f"{mean:.4g}", *("" if x != x else f"{x:.4f}" for x in values)) for group, mean, *values in exact]
    return FileTable(headings, rows, "l" + "r" * (len(headings) - 1), headings, exact)


def _who(label: str, labels: list[str]) -> str:
    return "" if len(labels) == 1 else f", {label}"


def _error(value: float) -> str:
    return "" if value != value else f"{value:.1g}"
