"""A sweep as a figure: a measure against the setting that varies."""

from __future__ import annotations

import textwrap
from itertools import cycle

import numpy as np

from deepham.algorithm.business_cycle import described
from deepham.measures.verdict import JUDGED, MEASURES
from deepham.presentation.figures import BLUE, GREEN, GREY, ORANGE, Figure
from deepham.runs.by_setting import UNKNOWN, SweepRun, as_number, by_setting, order, varying

MOST_LINES = 8  # that a reader tells apart
STYLES = tuple((color, style) for style in ("-", "--") for color in (BLUE, ORANGE, GREEN, GREY))
# the grid solution, around what should be there
GRID = {"marker": "D", "fillstyle": "none", "markersize": 8, "linewidth": 0}


def sweep_figure(runs: list[SweepRun], measure: str) -> Figure:
    """The measure by the setting that takes most values, one line a combination of the others through the means over
    the seeds, each seed a point, bar and goal drawn in, and of a moment the grid solution's where a run has one. Where
    there are more combinations than can be told apart, as of a random search, a panel a setting with the runs as
    points.

    Args:
        runs: those that are not finished, or lack the measure, are left out.
        measure: one of the verdict's; a signed one is drawn by its size.
    """
    shown = [run for run in runs if np.isfinite((run.measures or {}).get(measure, np.nan))]
    keys = varying(runs) or ["seed"]
    across = max(keys, key=lambda key: (len(_values(runs, key)), -keys.index(key)))
    others = [key for key in keys if key != across]
    lines = by_setting(shown, others)
    panels = [across] if len(lines) <= MOST_LINES else keys
    figure = Figure(figsize=(max(7.0, 4.0 * len(panels)), 3.8), layout="constrained")
    for axes, key in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels):
        if len(lines) <= MOST_LINES:
            for (values, group), (color, style) in zip(lines.items(), cycle(STYLES)):
                label = textwrap.fill(", ".join(map("=".join, zip(others, values))), 44)
                _draw(axes, group, runs, key, measure, color, style, label)
        else:
            _draw(axes, shown, runs, key, measure, BLUE, "", "")
        if any(run.stopped for run in shown):
            axes.plot([], [], "o", color="black", markersize=4, fillstyle="none", label="stopped early")
        _frame(axes, runs, key, measure)
        if _solved(shown, measure):
            axes.plot([], [], color="black", label="grid solution", **GRID)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=8)
    return figure


def _draw(
    axes, group: list[SweepRun], runs: list[SweepRun], key: str, measure: str, color, style: str, label: str
) -> None:
    """One combination of the other settings: its runs, a line through their means, and what the grid says."""
    place = _places(runs, key)
    stopped = [run for run in group if run.stopped]
    axes.plot(
        [place[run.settings.get(key, UNKNOWN)] for run in stopped],
        [abs(run.taken[measure]) for run in stopped],
        "o",
        color=color,
        markersize=4,
        alpha=0.55,
        fillstyle="none",
        linewidth=0,
    )
    points = {
        place[value]: [abs(run.taken[measure]) for run in same]
        for (value,), same in by_setting([run for run in group if run.complete], [key]).items()
    }
    x = [at for at, values in points.items() for _ in values]
    axes.plot(
        x,
        [y for values in points.values() for y in values],
        "o",
        color=color,
        markersize=4,
        alpha=0.55,
        linewidth=0,
        label="" if style else "a run",
    )
    if style:
        means = [np.mean(values) for values in points.values()]
        axes.plot(list(points), means, style, color=color, label=label or "mean over seeds")
    solved = _solved(group, measure)
    at = [place[run.settings.get(key, UNKNOWN)] for run in solved]
    axes.plot(at, [run.grid[measure] for run in solved], color=color, **GRID)


def _solved(runs: list[SweepRun], measure: str) -> list[SweepRun]:
    """Those whose moment the grid solution has, too."""
    return [run for run in runs if measure not in JUDGED and np.isfinite(run.grid.get(measure, np.nan))]


def _frame(axes, runs: list[SweepRun], key: str, measure: str) -> None:
    text, unit = MEASURES.get(measure) or described(measure) or (measure, "")
    held = {run.bars.get(measure, (None, None)) for run in runs if run.measures is not None}
    bar, goal = held.pop() if len(held) == 1 else (None, None)
    for level, name, style in ((bar, "bar", "-"), (goal, "goal", ":")):
        if level is not None:
            axes.axhline(level, color="black", linestyle=style, linewidth=0.9, label=name)
    place = _places(runs, key)
    if all(as_number(value) is not None for value in place):
        if min(place.values()) > 0 and max(place.values()) >= 20 * min(place.values()):
            axes.set_xscale("log")
        elif len(place) <= 8:
            axes.set_xticks(list(place.values()), list(place))
    else:
        axes.set_xticks(list(place.values()), list(place))
    if measure in JUDGED and any(line.get_ydata()[0] > 0 for line in axes.lines if len(line.get_ydata())):
        axes.set_yscale("log")
    meaning = next((run.meanings[key] for run in runs if key in run.meanings), "")
    axes.set(
        xlabel=f"{meaning} ({key.removeprefix('model.')})" if meaning else key,
        ylabel=f"{text}, {unit}" if unit else text,
    )


def _values(runs: list[SweepRun], key: str) -> list[str]:
    return sorted({run.settings.get(key, UNKNOWN) for run in runs}, key=order)


def _places(runs: list[SweepRun], key: str) -> dict[str, float]:
    """Value -> where it stands on the axis: numbers where they are, words beside each other."""
    values = _values(runs, key)
    numbers = [number for number in map(as_number, values) if number is not None]
    return dict(zip(values, numbers if len(numbers) == len(values) else map(float, range(len(values)))))
