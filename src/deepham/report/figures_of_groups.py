"""Figures of groups of households: over the life, by type, and how each responds."""

from __future__ import annotations

import numpy as np

from deepham.economics.economy import Economy, Groups
from deepham.presentation.figures import (
    Figure,
    colors,
    count_periods,
    density,
    density_top,
    frame_density,
    highest_inside,
    legend_below,
)
from deepham.presentation.figures_irf import impulse_responses
from deepham.presentation.figures_solved import by_state, in_panels, lines
from deepham.report.study import Study
from deepham.solution.solved import SolvedEconomy

PANELS = {  # of a profile: title and unit
    "assets": ("Mean assets", "goods"),
    "assets_sd": ("Standard deviation of assets", "goods"),
    "consumption": ("Mean consumption", "goods"),
    "consumption_sd": ("Standard deviation of consumption", "goods"),
    "euler": ("Euler error, mean", "percent of consumption"),
    "cost": ("What fluctuations cost", "percent of consumption"),
}


def life_figure(economy: Economy, profiles: dict[str, dict[str, np.ndarray]]) -> Figure:
    """Profiles by age, label -> name -> (ages,): a panel each, a line a solution."""
    names = [name for name in PANELS if any(name in each for each in profiles.values())]
    figure, panels = in_panels(len(names), 3, (4.2, 2.7))
    for axes, name in zip(panels, names):
        for (label, each), (color, style) in zip(profiles.items(), lines(list(profiles))):
            if name in each:
                ages = economy.youngest + np.arange(len(each[name]))
                axes.plot(ages, each[name], color=color, linestyle=style, linewidth=1.2, label=label)
        title, unit = PANELS[name]
        axes.set(title=title, ylabel=unit, xlabel=f"age, {economy.period}s")
        if name == "euler":
            axes.set_yscale("log")
        if name == "cost":
            axes.axhline(0, color="black", linewidth=0.6)
        count_periods(axes)
    legend_below(figure, others=panels[0].get_legend_handles_labels()[0])
    return figure


def density_figure(solved: SolvedEconomy, groups: Groups) -> Figure:
    """The density of wealth within each group."""
    economy, grid = solved.economy, solved.grid.cpu().numpy()
    mass = groups.members().cpu().numpy() @ by_state(solved)
    nodes, per_good, at_limit = density(economy, grid, mass / mass.sum(1, keepdims=True))
    figure, (axes,) = in_panels(1, 1, (7, 4.2))
    for name, each, share, color in zip(groups.names, per_good, at_limit, colors(len(groups.names))):
        axes.plot(nodes, each, color=color, linewidth=1.2, label=f"{name}; at the limit: {100 * share:.1f} %")
    top, beyond = density_top(economy, grid, mass.sum(0))
    frame_density(axes, economy, top, highest_inside(economy, nodes, top, per_good), 0.0)
    axes.set_title(f"Wealth within each group{beyond}")
    legend_below(figure, others=axes.get_legend_handles_labels()[0])
    return figure


def group_responses(studies: list[Study], names: tuple[str, ...]) -> Figure:
    """Responses of the consumption of each group, by the names of the series."""
    found = {study.label: study.recession for study in studies if study.recession is not None}
    drawn = [line for study, line in zip(studies, lines([each.label for each in studies])) if study.label in found]
    return impulse_responses(found, names, drawn)
