"""A solution against the grid solution on the same shocks, as pictures. Blue: deep learning; black, dashed: grid."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.lines import Line2D

from deepham.algorithm.by_wealth import errors_by_wealth
from deepham.algorithm.ergodic import Ergodic
from deepham.economics.economy import Economy
from deepham.presentation.figures import (
    BLUE,
    ORANGE,
    Figure,
    asset_label,
    count_periods,
    density_top,
    frame_density,
    highest_inside,
    legend_below,
    of_each_state,
    shown_aggregate_states,
    shown_states,
)
from deepham.presentation.figures import density as density_of
from deepham.presentation.figures_solved import errors_figure
from deepham.reference.grid_solution import GridSolution
from deepham.simulation.period import Panel, World
from deepham.simulation.population import quantile
from deepham.solution.solution import Solution

GRID_STYLE = {"color": "black", "linestyle": "--", "linewidth": 1.2}
Z_STYLES = ("-", ":", "-.")  # of aggregate states: dashed is the grid
SHOWN_QUANTILES = np.linspace(0.001, 0.999, 999)
LAST_PERIODS = 400  # of the path of capital that are drawn


def figures_against_grid(
    solution: Solution, reference: GridSolution, candidate: Ergodic, grid_path: Ergodic
) -> dict[str, Figure]:
    """Every figure of this file, by name. candidate, grid_path: paths of solution and reference on the same shocks."""
    economy = solution.economy
    bins = errors_by_wealth(solution.world, candidate.dates)
    grid = errors_by_wealth(reference.world, grid_path.dates)
    return {
        "wealth": wealth_against_grid(economy, candidate, grid_path),
        "policy": policy_against_grid(solution.world, reference, grid_path),
        "capital": capital_against_grid(economy, candidate, grid_path),
        "errors": errors_figure({"deep learning": bins, "grid": grid}),
    }


def wealth_against_grid(economy: Economy, candidate: Ergodic, grid_path: Ergodic) -> Figure:
    """Density by individual state, the upper tail in logs, and quantile against quantile, averaged over time."""
    nodes = grid_path.grid.numpy()
    ours, grid = _by_state(candidate, economy.chain.n_eps), _by_state(grid_path, economy.chain.n_eps)
    top, beyond = density_top(economy, nodes, grid.sum(0))
    figure = Figure(figsize=(13, 4.1), layout="constrained")
    density, tail, quantiles = figure.subplots(1, 3)
    shown = shown_states(economy)
    some = [each.eps for each in shown]
    both = [density_of(economy, nodes, of_each_state(mass)) for mass in (ours, grid)]
    above, per_good = both[0][0], [each[1][some] for each in both]
    for (_, name, color), mine, other in zip(shown, *per_good):
        density.plot(above, mine, color=color, label=name)
        density.plot(above, other, **GRID_STYLE)
    at_limit = [float(density_of(economy, nodes, mass.sum(0))[2]) for mass in (ours, grid)]
    label = "at the limit: {:.1f} % of households, grid {:.1f} %".format(*(100 * share for share in at_limit))
    bar = frame_density(density, economy, top, highest_inside(economy, above, top, *per_good), at_limit[0], label)
    density.set_title(f"Wealth by state{beyond}")
    for mass, style, label in ((ours, {"color": BLUE}, "deep learning"), (grid, GRID_STYLE, "grid")):
        above = 1 - mass.sum(0).cumsum()
        tail.semilogy(nodes[above > 1e-6], above[above > 1e-6], **style, label=label)
    tail.set(xlabel=asset_label(economy), ylabel="share of households above", title="Upper tail")
    at_ours, at_grid = (
        quantile(grid_path.grid, torch.as_tensor(mass.sum(0)), SHOWN_QUANTILES, atom=float(nodes[0])).numpy()
        for mass in (ours, grid)
    )
    quantiles.plot(at_grid, at_ours, color=BLUE, label="0.1 % to 99.9 %")
    quantiles.plot(at_grid, at_grid, **GRID_STYLE, label="equal")
    quantiles.set(xlabel=f"grid, {asset_label(economy)}", ylabel="deep learning", title="Quantile against quantile")
    for axes in (tail, quantiles):
        axes.legend(frameon=False)
    legend_below(figure, economy, others=[_grid_entry(), bar])
    return figure


def capital_against_grid(economy: Economy, candidate: Ergodic, grid_path: Ergodic) -> Figure:
    """The end of the path of capital on the same shocks, and the gap over all of it beneath."""
    figure = Figure(figsize=(9, 5), layout="constrained")
    path, gap = figure.subplots(2, 1, height_ratios=(2, 1))
    periods = np.arange(candidate.K.shape[1])
    end = slice(-LAST_PERIODS, None)
    path.plot(periods[end], candidate.K[0, end].numpy(), color=BLUE, label="deep learning")
    path.plot(periods[end], grid_path.K[0, end].numpy(), **GRID_STYLE, label="grid")
    described, unit = economy.variables.get(economy.tracked, ("mean assets", "goods"))
    followed = described.split(",")[0]
    path.set(
        xlabel=f"{economy.period} after burn-in",
        ylabel=f"{followed} {economy.tracked}, {unit}",
        title=f"{followed.capitalize()} on the same shocks: the last {len(periods[end])} {economy.period}s",
    )
    for axes in (path, gap):
        count_periods(axes)
    legend_below(figure, others=path.get_legend_handles_labels()[0])
    gap.plot(periods, 100 * (candidate.K / grid_path.K).log()[0].numpy(), color=ORANGE, linewidth=0.6)
    gap.axhline(0, color="black", linewidth=0.6)
    gap.axvspan(float(periods[end][0]), float(periods[-1]), color="0.92", zorder=0)  # what is drawn above
    gap.set(xlabel=f"{economy.period} after burn-in", ylabel="gap, percent", title="The gap on the whole path")
    return figure


@torch.no_grad()
def policy_against_grid(world: World, reference: GridSolution, grid_path: Ergodic) -> Figure:
    """Consumption, its relative distance to the grid's, and the marginal propensity to consume, by wealth and state."""
    economy, nodes = world.economy, grid_path.grid
    pooled = (grid_path.share_z[:, None].to(nodes) * grid_path.mean_mass).sum(0).reshape(economy.chain.n_eps, -1).sum(0)
    top = nodes[int(torch.searchsorted(pooled.cumsum(0), 0.999))]
    k = torch.linspace(float(nodes[0]), float(top), 400, dtype=nodes.dtype)[1:][None]
    figure = Figure(figsize=(13, 4.1), layout="constrained")
    level, gap, mpc = figure.subplots(1, 3)
    aggregate_states = shown_aggregate_states(economy, grid_path.mean_z, Z_STYLES)
    for cell, z_name, z, style in aggregate_states:
        population = _mean_population(grid_path, cell)
        for eps, name, color in shown_states(economy):
            seen = world.observe(Panel(population, z), k, torch.full(k.shape, eps))
            ours, grid = world.choose(seen)["c"][0], reference.policy_function(seen)[0]
            label = f"{name}, {z_name}"
            level.plot(k[0], ours, style, color=color, label=label)
            level.plot(k[0], grid, **GRID_STYLE | {"linewidth": 0.7})
            gap.plot(k[0], 100 * (ours / grid - 1), style, color=color, label=label)
            cash = seen.resources[0]
            middle = (k[0, 1:] + k[0, :-1]) / 2
            mpc.plot(middle, ours.diff() / cash.diff(), style, color=color, label=label)
            mpc.plot(middle, grid.diff() / cash.diff(), **GRID_STYLE | {"linewidth": 0.7})
    level.set(xlabel=asset_label(economy), ylabel=f"consumption, goods per {economy.period}", title="Policy")
    gap.set(xlabel=asset_label(economy), ylabel="percent", title="Consumption, distance to the grid's", ylim=(-1, 1))
    mpc.set(
        xlabel=asset_label(economy),
        ylabel="per good of resources",
        title="Marginal propensity to consume",
        yscale="log",
    )
    legend_below(figure, economy, [(name, style) for _, name, _, style in aggregate_states], [_grid_entry()])
    return figure


def _grid_entry() -> Line2D:
    """Of a legend."""
    return Line2D([], [], **GRID_STYLE, label="grid")


def _mean_population(ergodic: Ergodic, z: int):
    """The average cross-section in periods with the z-th aggregate state that is told apart, one economy."""
    population = ergodic.dates.population.select(slice(0, 1))
    return type(population)(population.k, population.eps, ergodic.mean_mass[z : z + 1])


def _by_state(ergodic: Ergodic, n_eps: int) -> np.ndarray:
    """Time-averaged masses (n_eps, G)."""
    weight = (ergodic.share_z[:, None].to(ergodic.mean_mass) * ergodic.mean_mass).sum(0)
    return weight.reshape(n_eps, -1).numpy()
