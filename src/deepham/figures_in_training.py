"""How a run looks while it trains: the simulated households and the policy, with the grid solution where there is one.

Drawn from one panel, whose cross-sections and shocks are not the grid solution's: it shows how far training is, and the
figures at the end of a run show how good it is. Colour: individual state; black, dashed: grid.
"""

from __future__ import annotations

from itertools import cycle

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from deepham import states
from deepham.economics.economy import Economy
from deepham.figures import BLUE, GREEN, ORANGE, asset_label
from deepham.figures_against_grid import GRID_STYLE
from deepham.reference.solve import Reference
from deepham.simulation.household import Policy, observe
from deepham.simulation.population import Population, quantile
from deepham.simulation.rollout import Panel

MOST_BINS, LEAST_BINS, POINTS = 60, 12, 150
WIDTH, HEIGHT = 5.5, 3.2  # inches of a panel: TensorBoard's cards are narrow, and panels stand above each other
SHOWN_SHARE = 1e-4  # of households, down to which the upper tail is shown
COLORS = (ORANGE, BLUE, GREEN)


def figures_in_training(
    economy: Economy, policy: Policy, panel: Panel, reference: Reference | None
) -> dict[str, Figure]:
    """Every figure of this file, by name. Everything on the CPU, in one precision."""
    everybody = _pooled(panel.population)
    return {"wealth": wealth_in_panel(economy, everybody, reference),
            "policy": policy_in_panel(economy, policy, everybody, panel.z, reference)}


def wealth_in_panel(economy: Economy, everybody: Population, reference: Reference | None) -> Figure:
    """Density of wealth by individual state, and the share of households above each level; everybody: (1, N)."""
    k, weight = everybody.k[0].numpy(), everybody.weight[0].numpy()
    top = float(quantile(everybody.k[0], everybody.weight[0], [0.998]))
    top = max(top, economy.borrowing_limit + 1e-6)
    figure = Figure(figsize=(WIDTH, 2 * HEIGHT), layout="constrained")
    density, tail = figure.subplots(2, 1)
    names = economy.names_of(economy.individual_shock, economy.chain.n_eps)
    for state, color in zip(range(len(names)), cycle(COLORS)):
        here = (everybody.eps[0] == state).numpy()
        bins = int(np.clip(1.5 * here.sum() ** 0.5, LEAST_BINS, MOST_BINS))  # few households fill few bins
        mass, edges = np.histogram(k[here], bins, (economy.borrowing_limit, top), weights=weight[here])
        density.stairs(mass / max(weight[here].sum(), 1e-12) / np.diff(edges), edges, color=color, label=names[state])
    tails = [_above(k, weight)]
    tail.semilogy(*tails[0], color=BLUE, label="simulated households")
    title = _moments(k, weight)
    if reference is not None:
        nodes = reference.nodes.numpy()
        by_state = reference.start.weight.reshape(len(names), -1).numpy()
        for state, mass in enumerate(by_state):
            density.plot(nodes, mass / mass.sum() / np.gradient(nodes), **GRID_STYLE, label="grid" if state == 0 else None)
        tails.append(_above(nodes, by_state.sum(0)))
        tail.semilogy(*tails[1], **GRID_STYLE, label="grid")
        title += f"; grid: {_moments(nodes, by_state.sum(0))}"
    density.set(xlim=(economy.borrowing_limit, top), xlabel=asset_label(economy), ylabel="density, per good")
    density.set_title(title, fontsize=10)
    farthest = max(float(x[above >= SHOWN_SHARE][-1]) for x, above in tails)
    tail.set(xlim=(economy.borrowing_limit, farthest), ylim=(SHOWN_SHARE, 1.2), xlabel=asset_label(economy),
             ylabel="share of households above")
    tail.set_title("Upper tail", fontsize=10)
    for axes in (density, tail):
        axes.legend(frameon=False, fontsize=8)
    return figure


@torch.no_grad()
def policy_in_panel(
    economy: Economy, policy: Policy, everybody: Population, z: Tensor, reference: Reference | None
) -> Figure:
    """Consumption by wealth and state, and its distance to the grid's, for households beside `everybody` (1, N), in every state of
    a chain or at the mean of z (B, d).
    """
    top = float(quantile(everybody.k[0], everybody.weight[0], [0.998]))
    k = torch.linspace(economy.borrowing_limit, top, POINTS + 1, dtype=everybody.k.dtype)[None, 1:]
    rows = 1 if reference is None else 2
    figure = Figure(figsize=(WIDTH, rows * HEIGHT), layout="constrained")
    level, *gap = figure.subplots(rows, 1, squeeze=False)[:, 0]
    eps_names = economy.names_of(economy.individual_shock, economy.chain.n_eps)
    shown = torch.arange(economy.chain.n_z) if economy.chain.finite else z.mean(0, keepdim=True)
    for (z_name, _, z_here), style in zip(states.labelled(economy, shown), cycle(("-", ":"))):
        for eps, color in zip(range(len(eps_names)), cycle(COLORS)):
            seen = observe(economy, everybody, z_here, k=k, eps=torch.full(k.shape, eps))
            ours = policy(seen)[0]
            label = f"{eps_names[eps]}, {z_name}"
            level.plot(k[0], ours, linestyle=style, color=color, label=label)
            if reference is not None:
                grid = reference.policy(seen)[0]
                level.plot(k[0], grid, **GRID_STYLE | {"linewidth": 0.7})
                gap[0].plot(k[0], 100 * (ours / grid - 1), linestyle=style, color=color, label=label)
    level.set(xlabel=asset_label(economy), ylabel=f"consumption, goods per {economy.period}")
    level.set_title("Policy beside all simulated households", fontsize=10)
    level.legend(frameon=False, fontsize=8)
    for axes in gap:
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set(xlabel=asset_label(economy), ylabel="percent", ylim=_around_zero(axes))
        axes.set_title("Consumption, distance to the grid's", fontsize=10)
    return figure


def _pooled(population: Population) -> Population:
    """All households in one cross-section, (1, B N)."""
    return Population(*(x.reshape(1, -1) for x in (population.k, population.eps, population.weight / len(population.k))))


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
