"""Figures of an estimate: the fit of moments, what an estimate hangs on, the criterion along each parameter, and the
posterior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import MaxNLocator

from deepham.presentation.figures import BLUE, GREY, ORANGE, Figure

if TYPE_CHECKING:
    import pandas

SURE = 1.96  # standard errors either side: 95 percent
RISE = SURE**2  # of the criterion at the ends of that interval


def fit(gaps: np.ndarray, labels: Sequence[str], test: str) -> Figure:
    """Data less model by moment, in standard errors, with the band in which 95 of 100 would be."""
    figure = Figure(figsize=(6.4, 1.2 + 0.32 * len(gaps)), layout="constrained")
    axes = figure.add_subplot()
    axes.axvspan(-SURE, SURE, color=GREY, alpha=0.15, linewidth=0)
    axes.axvline(0, color="black", linewidth=0.8)
    places = np.arange(len(gaps))[::-1]
    axes.hlines(places, 0, gaps, color=BLUE, linewidth=1)
    axes.plot(gaps, places, "o", color=BLUE)
    axes.set_yticks(places, labels, fontsize=8)
    axes.set_xlabel("data less model, standard errors")
    axes.set_title(test, fontsize=10)
    return figure


def sensitivity(relative: pandas.DataFrame, labels: Sequence[str]) -> Figure:
    """The change of each estimate, in its standard errors, by one standard error of each moment: parameters by moments,
    which go by these labels."""
    values = relative.to_numpy()
    figure = Figure(figsize=(1.6 + 1.1 * len(relative.index), 1.2 + 0.32 * len(relative.columns)), layout="constrained")
    axes = figure.add_subplot()
    top = max(np.nanmax(np.abs(values), initial=0.0), 1e-12)
    picture = axes.imshow(values.T, cmap="RdBu_r", vmin=-top, vmax=top, aspect="auto")
    for (row, column), value in np.ndenumerate(values.T):
        if np.isfinite(value):
            dark = abs(value) > 0.6 * top
            axes.text(
                column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color="white" if dark else "black"
            )
    axes.set_xticks(range(len(relative.index)), list(relative.index))
    axes.set_yticks(range(len(relative.columns)), labels, fontsize=8)
    figure.colorbar(picture, ax=axes, label="change, s.e.")
    return figure


def profiles(lines: Mapping[str, pandas.DataFrame], estimates: pandas.Series) -> Figure:
    """The criterion along each parameter, and where it has risen by as much as at the ends of a 95 % interval."""
    names = list(lines)
    columns = min(len(names), 3)
    figure = Figure(figsize=(3.4 * columns, 2.8 * -(-len(names) // columns)), layout="constrained")
    every = figure.subplots(-(-len(names) // columns), columns, squeeze=False).ravel()
    for axes, name in zip(every, names):
        line = lines[name]
        axes.plot(line["value"], line["criterion"], color=BLUE)
        axes.axhline(RISE, color=GREY, linestyle="--", linewidth=0.8)
        axes.axvline(estimates[name], color=ORANGE, linewidth=1)
        axes.set(xlabel=name, ylim=(0, 4 * RISE))
    for axes in every[len(names) :]:
        axes.set_visible(False)
    every[0].set_ylabel("criterion above its least")
    return figure


def corner(draws: pandas.DataFrame, estimates: pandas.Series) -> Figure:
    """Draws of the posterior: how often each parameter is where, on the diagonal, and each pair of them below."""
    names = list(draws.columns)
    figure = Figure(figsize=(2.4 * len(names) + 0.6, 2.4 * len(names) + 0.6), layout="constrained")
    every = figure.subplots(len(names), len(names), squeeze=False, sharex="col")
    for (row, column), axes in np.ndenumerate(every):
        down, across = names[row], names[column]
        if column > row:
            axes.set_visible(False)
        elif column == row:
            axes.hist(draws[across], bins=40, color=BLUE)
            axes.axvline(estimates[across], color=ORANGE, linewidth=1)
            axes.set_yticks([])
        else:
            axes.hist2d(draws[across], draws[down], bins=25, cmap="Blues")
            axes.plot(estimates[across], estimates[down], "o", color=ORANGE, markersize=4)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set(xlabel=across if row == len(names) - 1 else "", ylabel=down if column == 0 and row else "")
    return figure
