"""Figures, drawn without global state, and what they share: colours of states, densities with a mass point, legends."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

import matplotlib
import matplotlib.figure
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.presentation.labels import labelled
from deepham.simulation.period import Panel

if TYPE_CHECKING:
    from matplotlib.typing import ColorType

# told apart in print and by colour-blind readers
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#555555"
MOST_STATES = 6  # that a figure shows: what a reader tells apart
STYLES = ("--", "-", ":")  # of aggregate states, of which no more are shown
LEAST_AT_LIMIT = 5e-4  # share of households at the borrowing limit from which on it is shown
FARTHEST = 8  # multiples of the third quartile of wealth that a panel of densities shows
NARROWEST, WIDEST = 0.015, 0.15  # the bar of households at the limit, in widths of the panel
DPI = 150
_PICTURES: WeakKeyDictionary[matplotlib.figure.Figure, bytes] = WeakKeyDictionary()


class Figure(matplotlib.figure.Figure):
    """A figure that a notebook shows where it is the last line of a cell, whether pyplot has been imported or not."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()


def save_figures(
    figures: Mapping[str, matplotlib.figure.Figure], folder: Path, endings: tuple[str, ...] = ("png", "pdf")
) -> None:
    """Each as <name>.png, for screens, and <name>.pdf, for papers."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in laid_out(figures).items():
        for ending in endings:
            path = folder / f"{name}.{ending}"
            if ending == "png":
                path.write_bytes(picture(figure))
            else:
                figure.savefig(path, dpi=DPI)


def picture(figure: matplotlib.figure.Figure) -> bytes:
    """The figure as a PNG, drawn once, for files and for TensorBoard alike: what is changed later does not show."""
    if figure not in _PICTURES:
        drawn, shown_on = io.BytesIO(), figure.canvas
        figure.set_dpi(DPI)
        FigureCanvasAgg(figure).print_png(drawn)  # savefig would go through all of it twice
        figure.set_canvas(shown_on)
        _PICTURES[figure] = drawn.getvalue()
    return _PICTURES[figure]


def laid_out(figures: Mapping[str, matplotlib.figure.Figure]) -> dict[str, matplotlib.figure.Figure]:
    """The figures, finished: where their parts stand is worked out now, once, and no more each time that they are
    drawn, which takes longer than all else in drawing them.
    """
    for figure in figures.values():
        engine = figure.get_layout_engine()
        if engine is not None:
            figure.set_dpi(DPI)  # sizes of texts are kept for one resolution
            engine.execute(figure)
            figure.set_layout_engine("none")
    return dict(figures)


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


def asset_label(economy) -> str:
    """Of an axis of wealth."""
    return f"assets {economy.asset}, goods"


def panel_title(name: str, description: str) -> str:
    """The symbol and what it stands for; a name that is a word needs no second one."""
    description = description.split(", start of")[0]
    return textwrap.fill(f"{name}: {description}" if len(name) < 3 else description, 44)


def count_periods(axes) -> None:
    """Whole numbers on an axis of time: there is no period 2.5."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))


# -- states --------------------------------------------------------------------------------------------------------


class Shown(NamedTuple):
    """An individual state in a figure: its index, its name, and its colour."""

    eps: int
    name: str
    color: ColorType


def shown_states(economy: Economy) -> list[Shown]:
    """The individual states that figures show, in the order of what a household has in them: all of a few, of many the
    lowest, the highest and some between, or where households age the most usual at some ages. Two have two colours;
    more go from dark to light.
    """
    names = economy.names_of(economy.individual_shock, economy.chain.n_eps)
    order = _at_some_ages(economy) or few(_by_level(economy))
    return [Shown(eps, names[eps], color) for eps, color in zip(order, colors(len(order)))]


def colors(number: int) -> Sequence[ColorType]:
    """Of so many things that have an order: two that everybody tells apart, or from dark to light."""
    if number <= 2:
        return [ORANGE, BLUE][:number]
    return list(matplotlib.colormaps["viridis"](np.linspace(0, 0.85, number)))


def few(things: list, most: int = MOST_STATES) -> list:
    """All of them, or the first, the last and some between, evenly."""
    return things if len(things) <= most else [things[round(place)] for place in np.linspace(0, len(things) - 1, most)]


def _at_some_ages(economy: Economy) -> list[int]:
    """The state that most are in at each of a few ages, from young to old; none where all states are shown, or nobody
    ages."""
    every = torch.arange(economy.chain.n_eps, device=economy.chain.device)
    age = economy.age_of(every)
    if age is None or len(every) <= MOST_STATES:
        return []
    shown = (int(age.max()) + 1) * (torch.arange(MOST_STATES, device=age.device) + 0.5) / MOST_STATES
    share = economy.chain.eps_shares()
    return [int(torch.where(age == one, share, -1.0).argmax()) for one in shown.long()]


def _by_level(economy: Economy) -> list[int]:
    """Individual states from the least to the most that a household of typical assets has in the typical state."""
    z = economy.chain.typical_z()[:1]
    dtype, device = economy.chain.dtype, economy.chain.device
    typical = economy.typical_aggregates().items()
    aggregates = {name: torch.tensor([[value]], dtype=dtype, device=device) for name, value in typical}
    eps = torch.arange(economy.chain.n_eps, device=device)[None]
    k = torch.full(eps.shape, economy.scale, dtype=dtype, device=device)
    return economy.resources(k, eps, z, economy.prices(aggregates, z))[0].argsort(stable=True).tolist()


def shown_aggregate_states(economy: Economy, z: Tensor, styles=STYLES) -> list[tuple[int, str, Tensor, str]]:
    """Those of the aggregate states z (n, d) that a figure shows: place in z, name, one economy's z, line style."""
    states = list(enumerate(labelled(economy, z)))
    styles = styles if len(states) > 1 else ("-",)
    return [(place, name, one, style) for (place, (name, _, one)), style in zip(few(states, len(styles)), styles)]


def legend_below(figure: Figure, economy: Economy | None = None, styles=(), others=(), fontsize: int = 9) -> None:
    """One legend for the whole figure, under its panels, so that it covers no curve.

    Args:
        economy: whose individual states are named by colour; None: nobody's.
        styles: pairs of a name and a line style, in grey.
        others: handles that stand after these.
    """
    handles, title = [], None
    if economy is not None and economy.chain.n_eps > 1:
        handles += [Line2D([], [], color=each.color, label=each.name) for each in shown_states(economy)]
        if economy.chain.n_eps > MOST_STATES:
            title = f"{economy.individual_shock}: {MOST_STATES} of {economy.chain.n_eps} states"
    handles += [Line2D([], [], color=GREY, linestyle=style, label=name) for name, style in styles]
    handles += [handle for handle in others if handle is not None]
    if handles:
        ncols = next((number for number in range(len(handles), 1, -1) if _fits(figure, handles, number, fontsize)), 1)
        by_row = [handle for column in range(ncols) for handle in handles[column::ncols]]  # matplotlib fills columns
        figure.legend(
            handles=by_row,
            title=title,
            loc="outside lower center",
            ncols=ncols,
            frameon=False,
            fontsize=fontsize,
            title_fontsize=fontsize,
        )


def _fits(figure: Figure, handles: list, ncols: int, fontsize: int) -> bool:
    """Whether a legend of so many columns is no wider than the figure, by the usual width of a letter."""
    inches = [0.65 + 0.0077 * fontsize * len(handle.get_label()) for handle in handles]
    return sum(max(inches[column::ncols]) for column in range(ncols)) < figure.get_figwidth()


# -- densities of wealth -------------------------------------------------------------------------------------------


def density(economy: Economy, grid: np.ndarray, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Wealth as a density and a mass point.

    Args:
        mass: (..., G) on the nodes of the grid (G,).

    Returns:
        Nodes (G',) above the borrowing limit, the density there (..., G') per good, and the mass at the limit (...).
    """
    per_good = mass / np.gradient(grid)
    if grid[0] > economy.borrowing_limit:
        return grid, per_good, np.zeros(mass.shape[:-1])
    return grid[1:], per_good[..., 1:], mass[..., 0]


def of_each_state(by_state: np.ndarray) -> np.ndarray:
    """Masses (n_eps, G) over the mass of their state, zero for a state that nobody is in."""
    return by_state / np.maximum(by_state.sum(1, keepdims=True), 1e-300)


def frame_density(axes, economy: Economy, top: float, highest: float, at_limit: float, label: str = "") -> Patch | None:
    """Limits and labels of a panel of densities, and left of the borrowing limit a bar: the share of households there.

    The bar's area is the share, as the area under a density is. Where that would make it too wide it is cut at the top.

    Args:
        top, highest: where the axes end, in goods and per good.
        at_limit: share of households.
        label: of the bar; its share is named where there is none.

    Returns:
        The bar's entry in a legend, None where too few stand at the limit for one.
    """
    limit, bar, width = economy.borrowing_limit, None, 0.0
    highest = highest if highest > 0 else 1.0
    if at_limit >= LEAST_AT_LIMIT:
        width = float(np.clip(at_limit / highest, NARROWEST * (top - limit), WIDEST * (top - limit)))
        axes.bar(limit, at_limit / width, -width, align="edge", color=GREY, alpha=0.5, linewidth=0)
        label = label or f"at the limit: {100 * at_limit:.1f} % of households"
        bar = Patch(color=GREY, alpha=0.5, linewidth=0, label=label)
    axes.set(
        xlim=(limit - 1.1 * width, top),
        ylim=(0, 1.1 * highest),
        xlabel=asset_label(economy),
        ylabel="density, per good",
    )
    return bar


def density_top(economy: Economy, grid: np.ndarray, mass: np.ndarray) -> tuple[float, str]:
    """Where a panel of densities ends (goods), and what its title says of those beyond.

    99.8 % of the mass (G,) lie within, or fewer where the richest are so far off that one would see little of the
    others.
    """
    cumulated, limit = mass.cumsum() / mass.sum(), economy.borrowing_limit
    nearly_all, most = (grid[min(np.searchsorted(cumulated, level), len(grid) - 1)] for level in (0.998, 0.75))
    top = min(nearly_all, limit + FARTHEST * (most - limit)) if most > limit else nearly_all
    beyond = 100 * (1 - np.interp(top, grid, cumulated))
    return max(float(top), float(grid[1])), f", richest {beyond:.0f} % beyond" if beyond >= 1 else ""


def highest_inside(economy: Economy, nodes: np.ndarray, top: float, *densities: np.ndarray) -> float:
    """The highest density that a panel has to hold, without that next to the limit, where it may rise far for a few."""
    inside = (nodes > economy.borrowing_limit + 0.01 * (top - economy.borrowing_limit)) & (nodes <= top)
    inside |= ~inside.any()
    return max(float(each[..., inside].max()) for each in densities)


# -- a solution ----------------------------------------------------------------------------------------------------


@torch.no_grad()
def wealth_and_policy(solution) -> Figure:
    """The ergodic wealth distribution by individual state, and the policy beside that of each aggregate state."""
    economy = solution.economy
    grid = solution.grid.double().cpu().numpy()
    mass = solution.mass.double().cpu().reshape(len(solution.mass), economy.chain.n_eps, -1).numpy()
    by_state = np.tensordot(economy.chain.stationary_z().cpu().numpy(), mass, 1)  # (n_eps, G)
    top = grid[np.searchsorted(by_state.sum(0).cumsum(), 0.998)]
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    nodes, per_good, _ = density(economy, grid, of_each_state(by_state))
    shown, aggregate_states = shown_states(economy), shown_aggregate_states(economy, solution.z)
    points = np.linspace(economy.borrowing_limit, top, 300)[1:]
    k = torch.as_tensor(points, device=solution.grid.device)[None]
    for eps, name, color in shown:
        left.plot(nodes, per_good[eps], color=color, label=name)
        for _, z_name, z, style in aggregate_states:
            around = Panel(solution.ergodic.select(economy.chain.cell(z)), z)
            seen = solution.world.observe(around, k, torch.full_like(k, eps, dtype=torch.long))
            consumed = solution.world.choose(seen)["c"][0].cpu()
            right.plot(points, consumed, style, color=color, label=f"{name}, {z_name}")
    end, beyond = density_top(economy, grid, by_state.sum(0))
    highest = highest_inside(economy, nodes, end, per_good[[each.eps for each in shown]])
    bar = frame_density(left, economy, end, highest, float(density(economy, grid, by_state.sum(0))[2]))
    left.set_title(f"Ergodic wealth distribution{beyond}")
    right.set(
        xlim=(economy.borrowing_limit, top),
        xlabel=asset_label(economy),
        ylabel=f"consumption, goods per {economy.period}",
        title="Policy at the ergodic cross-section",
    )
    legend_below(figure, economy, [(name, style) for _, name, _, style in aggregate_states], [bar])
    return figure
