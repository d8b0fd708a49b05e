"""How a run looks while it trains: the simulated households and the policy, with the grid solution where there is one.

Drawn from one panel, whose cross-sections and shocks are not the grid solution's: it shows how far training is, and the
figures at the end of a run show how good it is. Colour: individual state; black, dashed: grid.
"""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.lines import Line2D
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.figures import (
    BLUE,
    Figure,
    asset_label,
    frame_density,
    highest_inside,
    legend_below,
    of_each_state,
    shown_aggregate_states,
    shown_states,
)
from deepham.figures import (
    density as density_of,
)
from deepham.figures_against_grid import GRID_STYLE, Z_STYLES
from deepham.reference.grid_solution import GridSolution
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population, quantile

MOST_BINS, LEAST_BINS, POINTS = 60, 12, 150
WIDTH, HEIGHT = 5.5, 3.2  # inches of a panel: TensorBoard's cards are narrow, and panels stand above each other
SHOWN_SHARE = 1e-4  # of households, down to which the upper tail is shown
AT_LIMIT = 1e-5  # of typical assets above the limit, within which a household of a panel stands at it


def figures_in_training(world: World, panel: Panel, reference: GridSolution | None) -> dict[str, Figure]:
    """Every figure of this file, by name. Everything on the CPU, in one precision."""
    everybody = _pooled(panel.population)
    return {
        "wealth": wealth_in_panel(world.economy, everybody, reference),
        "policy": policy_in_panel(world, everybody, panel.z, reference),
    }


def wealth_in_panel(economy: Economy, everybody: Population, reference: GridSolution | None) -> Figure:
    """Density of wealth by individual state, and the share of households above each level; everybody: (1, N)."""
    k, weight = everybody.k[0].numpy(), everybody.weight[0].numpy()
    top = float(quantile(everybody.k[0], everybody.weight[0], [0.998]))
    top = max(top, economy.borrowing_limit + 1e-6)
    figure = Figure(figsize=(WIDTH, 2 * HEIGHT), layout="constrained")
    density, tail = figure.subplots(2, 1)
    constrained = k <= economy.borrowing_limit + AT_LIMIT * economy.scale
    highest, shown = 0.0, shown_states(economy)
    for eps, name, color in shown:
        here = (everybody.eps[0] == eps).numpy()
        inside = here & ~constrained
        bins = int(np.clip(1.5 * here.sum() ** 0.5, LEAST_BINS, MOST_BINS))  # few households fill few bins
        mass, edges = np.histogram(k[inside], bins, (economy.borrowing_limit, top), weights=weight[inside])
        per_good = mass / max(weight[here].sum(), 1e-12) / np.diff(edges)
        density.stairs(per_good, edges, color=color, label=name)
        highest = max(highest, per_good.max())
    tails = [_above(k, weight)]
    tail.semilogy(*tails[0], color=BLUE, label="simulated households")
    title = _moments(k, weight)
    if reference is not None:
        nodes = reference.grid.numpy()
        by_state = reference.start.weight.reshape(economy.chain.n_eps, -1).numpy()
        above, per_good, _ = density_of(economy, nodes, of_each_state(by_state))
        for each in shown:
            density.plot(above, per_good[each.eps], **GRID_STYLE)
        highest = max(highest, highest_inside(economy, above, top, per_good[[each.eps for each in shown]]))
        tails.append(_above(nodes, by_state.sum(0)))
        tail.semilogy(*tails[1], **GRID_STYLE, label="grid")
        title += f"; grid: {_moments(nodes, by_state.sum(0))}"
    bar = frame_density(density, economy, top, highest or 1.0, float(weight[constrained].sum()))
    density.set_title(title, fontsize=10)
    farthest = max(float(x[above >= SHOWN_SHARE][-1]) for x, above in tails)
    tail.set(
        xlim=(economy.borrowing_limit, farthest),
        ylim=(SHOWN_SHARE, 1.2),
        xlabel=asset_label(economy),
        ylabel="share of households above",
    )
    tail.set_title("Upper tail", fontsize=10)
    tail.legend(frameon=False, fontsize=8)
    legend_below(figure, economy, others=[_grid_entry(reference), bar], fontsize=8)
    return figure


@torch.no_grad()
def policy_in_panel(world: World, everybody: Population, z: Tensor, reference: GridSolution | None) -> Figure:
    """Consumption by wealth and state, and its distance to the grid's, for households beside `everybody` (1, N), in
    every state of a chain or at the mean of z (B, d).
    """
    economy, top = world.economy, float(quantile(everybody.k[0], everybody.weight[0], [0.998]))
    k = torch.linspace(economy.borrowing_limit, top, POINTS + 1, dtype=everybody.k.dtype)[None, 1:]
    rows = 1 if reference is None else 2
    figure = Figure(figsize=(WIDTH, rows * HEIGHT), layout="constrained")
    level, *gap = figure.subplots(rows, 1, squeeze=False)[:, 0]
    aggregate_states = shown_aggregate_states(economy, economy.chain.mean_z(z), Z_STYLES)
    for _, z_name, z_here, style in aggregate_states:
        for eps, name, color in shown_states(economy):
            seen = world.observe(Panel(everybody, z_here), k, torch.full(k.shape, eps))
            ours = world.policy(seen)[0]
            label = f"{name}, {z_name}"
            level.plot(k[0], ours, linestyle=style, color=color, label=label)
            if reference is not None:
                grid = reference.policy_function(seen)[0]
                level.plot(k[0], grid, **GRID_STYLE | {"linewidth": 0.7})
                gap[0].plot(k[0], 100 * (ours / grid - 1), linestyle=style, color=color, label=label)
    level.set(xlabel=asset_label(economy), ylabel=f"consumption, goods per {economy.period}")
    level.set_title("Policy beside all simulated households", fontsize=10)
    for axes in gap:
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set(xlabel=asset_label(economy), ylabel="percent", ylim=_around_zero(axes))
        axes.set_title("Consumption, distance to the grid's", fontsize=10)
    styles = [(name, style) for _, name, _, style in aggregate_states]
    legend_below(figure, economy, styles, [_grid_entry(reference)], fontsize=8)
    return figure


def _grid_entry(reference: GridSolution | None) -> Line2D | None:
    """Of a legend, where there is a grid solution."""
    return None if reference is None else Line2D([], [], **GRID_STYLE, label="grid")


def _pooled(population: Population) -> Population:
    """All households in one cross-section, (1, B N)."""
    return Population(
        *(x.reshape(1, -1) for x in (population.k, population.eps, population.weight / len(population.k)))
    )


def _above(k: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wealth in increasing order, and the share of households that have at least as much; few points are enough."""
    order = k.argsort()
    above = 1 - weight[order].cumsum() + weight[order]
    some = np.unique(np.linspace(0, len(k) - 1, 2000).astype(int))
    return k[order][some], above[some].clip(1e-12)


def _moments(k: np.ndarray, weight: np.ndarray) -> str:
    mean = weight @ k
    return f"mean {mean:.4g}, sd {(weight @ (k - mean) ** 2) ** 0.5:.4g}"


def _around_zero(axes) -> tuple[float, float]:
    """A range that holds most of what is drawn, however far the households at the kink are off."""
    sizes = np.concatenate([np.abs(line.get_ydata()) for line in axes.lines])
    size = max(0.1, 1.2 * float(np.nanquantile(sizes, 0.97)))
    return -size, size
