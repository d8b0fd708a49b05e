"""Figures of a report: studies of one economy laid over each other, one line style a study, one colour a state."""

from __future__ import annotations

import numpy as np
from matplotlib.lines import Line2D

from deepham.economics.economy import Economy
from deepham.presentation.figures import (
    GREY,
    Figure,
    asset_label,
    colors,
    count_periods,
    density_top,
    few,
    frame_density,
    highest_inside,
    legend_below,
    panel_title,
    shown_states,
)
from deepham.presentation.figures import density as density_of
from deepham.presentation.figures_irf import LINES, impulse_responses
from deepham.presentation.figures_solved import (
    Layer,
    by_state,
    density_panel,
    in_panels,
    layers,
    limit_label,
    lines,
    lorenz_panel,
    policies_figure,
    styles,
    tail_panel,
)
from deepham.report.study import Study
from deepham.report.takeover import Takeover

SHOWN_PERIODS = 160
STEADY = 1e-5  # of its mean: what moves by less stands still


def cycle_figure(studies: list[Study]) -> Figure:
    """The end of the simulation that all studies share; shaded: the first aggregate state."""
    economy = studies[0].solved.economy
    usual = ("Y", "C", "I", "K", "r", *economy.unknowns_shown, "unemployment")
    names = [name for name in dict.fromkeys(usual) if name in studies[0].path]
    figure, panels = in_panels(len(names), 3, (4.2, 2.4))
    period = np.arange(min(SHOWN_PERIODS, studies[0].path.sizes["period"]))
    for axes, name in zip(panels, names):
        for study, (color, style) in zip(studies, _lines(studies)):
            axes.plot(
                period,
                study.path[name].values[0, -SHOWN_PERIODS:],
                color=color,
                linestyle=style,
                linewidth=1.2,
                label=study.label,
            )
        if economy.chain.n_z > 1:
            state = studies[0].path[economy.aggregate_shock].values[0, -SHOWN_PERIODS:]
            worst = economy.naming.names[0]
            axes.fill_between(
                period,
                0,
                1,
                where=state == 0,
                step="mid",
                transform=axes.get_xaxis_transform(),
                color=GREY,
                alpha=0.15,
                linewidth=0,
                label=f"z {worst}",
            )
        level = studies[0].path[name].values[0, -SHOWN_PERIODS:]
        if np.ptp(level) < STEADY * abs(level.mean()):  # what is seen of it is rounding
            axes.set_ylim(*sorted((0.95 * level.mean(), 1.05 * level.mean())))
        described = studies[0].path[name].attrs
        axes.set(
            title=panel_title(name, described["long_name"].split(",")[0]),
            ylabel=described["units"],
            xlabel=f"{economy.period}",
        )
        count_periods(axes)
    legend_below(figure, others=panels[0].get_legend_handles_labels()[0])
    return figure


def wealth_figure(studies: list[Study]) -> Figure:
    """Density by individual state, the upper tail, and the Lorenz curve; averages over the aggregate states."""
    shown = _layers(studies)
    figure, (density, tail, lorenz) = in_panels(3, 3, (4.3, 4.1))
    below = density_panel(density, shown)
    tail_panel(tail, shown)
    tail.legend(frameon=False, fontsize=8)
    lorenz_panel(lorenz, shown)
    legend_below(figure, shown[0].solved.economy, styles(shown), below)
    return figure


def policy_figure(studies: list[Study]) -> Figure:
    """Consumption, saving and the marginal propensity to consume in the last aggregate state, by individual state."""
    return policies_figure(_layers(studies))


def response_figure(studies: list[Study], which: str, variables: tuple[str, ...]) -> Figure:
    """Impulse responses with bands; which: "recession" or "transfer"."""
    responses = {study.label: getattr(study, which) for study in studies if getattr(study, which) is not None}
    first = next(iter(responses.values()))
    lines = [line for study, line in zip(studies, _lines(studies)) if study.label in responses]
    return impulse_responses(responses, tuple(name for name in variables if name in first), lines)


def risky_figure(studies: list[Study]) -> Figure:
    """Capital, or what is followed in its place, while the aggregate state is held, and the wealth distribution at the
    end beside the ergodic one."""
    economy = studies[0].solved.economy
    figure, (short, whole, density) = in_panels(3, 3, (4.3, 4.0))
    held, labels = few([*studies[0].risky]), economy.naming.held.labels
    ergodic, grid = by_state(studies[0].solved).sum(0), studies[0].solved.grid.cpu().numpy()
    nodes, per_good, at_limit = density_of(economy, grid, ergodic)
    drawn, shares = [per_good], {}
    for study, (_, style) in zip(studies, _lines(studies)):
        for state, color in zip(held, colors(len(held))):
            if state not in study.risky:
                continue
            found = study.risky[state]
            level = found.path[found.variable].values[0]
            for axes in (short, whole):
                axes.plot(
                    level, color=color, linestyle=style, linewidth=1.2, label=_label(studies, study, labels[state])
                )
            if study is studies[0]:
                mass = found.population["weight"].reshape(economy.chain.n_eps, -1).sum(0)
                _, at_end, share = density_of(economy, grid, mass)
                density.plot(nodes, at_end, color=color, label=labels[state])
                drawn.append(at_end)
                shares[labels[state]] = float(share)
    found = next(iter(studies[0].risky.values()))
    for axes in (short, whole):
        if found.deterministic is not None:
            axes.axhline(
                found.deterministic, color="black", linewidth=0.8, linestyle=":", label="deterministic steady state"
            )
        axes.axhline(found.ergodic, color=GREY, linewidth=0.8, label="ergodic mean")
        axes.set(
            ylabel=f"{found.path[found.variable].long_name} {found.variable}, {found.path[found.variable].units}",
            xlabel=f"{economy.period}s {economy.naming.held.meanwhile}",
        )
        count_periods(axes)
    last = found.path.sizes["period"] - 1
    short.set(xlim=(0, min(300, last)), title="First periods")
    whole.set(xlim=(0, last), title="Whole path")
    density.plot(nodes, per_good, color="black", linewidth=0.8, label="ergodic")
    top, beyond = density_top(economy, grid, ergodic)
    bar = frame_density(
        density,
        economy,
        top,
        highest_inside(economy, nodes, top, *drawn),
        float(at_limit),
        limit_label({"ergodic": float(at_limit)} | shares),
    )
    density.set_title(f"Wealth at the end{_of(studies)}{beyond}")
    ergodic_line = Line2D([], [], color="black", linewidth=0.8, label="ergodic distribution")
    legend_below(figure, others=[*short.get_legend_handles_labels()[0], ergodic_line, bar])
    return figure


def basins_figure(studies: list[Study]) -> Figure:
    """The ergodic set in mean assets and an aggregate state that is a number, and the ways without shocks from far
    off."""
    first = studies[0]
    economy = first.solved.economy
    assets, state = economy.tracked, economy.aggregate_shock
    figure, (plane, time) = in_panels(2, 2, (5.5, 4.2))
    plane.hexbin(
        first.path[assets].values[0], first.path[state].values[0], gridsize=40, cmap="Greys", mincnt=1, linewidths=0
    )
    for study, (_, style) in zip(studies, _lines(studies)):
        for path, color in zip(study.basins, ("black", *colors(len(study.basins) - 1))):
            x, y = path[assets].values[0], path[state].values[0]
            plane.plot(x, y, color=color, linestyle=style, linewidth=1.2)
            plane.plot(x[0], y[0], "o", color=color, markersize=4)
            plane.plot(x[-1], y[-1], "s", color="black", markersize=4)
            time.plot(x, color=color, linestyle=style, linewidth=1.2)
    described = [first.path[name].attrs["long_name"].split(",")[0] for name in (assets, state)]
    plane.set(
        xlabel=f"{assets}: {described[0]}, goods",
        ylabel=f"{state}: {described[1]}, {first.path[state].attrs['units']}",
        title=f"Ergodic set{_of(studies)} and ways without shocks",
    )
    time.set(xlabel=f"{economy.period}s without shocks", ylabel=f"{assets}, goods", title=f"{assets} from each start")
    count_periods(time)
    return figure


def welfare_figure(studies: list[Study]) -> Figure:
    """Cost of fluctuations by wealth and individual state."""
    economy = studies[0].solved.economy
    figure, (axes,) = in_panels(1, 1, (7, 4.2))
    mass = by_state(studies[0].solved).sum(0).cumsum()
    top = studies[0].solved.grid.cpu().numpy()[np.searchsorted(mass, 0.99)]
    for study, (_, style) in zip(studies, _lines(studies)):
        if study.cost is not None:
            for eps, name, color in shown_states(economy):
                seen = study.cost.k <= top
                axes.plot(
                    study.cost.k[seen],
                    study.cost.by_wealth[eps][seen],
                    color=color,
                    linestyle=style,
                    label=_label(studies, study, name),
                )
    axes.axhline(0, color="black", linewidth=0.6)
    axes.set(
        xlabel=asset_label(economy),
        ylabel="percent of consumption",
        title="What fluctuations cost: positive is a loss",
    )
    legend_below(
        figure, economy, [pair for pair, study in zip(styles(_layers(studies)), studies) if study.cost is not None]
    )
    return figure


def externality_figure(studies: list[Study]) -> Figure:
    """What capital is worth to others, against capital and by the aggregate state: a panel a study."""
    economy = studies[0].solved.economy
    names = economy.naming.names
    figure, panels = in_panels(len(studies), 3, (4.3, 3.4))
    for axes, study in zip(panels, studies):
        K, worth, z = (study.path[name].values[0] for name in ("K", "externality", economy.aggregate_shock))
        some = few(list(range(len(names))))
        for state, color in zip(some, colors(len(some))):
            axes.plot(K[z == state], worth[z == state], ".", markersize=1.5, color=color, label=f"z {names[state]}")
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set(title=study.label, xlabel="capital K, goods", ylabel=f"D, percent per {economy.period}")
    dots, labels = panels[0].get_legend_handles_labels()
    legend_below(
        figure,
        others=[
            Line2D([], [], marker="o", linestyle="", color=dot.get_color(), label=label)
            for dot, label in zip(dots, labels)
        ],
    )
    return figure


def takeover_figure(takeover: Takeover, economy: Economy) -> Figure:
    """Capital on the same shocks, and what it is worth to others, with the planner from period 0 on and without."""
    figure, (capital, worth) = in_panels(2, 2, (5.4, 3.6))
    shown = slice(0, 1 + max(t for t in takeover.errors))
    for axes, series, what in (
        (capital, takeover.K, "capital K, goods"),
        (worth, takeover.worth, f"D, percent per {economy.period}"),
    ):
        for (label, values), (color, style) in zip(reversed(series.items()), LINES):
            axes.plot(values.mean(0)[shown].cpu(), color=color, linestyle=style, label=label)
            if len(values) > 1:
                axes.plot(values[0, shown].cpu(), color=color, linestyle=style, linewidth=0.6)
        axes.set(xlabel=f"{economy.period}s after the change", ylabel=what)
        count_periods(axes)
        axes.set_ylim(bottom=0 if float(min(each.min() for each in series.values())) > 0 else None)
    legend_below(figure, others=capital.get_legend_handles_labels()[0])
    return figure


def gains_figure(takeover: Takeover, economy: Economy) -> Figure:
    """By wealth and individual state: consumption in the first period and the gain over a life, planner against
    market."""
    figure, (first, life) = in_panels(2, 2, (5.4, 3.9))
    level = takeover.mass.sum(0).cumsum()
    seen = level <= 0.995
    for eps, name, color in shown_states(economy):
        first.plot(takeover.k[seen], takeover.first[eps][seen], color=color, label=name)
        life.plot(takeover.k[seen], takeover.gain[eps][seen], color=color, label=name)
    for axes, title in ((first, "Consumption in the first period"), (life, "Gain over a life")):
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set(title=title, xlabel=asset_label(economy), ylabel="percent of consumption")
        axes.axvline(takeover.k[np.searchsorted(level, 0.9)], color=GREY, linewidth=0.8, linestyle=":")
    legend_below(figure, economy, [("richest tenth begins", ":")])
    return figure


# of a training's history: column, title, unit, whether on a logarithmic scale
HISTORY = (
    ("errors/euler.mean", "Euler error, mean", "percent of consumption", True),
    ("errors/bellman_policy.mean", "Bellman error, mean", "utils", True),
    ("train/value_loss", "loss of the value function", "squared, relative", True),
    ("distribution/mean", "mean assets of simulated households", "goods", False),
    ("distribution/sd", "their standard deviation", "goods", False),
    ("train/learning_rate", "learning rate", "per update", False),
)


def training_figure(histories: dict[str, dict[str, list]]) -> Figure | None:
    """Errors, dispersion and learning rate by outer iteration; label -> history of a solution. None where no history
    has any of them.
    """
    shown = [each for each in HISTORY if any(each[0] in history for history in histories.values())]
    if not shown:
        return None
    figure, panels = in_panels(len(shown), 2 if len(shown) == 4 else 3, (4.2, 2.6))
    for axes, (name, title, unit, logarithmic) in zip(panels, shown):
        for (label, history), (color, style) in zip(histories.items(), LINES):
            if name in history:
                values = np.array(history[name], dtype=float)
                axes.plot(np.arange(1, len(values) + 1), values, marker=".", linestyle=style, color=color, label=label)
        axes.set(title=title, ylabel=unit, xlabel="outer iteration", yscale="log" if logarithmic else "linear")
        count_periods(axes)
    if len(histories) > 1:
        panels[0].legend(frameon=False, fontsize=8)
    return figure


def _layers(studies: list[Study]) -> list[Layer]:
    return layers({study.label: study.solved for study in studies})


def _lines(studies: list[Study]) -> list[tuple]:
    """Colour and dashes of each study."""
    return lines([study.label for study in studies])


def _label(studies: list[Study], study: Study, state: str) -> str:
    return state if len(studies) == 1 else f"{study.label}, {state}"


def _of(studies: list[Study]) -> str:
    return "" if len(studies) == 1 else f", {studies[0].label}"
