"""Growth as a figure."""

from __future__ import annotations

from matplotlib.figure import Figure

from deepham.benchmark.growth import AXES
from deepham.figures import BLUE, GREY, ORANGE


def growth(measured: dict) -> Figure:
    """Seconds of one update against each size, on logarithmic axes, with exponents; and the grid solution's against d.

    Args:
        measured: what `measure_growth` returns.
    """
    rows, exponents = measured["rows"], measured["exponents"]
    names = [name for name in AXES if not name.startswith("shocks")]
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    panels = figure.subplots(2, 3).flatten()
    for axes, name in zip(panels, names):
        _line(axes, rows, name, "seconds", BLUE, f"size^{exponents[name]:.2f}" if name in exponents else None)
        axes.set(xlabel=AXES[name].label, ylabel="seconds an update")
    update, grid = panels[len(names):]
    for name, color, label in (("shocks", ORANGE, "full quadrature"), ("shocks_directions", BLUE, "random directions")):
        power = f", d^{exponents[name]:.2f}" if name in exponents else ""
        _line(update, rows, name, "seconds", color, label + power)
    update.set(xlabel="aggregate shocks d", ylabel="seconds an update")
    for key, name, color, label in (("seconds", "grid", GREY, "solution"), ("step_seconds", "grid_step", ORANGE, "one step")):
        power = f", states^{exponents[name]:.2f}" if name in exponents else ""
        _line(grid, rows, "grid", key, color, label + power)
    grid.set(xlabel="aggregate shocks d (5^d states)", ylabel="seconds, grid method", xscale="linear")
    grid.set_xticks([row["size"] for row in rows if row["axis"] == "grid"])
    for axes in panels:
        axes.grid(which="major", color="0.9", linewidth=0.6)
        axes.legend(frameon=False, fontsize=9)
    return figure


def _line(axes, rows: list[dict], name: str, key: str, color: str, label: str | None) -> None:
    points = [(row["size"], row[key]) for row in rows if row["axis"] == name and row[key] is not None]
    axes.loglog(*zip(*points), "o-", color=color, markersize=4, label=label)
