"""The sections of a report, in the order of a replication package: what is said, which figures, which tables."""

from __future__ import annotations

import html
import inspect
import sys
from collections.abc import Mapping
from dataclasses import fields

from deepham.algorithm.business_cycle import SMOOTHING
from deepham.errors import printable, show
from deepham.measures.verdict import MEASURES
from deepham.presentation.figures import panel_title
from deepham.presentation.figures_solved import errors_figure
from deepham.presentation.file_table import FileTable
from deepham.presentation.tables import by_wealth_file_table, runs_file_table, verdict_file_table
from deepham.report import figures
from deepham.report.figures_against_grid import capital_against_grid, policy_against_grid
from deepham.report.figures_moments import generalized_moments
from deepham.report.page import Illustration, Section
from deepham.report.planner import Takeover
from deepham.report.planner_section import planner_section
from deepham.report.reported import ReportedSolution
from deepham.report.study import TRANSFER, Study
from deepham.solution.datasets import descriptions
from deepham.solution.impulse import Transfer, read_shock
from deepham.solution.risky import WINDOW
from deepham.solution.welfare import GROUPS

# shown in their places, or hardly moving
AGGREGATES = ("Y", "C", "I", "K", "r", "w", "L", "unemployment", "efficiency")
HORIZONS = (0, 1, 2, 4, 8, 12, 20, 30, 39)


def contents(
    reported: list[ReportedSolution], studies: list[Study], takeover: Takeover | None, manifest: FileTable
) -> list[Section]:
    """All sections. The first solution is the one that the report is on, the first study is of it."""
    sections = [
        _verdict(reported),
        _calibration(reported),
        _cycle(studies),
        _wealth(studies),
        _policy(reported, studies),
    ]
    sections += [
        section
        for section in (
            planner_section(studies, takeover),
            _recession(studies),
            _transfer(studies),
            _risky(studies),
            _basins(studies),
            _welfare(studies),
            _moments(reported[0]),
            training(reported),
        )
        if section is not None
    ]
    return [*sections, _manifest(manifest, studies)]


def _verdict(reported: list[ReportedSolution]) -> Section:
    main = reported[0]
    missed = [row.description for row in main.rows if row.met is False]
    short = [row.description for row in main.rows if row.reached is False]
    if main.reference is None:
        against = "There is no grid solution of this economy to compare with."
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
            f"expectations are enumerated. {against}",
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
    if main.reference is not None:
        assert main.truth is not None and main.grid_bins is not None
        economy = main.solution.economy
        section.shown += [
            Illustration(
                "capital",
                capital_against_grid(economy, main.ergodic, main.truth),
                "Capital on the same shocks, and its distance to the grid solution's in percent.",
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


def symbol(name: str) -> str:
    """A Greek letter where the parameter is named after one."""
    letter = html.unescape(f"&{name};")
    return letter if len(letter) == 1 else name


def _calibration(reported: list[ReportedSolution]) -> Section:
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
    return Section(
        "Economy and calibration",
        [
            f"{inspect.getdoc(type(economy))} One period is a {economy.period}. Source of the shipped calibration: "
            f"{economy.source}."
        ],
        [Illustration("calibration", table, "Parameters that this solution was solved with.")],
        inspect.cleandoc(sys.modules[type(economy).__module__].__doc__ or ""),
    )


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


def _cycle(studies: list[Study]) -> Section:
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


def _wealth(studies: list[Study]) -> Section:
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
                "Density by individual state, the share of households "
                "above each level of wealth, and the Lorenz curve.",
            ),
            Illustration(
                "inequality",
                table,
                "Moments of wealth over households and time, with standard errors, over the paths of the verdict.",
            ),
        ],
    )


def _error(value: float) -> str:
    return "" if value != value else f"{value:.1g}"


def _policy(reported: list[ReportedSolution], studies: list[Study]) -> Section:
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
                "Consumption, the change of wealth and the marginal propensity to consume, by individual state.",
            )
        ],
    )
    main = reported[0]
    if main.reference is not None and main.truth is not None:
        section.shown.append(
            Illustration(
                "policy",
                policy_against_grid(main.solution.world, main.reference, main.truth),
                "Against the grid solution (dashed), beside the same cross-sections.",
            )
        )
    return section


def _recession(studies: list[Study]) -> Section | None:
    shown = [study for study in studies if study.recession is not None]
    if not shown:
        return None
    economy = shown[0].solved.economy
    shock = read_shock(economy, economy.naming.worst, 1, "drawn")
    assert not isinstance(shock, Transfer)
    what = shock.explained(economy)
    return Section(
        "Impulse responses",
        [f"{what} Bands: 50 and 90 percent of the draws; the standard error of the mean is in the table."],
        [
            Illustration(
                "irf",
                figures.response_figure(
                    shown,
                    "recession",
                    ("Y", "C", "I", "K", "r", "w", *(name for name in economy.variables if name not in AGGREGATES)),
                ),
                "Aggregates.",
            ),
            Illustration(
                "irf_distribution",
                figures.response_figure(
                    shown, "recession", ("unemployment", "gini", "top10_share", "C_fifth1", "C_fifth3", "C_fifth5")
                ),
                "The distribution: consumption of the poorest, the middle and the richest fifth by wealth.",
            ),
            Illustration("irf_table", _response_file_table(shown, "recession"), "Responses and standard errors."),
        ],
    )


def _transfer(studies: list[Study]) -> Section | None:
    shown = [study for study in studies if study.transfer is not None]
    if not shown:
        return None
    return Section(
        "Redistribution",
        [
            f"{TRANSFER['transfer']:.0%} of the wealth of the richest {TRANSFER['top']:.0%} go to the poorest "
            f"{TRANSFER['bottom']:.0%} in period 0, once and unexpected. Each of the rich loses the same share, each "
            f"of the poor gains the same amount."
        ],
        [
            Illustration(
                "transfer",
                figures.response_figure(shown, "transfer", ("C", "K", "gini", "C_fifth1", "C_fifth3", "C_fifth5")),
                "Responses to the transfer.",
            ),
            Illustration("transfer_table", _response_file_table(shown, "transfer"), "Responses and standard errors."),
        ],
    )


def _response_file_table(studies: list[Study], which: str) -> FileTable:
    first = getattr(studies[0], which)
    horizons = [h for h in HORIZONS if h < first.sizes["period"]]
    rows, exact = [], []
    for name in (name for name in ("Y", "C", "I", "K", "r", "w", "gini") if name in first):
        for study in studies:
            data = getattr(study, which)
            values, errors = ([float(data[each][h]) for h in horizons] for each in (name, f"{name}_se"))
            title = (name, study.label, data[name].attrs["units"])
            rows += [(*title, *(f"{_zero(x):.3f}" for x in values)), ("", "s.e.", "", *(f"{x:.4f}" for x in errors))]
            exact += [(*title, "response", *values), (*title, "standard error", *errors)]
    periods = tuple(str(h) for h in horizons)
    return FileTable(
        ("variable", "solution", "unit", *periods),
        rows,
        "lll" + "r" * len(horizons),
        ("variable", "solution", "unit", "row", *periods),
        exact,
    )


def _risky(studies: list[Study]) -> Section | None:
    shown = [study for study in studies if study.risky]
    if not shown:
        return None
    period = shown[0].solved.economy.period
    held = shown[0].solved.economy.naming.held
    window = min(WINDOW, *(found.path.sizes["period"] - 1 for study in shown for found in study.risky.values()))
    headings = (
        held.heading,
        "solution",
        "K at the end, goods",
        f"drift, % in the last {window} {period}s",
        "first turn",
        "K there",
        "deterministic K",
        "ergodic mean K",
    )
    rows, exact = [], []
    for study in shown:
        for state, found in study.risky.items():
            turn = found.turn or (None, None)
            numbers = (found.K, found.drift, *turn, found.deterministic_K, found.ergodic_K)
            exact.append((state, study.label, *numbers))
            rows.append((state, study.label, *("" if x is None else f"{x:.4g}" for x in numbers)))
    return Section(
        "Risky steady state",
        [
            f"{held.sentence} while households go on expecting shocks. "
            f"Capital moves to a level quickly; wealth goes on spreading for thousands of periods, and where that "
            f"moves capital the path first turns and then creeps: the turn is the plateau."
        ],
        [
            Illustration("risky", figures.risky_figure(shown), "Capital on the way, and wealth at the end."),
            Illustration(
                "risky_table", FileTable(headings, rows, "llrrrrrr", headings, exact), "Ends, drifts and plateaus."
            ),
        ],
    )


def _basins(studies: list[Study]) -> Section | None:
    shown = [study for study in studies if study.basins]
    if not shown:
        return None
    economy = shown[0].solved.economy
    headings = (
        "solution",
        *(
            f"{name}{when}"
            for when in (" at first", " at the end")
            for name in (economy.tracked, economy.aggregate_shock)
        ),
    )
    exact = [
        (
            study.label,
            *(float(path[name][0, t]) for t in (0, -1) for name in (economy.tracked, economy.aggregate_shock)),
        )
        for study in shown
        for path in study.basins
    ]
    rows = [(label, *(f"{x:.4g}" for x in values)) for label, *values in exact]
    periods = shown[0].basins[0].sizes["period"]
    return Section(
        "Where it comes to rest",
        [
            f"Paths without shocks, over {periods} {economy.period}s, from the middle of the ergodic set and from far "
            f"off it. Were there several basins, they would end in different places."
        ],
        [
            Illustration(
                "basins",
                figures.basins_figure(shown),
                "Dots: starts; squares: ends; grey: where the economy with shocks is.",
            ),
            Illustration("basins_table", FileTable(headings, rows, "lrrrr", headings, exact), "Starts and ends."),
        ],
    )


def _welfare(studies: list[Study]) -> Section | None:
    shown = [study for study in studies if study.cost is not None]
    costs = [study.cost for study in studies if study.cost is not None]
    if not shown:
        return None
    economy = shown[0].solved.economy
    names = economy.names_of(economy.individual_shock, economy.chain.n_eps)
    labels = [study.label for study in shown]
    headings = (
        "households by wealth, %",
        "mean wealth, goods",
        *(f"{name}{_who(label, labels)}" for label in labels for name in names),
    )
    exact = [
        (
            f"{100 * low:g}-{100 * high:g}",
            float(costs[0].wealth[index]),
            *(float(x) for cost in costs for x in cost.groups[index]),
        )
        for index, (low, high) in enumerate(GROUPS)
    ]
    exact.append(
        (
            "all",
            float((costs[0].wealth * [high - low for low, high in GROUPS]).sum()),
            *(float(x) for cost in costs for x in cost.by_state),
        )
    )
    rows = [
        (group, f"{wealth:.4g}", *("" if x != x else f"{x:.4f}" for x in values)) for group, wealth, *values in exact
    ]
    means = "; ".join(
        f"{label}: {cost.mean:+.4f} % (standard error {cost.standard_error:.4f}) on average over all households, a "
        f"loss for {cost.losing:.0%} of them"
        for label, cost in zip(labels, costs)
    )
    corrected = ", ".join(f"{label} {cost.level_error:+.4f} %" for label, cost in zip(labels, costs))
    return Section(
        "Welfare cost of aggregate fluctuations",
        [
            "The share of consumption, for ever, that makes a household as well off with aggregate shocks as if they "
            "ended now: the aggregate state keeps its long-run mean, households keep their own average risk, and "
            "prices follow the perfect-foresight path to the new rest from the same cross-section. Before the "
            "aggregate state is known. Positive: fluctuations are a loss.",
            f"{means}.",
            "Where productivity and employment move together, mean output is a little higher with fluctuations than "
            "without, which is a gain; the risk of unemployment that comes with recessions is the loss. The mean "
            f"Bellman residual says by how much a value function misses its policy's value; it is corrected for "
            f"({corrected}), and the standard error is that of the correction. A cost of no more than two of "
            "them is none that this solution can tell from zero.",
        ],
        [
            Illustration("welfare", figures.welfare_figure(shown), "Cost by wealth and individual state."),
            Illustration(
                "welfare_table",
                FileTable(headings, rows, "l" + "r" * (len(headings) - 1), headings, exact),
                "Cost in percent of consumption, means between quantiles of wealth.",
            ),
        ],
    )


def _moments(main: ReportedSolution) -> Section | None:
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
            "By outer iteration, as measured during training on the simulated panels: a panel carries "
            "sampling noise that the verdict does not."
        ],
        [Illustration("training", figure, "Errors, dispersion and learning rate.")],
    )


def _manifest(manifest: FileTable, studies: list[Study]) -> Section:
    missing = [f"{study.label}, {name}: {why}" for study in studies for name, why in study.missing.items()]
    return Section(
        "Manifest",
        [f"Left out: {each}." for each in missing],
        [Illustration("manifest", manifest, "How the solution and this report were made.")],
    )


def manifest_file_table(reported: list[ReportedSolution], about: Mapping[str, object]) -> FileTable:
    """What each solution says of its making, and what is known of the report's own."""
    rows = []
    for one in reported:
        meta = one.solution.meta
        made = meta.get("made_by", {})
        seconds = made.get("seconds", {})
        told = {
            "made": meta.get("created"),
            "seed": meta.get("seed"),
            "deepham": meta.get("deepham"),
            "torch": meta.get("torch"),
            **{
                key: made.get(key) for key in ("command", "hardware", "system", "python", "numpy", "lightning", "scipy")
            },
            "training, seconds": _rounded(seconds.get("training")),
            "verdict, seconds": _rounded(seconds.get("verdict")),
            "peak memory, MB": _rounded(made.get("peak_memory_mb")),
            "network": " ".join(f"{key}={value}" for key, value in one.solution.network.items()),
            "algorithm": " ".join(
                f"{key}={show(value)}"
                for key, value in meta.get("algorithm", {}).items()
                if not isinstance(value, dict)
            ),
        }
        rows += [(one.label, key, printable(str(value))) for key, value in told.items() if value not in (None, "")]
    rows += [("report", key, str(value)) for key, value in about.items()]
    return FileTable(("of", "item", "value"), rows, "lll")


def _rounded(value) -> str | None:
    return None if value is None else f"{value:.0f}"


def _zero(value: float) -> float:
    """Without the sign of a zero that rounding leaves."""
    return 0.0 if abs(value) < 5e-4 else value


def _who(label: str, labels: list[str]) -> str:
    return "" if len(labels) == 1 else f", {label}"
