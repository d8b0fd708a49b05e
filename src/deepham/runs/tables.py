"""A sweep as a table: one row per setting, with the mean and the standard deviation over the seeds."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.table import Table

from deepham.algorithm.business_cycle import described
from deepham.errors import require
from deepham.measures.verdict import JUDGED, MEASURES
from deepham.presentation.file_table import FileTable
from deepham.presentation.tables import mean_sd
from deepham.runs.by_setting import SweepRun, as_number, by_setting, measured_unlike, varying
from deepham.system.entry import called

MAIN = ("euler.mean", "euler.p99", "bellman_policy.mean", "path_gap.mean", "wealth_w1")
# what an economist wants to know of each setting: levels, inequality, and the cycle
ECONOMIC = (
    "mean_K",
    "gini",
    "wealth_sd",
    "top10_share",
    "top1_share",
    "mean.Y",
    "mean.C",
    "mean.r",
    "sd.Y",
    "relative_sd.C",
    "relative_sd.I",
    "correlation.C",
    "autocorrelation.Y",
)


def settings_file_table(runs: list[SweepRun], measures: Iterable[str] = MAIN) -> FileTable:
    """What varies, then the runs that trained to their end, how many of them meet the bar, and each of the measures
    that there is as mean (sd) over them, beside a moment the mean of the grid solution's; at full precision with the
    measures' names. Runs stopped early are counted beside them.

    Raises:
        InputError: runs of one setting that were measured differently.
    """
    keys = varying(runs)
    measures = [name for name in dict.fromkeys(measures) if any(name in (run.measures or {}) for run in runs)]
    beside = {name: name not in JUDGED and any(name in run.grid for run in runs) for name in measures}
    others = {"stopped early": lambda run: bool(run.stopped), "not finished": lambda run: run.measures is None}
    others = {name: is_one for name, is_one in others.items() if any(map(is_one, runs))}
    counts = ("runs", *others)
    rows, exact = [], []
    for values, group in by_setting(runs, keys).items():
        finished = [run for run in group if run.complete]
        unlike = measured_unlike(finished)
        require(
            unlike is None,
            f"runs: {unlike}, which have no mean; evaluate them alike with {called('evaluate')}, or give fewer runs",
        )
        met = sum(run.bar_met for run in finished)
        number = (len(finished), *(sum(map(is_one, group)) for is_one in others.values()))
        cells, numbers = [], []
        for name in measures:
            spread = mean_sd([run.taken.get(name, float("nan")) for run in finished])
            grid = [mean_sd([run.grid[name] for run in finished if name in run.grid])[0]] if beside[name] else []
            cells += [_cell(spread), *(_cell((value, float("nan"))) for value in grid)]
            numbers += [*spread, *grid]
        rows.append((*map(_short, values), *map(str, number), f"{met} of {len(finished)}", *cells))
        exact.append((*values, *number, met, *numbers))
    meanings = {key: text for run in runs for key, text in run.meanings.items()}
    headings = (
        *(f"{meanings[key]} ({key.removeprefix('model.')})" if key in meanings else key for key in keys),
        *counts,
        "bar met",
        *(
            text
            for name in measures
            for text in (f"{_described(name)} (sd)", *(["on the grid"] if beside[name] else []))
        ),
    )
    exact_headings = (
        *keys,
        *counts,
        "bar met",
        *(f"{name}{part}" for name in measures for part in ("", ", sd", *([", grid"] if beside[name] else []))),
    )
    return FileTable(headings, rows, "l" * len(keys) + "r" * (len(headings) - len(keys)), exact_headings, exact)


def settings_table(runs: list[SweepRun], measure: str) -> Table:
    """The same with one measure, for the terminal."""
    shown = settings_file_table(runs, [measure])
    table = Table(
        title="By setting: mean over the seeds (standard deviation)",
        title_justify="left",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    for heading, side in zip(shown.headings, shown.align):
        table.add_column(
            heading, justify="left" if side == "l" else "right", overflow="fold", no_wrap=heading == "runs"
        )
    keys = len(varying(runs))
    for row in shown.rows:
        table.add_row(*row[:keys], *(cell.replace(" ", "\N{NO-BREAK SPACE}") for cell in row[keys:]))
    return table


def _cell(spread: tuple[float, float]) -> str:
    mean, sd = spread
    return "" if mean != mean else f"{mean:.3g}" if sd != sd else f"{mean:.3g} ({sd:.2g})"


def _short(value: str) -> str:
    """A number with digits without end, in four of them."""
    number = as_number(value)
    return value if number is None or len(value) <= 8 else f"{number:.4g}"


def _described(name: str) -> str:
    text, unit = MEASURES.get(name) or described(name) or (name, "")
    return f"{text}, {unit}" if unit else text
