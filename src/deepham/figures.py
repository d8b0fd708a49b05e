"""Figures, drawn without global state: each function returns a matplotlib Figure."""

from __future__ import annotations

import textwrap
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from deepham import states
from deepham.simulation.household import observe

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#555555"  # told apart in print and by colour-blind readers


def save_figures(figures: dict[str, Figure], folder: Path, endings: tuple[str, ...] = ("png", "pdf")) -> None:
    """Each as <name>.png, for screens, and <name>.pdf, for papers."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in figures.items():
        for ending in endings:
            figure.savefig(folder / f"{name}.{ending}", dpi=150)


def asset_histogram(k: Tensor, weight: Tensor, constrained: float, asset: str = "k", bins: int = 60) -> Figure:
    """Histogram of assets with the mass at the borrowing constraint in the title. k, weight: (points,)."""
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.hist(k.numpy(), bins=bins, weights=100 * weight.numpy(), color=BLUE)
    mean = float((weight * k).sum())
    axes.axvline(mean, color=ORANGE, linewidth=1.5, label=f"mean {mean:.4g}")
    axes.set_xlabel(f"assets {asset}, goods")
    axes.set_ylabel("percent of households per bin")
    axes.set_title(f"Distribution of assets; {100 * constrained:.2f} % at the constraint", fontsize=10)
    axes.legend(frameon=False)
    return figure


LINES = ((BLUE, "-"), (ORANGE, "-."), (GREEN, (0, (1, 1.5))))  # of solutions that are laid over each other
GRID_LINE = ("black", (0, (4, 2)))


def impulse_responses(responses: dict[str, object], variables, lines=LINES) -> Figure:
    """A panel a variable: one line a Dataset of `irf`, and around the first its 50 and 90 percent bands over draws."""
    columns = min(3, len(variables))
    rows = -(-len(variables) // columns)
    figure = Figure(figsize=(4.2 * columns, 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, name in zip(panels, variables):
        for (label, data), (color, style) in zip(responses.items(), lines):
            period = data["period"].values
            if label == next(iter(responses)):
                for low, high, alpha in (("q05", "q95", 0.15), ("q25", "q75", 0.25)):
                    axes.fill_between(period, data[f"{name}_{low}"], data[f"{name}_{high}"], color=color, alpha=alpha,
                                      linewidth=0)
            axes.plot(period, data[name], color=color, linestyle=style, label=label)
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set_title(panel_title(name, data[name].attrs["long_name"].removeprefix("response of ")), fontsize=10)
        axes.set(ylabel=data[name].attrs["units"], xlabel=f"{data['period'].attrs['units']}s after the shock")
    for axes in panels[len(variables):]:
        axes.set_visible(False)
    if len(responses) > 1:
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


def asset_label(economy) -> str:
    """Of an axis of wealth."""
    return f"assets {economy.asset}, goods"


def panel_title(name: str, description: str) -> str:
    """The symbol and what it stands for; a name that is a word needs no second one."""
    description = description.split(", start of")[0]
    return textwrap.fill(f"{name}: {description}" if len(name) < 3 else description, 44)


@torch.no_grad()
def wealth_and_policy(solution) -> Figure:
    """The ergodic wealth distribution by individual state, and the policy at the median cross-section."""
    economy = solution.economy
    names = economy.names_of(economy.individual_shock, economy.chain.n_eps)
    aggregate_states = states.labelled(economy, solution.z)
    grid = solution.grid.double().cpu().numpy()
    mass = solution.mass.double().cpu().reshape(len(solution.mass), len(names), -1).numpy()
    share_z = economy.chain.stationary_z().numpy()
    by_state = np.tensordot(share_z, mass, 1)  # (n_eps, G)
    width = np.gradient(grid)
    cumulated = by_state.sum(0).cumsum()
    top = grid[np.searchsorted(cumulated, 0.998)]
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for state, color in zip(range(len(names)), cycle((ORANGE, BLUE, GREY))):
        left.plot(grid, by_state[state] / by_state[state].sum() / width, color=color, label=names[state])
        for (z_name, _, z), style in zip(aggregate_states, cycle(("--", "-", ":"))):
            points = np.linspace(economy.borrowing_limit, top, 300)[1:]
            k = torch.as_tensor(points, device=solution.grid.device)[None]
            around = solution.ergodic.select(economy.chain.cell(z))
            c = solution.policy_function(observe(economy, around, z, k, torch.full_like(k, state, dtype=torch.long)))[0].cpu()
            right.plot(points, c, style, color=color, label=f"{names[state]}, {z_name}")
    left.set(xlim=(economy.borrowing_limit, top), xlabel=asset_label(economy), ylabel="density, per good",
             title="Ergodic wealth distribution")
    right.set(xlim=(economy.borrowing_limit, top), xlabel=asset_label(economy),
              ylabel=f"consumption, goods per {economy.period}", title="Policy at the ergodic cross-section")
    left.legend(frameon=False)
    right.legend(frameon=False, fontsize=8)
    return figure
