"""The sections on how economies move: after shocks, with a state held, without shocks."""

from __future__ import annotations

from deepham.presentation.file_table import FileTable
from deepham.report import figures_of_studies as figures
from deepham.report.page import Illustration, Section
from deepham.report.study import TRANSFER, Study
from deepham.simulation.population import has_mean
from deepham.solution.risky import WINDOW

MAIN = ("Y", "C", "I", "K", "r", "w")
ELSEWHERE = ("L", "unemployment", "efficiency")  # shown in their places, or hardly moving, where they are no unknowns
FIFTHS = ("C_fifth1", "C_fifth3", "C_fifth5")
HORIZONS = (0, 1, 2, 4, 8, 12, 20, 30, 39)


def recession(studies: list[Study]) -> Section | None:
    shown = [study for study in studies if study.recession is not None]
    if not shown:
        return None
    economy = shown[0].solved.economy
    worst = economy.naming.read_change(economy.naming.worst, 1, "drawn")
    assert worst is not None, "a study has a recession where there is a shock that makes one"
    what = worst.explained(economy.naming, economy.period)
    others = [name for name in economy.variables if name not in ELSEWHERE or name in economy.unknowns_shown]
    return Section(
        "Impulse responses",
        [f"{what} Bands: 50 and 90 percent of the draws; the standard error of the mean is in the table."],
        [
            Illustration(
                "irf",
                figures.response_figure(shown, "recession", tuple(dict.fromkeys((*MAIN, *others)))),
                "Aggregates.",
            ),
            Illustration(
                "irf_distribution",
                figures.response_figure(
                    shown, "recession", ("unemployment", *_shares(shown, "gini", "top10_share"), *FIFTHS)
                ),
                "The distribution: consumption of the poorest, the middle and the richest fifth by wealth.",
            ),
            Illustration("irf_table", _response_file_table(shown, "recession"), "Responses and standard errors."),
        ],
    )


def transfer(studies: list[Study]) -> Section | None:
    shown = [study for study in studies if study.transfer is not None]
    if not shown:
        return None
    found = shown[0].solved.economy.unknowns_shown
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
                figures.response_figure(
                    shown, "transfer", (*dict.fromkeys(("C", "K", *found)), *_shares(shown, "gini"), *FIFTHS)
                ),
                "Responses to the transfer.",
            ),
            Illustration("transfer_table", _response_file_table(shown, "transfer"), "Responses and standard errors."),
        ],
    )


def _response_file_table(studies: list[Study], which: str) -> FileTable:
    first = getattr(studies[0], which)
    horizons = [h for h in HORIZONS if h < first.sizes["period"]]
    rows, exact = [], []
    names = dict.fromkeys((*MAIN, *studies[0].solved.economy.unknowns_shown, *_shares(studies, "gini")))
    for name in (name for name in names if name in first):
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


def _shares(studies: list[Study], *names: str) -> tuple[str, ...]:
    """These of the distribution, unless wealth is nothing on average, so that nobody has a share of it."""
    return names if all(has_mean(study.solved.pooled) for study in studies) else ()


def risky(studies: list[Study]) -> Section | None:
    shown = [study for study in studies if study.risky]
    if not shown:
        return None
    period = shown[0].solved.economy.period
    held, variable = shown[0].solved.economy.naming.held, next(iter(shown[0].risky.values())).variable
    unit = next(iter(shown[0].risky.values())).path[variable].units
    window = min(WINDOW, *(found.path.sizes["period"] - 1 for study in shown for found in study.risky.values()))
    headings = (
        held.heading,
        "solution",
        f"{variable} at the end, {unit}",
        f"drift, % in the last {window} {period}s",
        "first turn",
        f"{variable} there",
        f"deterministic {variable}",
        f"ergodic mean {variable}",
    )
    rows, exact = [], []
    for study in shown:
        for state, found in study.risky.items():
            turn = found.turn or (None, None)
            numbers = (found.level, found.drift, *turn, found.deterministic, found.ergodic)
            exact.append((state, study.label, *numbers))
            shorter = (found.level, round(found.drift, 9) + 0.0, *numbers[2:])  # at rest a drift is rounding
            rows.append((state, study.label, *("" if x is None else f"{x:.4g}" for x in shorter)))
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


def basins(studies: list[Study]) -> Section | None:
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


def _zero(value: float) -> float:
    """Without the sign of a zero that rounding leaves."""
    return 0.0 if abs(value) < 5e-4 else value
