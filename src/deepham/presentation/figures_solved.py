"""Solved economies as figures, one or several laid over each other: who holds how much, what households do, and where
the errors are. One line style an economy, one colour an individual state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from torch import Tensor

from deepham.algorithm.by_wealth import WealthBin
from deepham.economics.economy import Economy
from deepham.presentation.figures import (
    BLUE,
    GREY,
    ORANGE,
    Figure,
    asset_label,
    density,
    density_top,
    frame_density,
    highest_inside,
    legend_below,
    of_each_state,
    shown_states,
)
from deepham.presentation.figures_irf import GRID_LINE, LINES
from deepham.presentation.labels import labelled
from deepham.simulation.population import Population, gini, has_mean, lorenz

GRID = "grid"  # what a conventional solution is called: its lines are always the same


class Solved(Protocol):
    """What is asked of a solved economy; see SolvedEconomy."""

    economy: Economy
    grid: Tensor

    @property
    def z(self) -> Tensor: ...
    @property
    def pooled(self) -> Population: ...
    def consumption(self, *, population=None, **household) -> np.ndarray: ...
    def resources(self, *, population=None, **household) -> np.ndarray: ...
    def choices(self, *, population=None, **household) -> dict[str, np.ndarray]: ...


class Layer(NamedTuple):
    """A solved economy in a figure: what it is called, and the colour and dashes of its lines."""

    label: str
    solved: Solved
    color: Any
    style: Any


def layers(solved: Mapping[str, Solved]) -> list[Layer]:
    """By label, in this order."""
    return [Layer(label, one, *line) for (label, one), line in zip(solved.items(), lines(solved))]


def lines(labels: Iterable[str]) -> list[tuple]:
    """Colour and dashes of each."""
    others = iter(LINES)
    return [GRID_LINE if label == GRID else next(others) for label in labels]


def in_panels(number: int, columns: int, size: tuple[float, float]) -> tuple[Figure, np.ndarray]:
    """A figure of so many panels, each of this size, inches."""
    rows, columns = -(-number // columns), min(number, columns)
    figure = Figure(figsize=(size[0] * columns, size[1] * rows + 0.3), layout="constrained")
    every = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes in every[number:]:
        axes.set_visible(False)
    return figure, every[:number]


def by_state(solved: Solved) -> np.ndarray:
    """Masses (n_eps, G), averaged over the aggregate states."""
    return solved.pooled.weight.reshape(solved.economy.chain.n_eps, -1).cpu().numpy()


def styles(shown: list[Layer]) -> list[tuple[str, Any]]:
    """Names and dashes of the economies, where there are several."""
    return [(layer.label, layer.style) for layer in shown] if len(shown) > 1 else []


def of_state(shown: list[Layer], layer: Layer, state: str) -> str:
    """What the line of an individual state is called."""
    return state if len(shown) == 1 else f"{layer.label}, {state}"


# -- the distribution of wealth ------------------------------------------------------------------------------------


def density_panel(axes, shown: list[Layer]) -> list[Artist | None]:
    """Density of wealth by individual state; what a legend says of those at the limit, and of debtors."""
    economy, at_limit = shown[0].solved.economy, {}
    states, drawn = shown_states(economy), []
    for layer in shown:
        grid, mass = layer.solved.grid.cpu().numpy(), by_state(layer.solved)
        nodes, per_good, _ = density(economy, grid, of_each_state(mass))
        for each in states:
            axes.plot(
                nodes,
                per_good[each.eps],
                linestyle=layer.style,
                color=each.color,
                linewidth=1.2,
                label=of_state(shown, layer, each.name),
            )
        at_limit[layer.label] = float(density(economy, grid, mass.sum(0))[2])
        drawn.append((grid, mass.sum(0), nodes, per_good[[each.eps for each in states]]))
    grid, mass, nodes, per_good = drawn[0]
    top, beyond = density_top(economy, grid, mass)
    highest = highest_inside(economy, nodes, top, per_good)
    bar = frame_density(axes, economy, top, highest, at_limit[shown[0].label], limit_label(at_limit))
    axes.set_title(f"Wealth by individual state{beyond}")
    return [bar, _debtors(axes, shown)]


def _debtors(axes, shown: list[Layer]) -> Line2D | None:
    """A line where debts end, and its entry in a legend, of an economy in which one may borrow."""
    if shown[0].solved.economy.borrowing_limit >= 0:
        return None
    share = {one.label: 100 * float(((one.solved.pooled.k < 0) * one.solved.pooled.weight).sum()) for one in shown}
    axes.axvline(0, color="black", linewidth=0.8, linestyle=":")
    told = ", ".join(f"{label} {value:.1f} %" if len(share) > 1 else f"{value:.1f} %" for label, value in share.items())
    return Line2D(
        [], [], color="black", linewidth=0.8, linestyle=":", label=f"no wealth; in debt: {told} of households"
    )


def limit_label(shares: dict[str, float]) -> str:
    """Of the bar of those at the borrowing limit."""
    if len(shares) == 1:
        return ""
    return "at the limit: " + ", ".join(f"{label} {100 * share:.1f} %" for label, share in shares.items())


def tail_panel(axes, shown: list[Layer]) -> None:
    """The share of households above each level of wealth."""
    for layer in shown:
        grid, above = layer.solved.grid.cpu().numpy(), 1 - by_state(layer.solved).sum(0).cumsum()
        seen = above > 1e-6
        axes.semilogy(grid[seen], above[seen], color=layer.color, linestyle=layer.style, label=layer.label)
    axes.set(xlabel=asset_label(shown[0].solved.economy), ylabel="share of households above", title="Upper tail")


def lorenz_panel(axes, shown: list[Layer]) -> None:
    """Lorenz curves of wealth, with their Gini coefficients; where debts and wealth cancel, so that there is nothing to
    have a share of, what the poorest hold together in goods a head."""
    axes.set(xlabel="households from the poorest, percent", xlim=(0, 100))
    if all(has_mean(layer.solved.pooled) for layer in shown):
        _lorenz_curves(axes, shown)
    else:
        for layer in shown:
            people = layer.solved.pooled
            order = people.k[0].argsort(stable=True)
            mass, held = people.weight[0][order], (people.weight * people.k)[0][order]
            households, wealth = 100 * mass.cumsum(0).cpu().numpy(), held.cumsum(0).cpu().numpy()
            axes.plot(households, wealth, color=layer.color, linestyle=layer.style, label=layer.label)
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.set(ylabel="held together, goods a head", title="Wealth from the poorest on")
    axes.legend(frameon=False, fontsize=8)


def _lorenz_curves(axes, shown: list[Layer]) -> None:
    for layer in shown:
        people = layer.solved.pooled
        households, held = (100 * x[0].cpu().numpy() for x in lorenz(people.k, people.weight))
        label = f"{layer.label}, Gini {float(gini(people.k, people.weight)):.3f}"
        axes.plot(households, held, color=layer.color, linestyle=layer.style, label=label)
    axes.plot([0, 100], [0, 100], color=GREY, linewidth=0.6)
    axes.set(ylabel="share of wealth, percent", title="Lorenz curve")


def distribution_figure(shown: list[Layer]) -> Figure:
    """Density by individual state, and the upper tail; averages over the aggregate states."""
    figure, (dense, tail) = in_panels(2, 2, (4.8, 4.1))
    below = density_panel(dense, shown)
    tail_panel(tail, shown)
    legend_below(figure, shown[0].solved.economy, styles(shown), below)
    return figure


def lorenz_figure(shown: list[Layer]) -> Figure:
    """The Lorenz curves of wealth."""
    figure, (axes,) = in_panels(1, 1, (4.8, 4.1))
    lorenz_panel(axes, shown)
    return figure


# -- what households do --------------------------------------------------------------------------------------------


def policies_figure(shown: list[Layer], cell: int = -1) -> Figure:
    """Consumption, saving, the marginal propensity to consume and what else households choose, such as hours, by wealth
    and individual state, in one of the aggregate states that cross-sections are told apart by, the last by default.
    """
    first = shown[0].solved
    economy = first.economy
    z_name, z, _ = labelled(economy, first.z)[cell]
    top = first.grid.cpu().numpy()[np.searchsorted(by_state(first).sum(0).cumsum(), 0.998)]
    k = economy.borrowing_limit + (top - economy.borrowing_limit) * np.linspace(0, 1, 400)[1:] ** 2
    number = 3 + len(economy.within)
    figure, panels = in_panels(number, 2 if number == 4 else 3, (4.3, 4.1))  # 4 in two rows
    level, saved, mpc, *others = panels
    for layer in shown:
        for eps, name, color in shown_states(economy):
            states = {economy.asset: k, economy.individual_shock: eps, economy.aggregate_shock: z}
            chosen, m = layer.solved.choices(**states), layer.solved.resources(**states)
            line = {
                "color": color,
                "linestyle": layer.style,
                "linewidth": 1.2,
                "label": of_state(shown, layer, name),
            }
            level.plot(k, chosen["c"], **line)
            saved.plot(k, chosen[f"{economy.asset}_next"] - k, **line)
            mpc.semilogy((k[1:] + k[:-1]) / 2, np.diff(chosen["c"]) / np.diff(m), **line)
            for axes, choice in zip(others, economy.within):
                axes.plot(k, chosen[choice], **line)
    saved.axhline(0, color="black", linewidth=0.6)
    where = "at rest" if economy.chain.constant else z_name
    level.set(xlabel=asset_label(economy), ylabel=f"goods per {economy.period}", title=f"Consumption, {where}")
    change = f"Change of wealth, {economy.asset}' - {economy.asset}"
    saved.set(xlabel=asset_label(economy), ylabel=f"goods per {economy.period}", title=change)
    mpc.set(xlabel=asset_label(economy), ylabel="per good of resources", title="Marginal propensity to consume")
    for axes, (choice, domain) in zip(others, economy.within.items()):
        axes.set(xlabel=asset_label(economy), ylabel=domain.unit, title=f"{domain.meaning.capitalize()}, {choice}")
    legend_below(figure, economy, styles(shown))
    return figure


# -- where the errors are ------------------------------------------------------------------------------------------


def errors_figure(bins: Mapping[str, list[WealthBin]]) -> Figure:
    """Mean Euler and Bellman errors by wealth, by label; of the first also their signed means (hollow: negative)."""
    names = [f"{100 * each.low:g}-{100 * each.high:g}" for each in next(iter(bins.values()))]
    figure = Figure(figsize=(13, 4.1), layout="constrained")
    shown = (("euler", "Euler error", "percent of consumption"), ("bellman", "Bellman error of the policy", "utils"))
    both = figure.subplots(1, 2)
    for axes, (name, title, unit) in zip(both, shown):
        x = np.arange(len(names))
        for place, ((label, some), (color, style)) in enumerate(zip(bins.items(), lines(bins))):
            called = ", ".join(part for part in (label, "mean of the size") if part)
            axes.plot(
                x,
                [getattr(each, name) for each in some],
                color=color if place else BLUE,
                linestyle=style if place else "-",
                marker="." if place else "o",
                label=called,
            )
            if not place:
                signed = [getattr(each, f"{name}_signed") for each in some]
                axes.scatter(
                    x,
                    np.abs(signed),
                    marker="s",
                    s=36,
                    edgecolors=ORANGE,
                    zorder=3,
                    facecolors=[ORANGE if value > 0 else "white" for value in signed],
                    label="size of the signed mean (hollow: negative)",
                )
        axes.set(yscale="log", xlabel="wealth, percent of households from the poorest", ylabel=unit, title=title)
        axes.set_xticks(x, names)
    legend_below(figure, others=both[0].get_legend_handles_labels()[0])
    return figure
