"""Growth as a figure."""

from __future__ import annotations

from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.growth import AXES
from deepham.figures import BLUE, GREY, ORANGE, Figure


def growth(measured: dict) -> Figure:
    """Milliseconds of one update against each size, on logarithmic axes, with exponents; and seconds of the grid
    solution.

    Args:
        measured: what `measure_growth` returns.
    """
    rows, exponents = measured["rows"], measured["exponents"]
    names = [name for name in AXES if not name.startswith("shocks")]
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    panels = figure.subplots(2, 3).flatten()
    for axes, name in zip(panels, names):
        _line(axes, rows, name, "seconds", 1e3, BLUE, _power("update", "n", exponents.get(name)))
        axes.set(xlabel=AXES[name].label, ylabel="ms an update")
    update, grid = panels[len(names) :]
    for name, color, label in (("shocks", ORANGE, "full quadrature"), ("shocks_directions", BLUE, "random directions")):
        _line(update, rows, name, "seconds", 1e3, color, _power(label, "d", exponents.get(name)))
    update.set(xlabel="aggregate shocks d", ylabel="ms an update")
    for key, name, color, label in (
        ("seconds", "grid", GREY, "solution"),
        ("step_seconds", "grid_step", ORANGE, "one step"),
    ):
        _line(grid, rows, "grid", key, 1, color, _power(label, "S", exponents.get(name)))
    grid.set(xlabel="aggregate shocks d ($S = 5^d$ states)", ylabel="s, grid method")
    for axes in panels:
        if axes is not grid:  # whose decades are many
            axes.yaxis.set_major_locator(LogLocator(10, (1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_minor_formatter(NullFormatter())
        axes.grid(which="major", color="0.9", linewidth=0.6)
        axes.legend(frameon=False, fontsize=9)
    return figure


def _power(label: str, size: str, exponent: float | None) -> str:
    return label if exponent is None else f"{label}, ${size}^{{{exponent:.2f}}}$"


def _line(axes, rows: list[dict], name: str, key: str, unit: float, color: str, label: str) -> None:
    points = [(row["size"], unit * row[key]) for row in rows if row["axis"] == name and row[key] is not None]
    sizes, values = zip(*points)
    axes.loglog(sizes, values, "o-", color=color, markersize=4, label=label)
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
