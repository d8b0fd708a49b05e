"""Figures of markets that clear within the period: one row a market, one line style a study."""

from __future__ import annotations

import numpy as np
from matplotlib.lines import Line2D

from deepham.presentation.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    STYLES,
    Figure,
    asset_label,
    count_periods,
    legend_below,
    shown_states,
)
from deepham.presentation.figures_solved import in_panels, lines
from deepham.report.study import Study

LAST_PERIODS = 400  # of a path that are drawn
COLORS = (ORANGE, BLUE, GREEN)  # of cross-sections


def schedules_figure(studies: list[Study]) -> Figure:
    """What is left of each condition, by what its unknown is told by, in up to three cross-sections."""
    figure, panels = in_panels(len(studies[0].markets), 2, (5.6, 4.0))
    for row, axes in enumerate(panels):
        for study, (_, style) in zip(studies, _lines(studies)):
            for one, color in zip(study.markets[row].schedules, COLORS):
                label = one.at if len(studies) == 1 else f"{study.label}, {one.at}"
                axes.plot(one.shown, one.excess, color=color, linestyle=style, linewidth=1.2, label=label)
                axes.plot(one.clears, 0, "o", color=color, markersize=4)
        market = studies[0].markets[row]
        axes.axhline(0, color="black", linewidth=0.6)
        described = f"{market.name}: {market.text}, {market.unit}"
        axes.set(xlabel=described, ylabel=market.excess, title=f"At other values of {market.name}, today alone")
    legend_below(figure, others=panels[0].get_legend_handles_labels()[0])
    return figure


def paths_figure(studies: list[Study]) -> Figure:
    """The end of the path of what clears on the shocks that all studies share; of several also how far it is from the
    last one's."""
    each = 1 if len(studies) == 1 else 2
    figure, panels = in_panels(each * len(studies[0].markets), each, (5.6, 3.2))
    time, last = f"{studies[0].solved.economy.period} after burn-in", studies[-1]
    for row, market in enumerate(studies[0].markets):
        level, *gap = panels[each * row : each * (row + 1)]
        factor, unit = (100, "basis points") if market.unit.startswith("percent") else (1, market.unit)
        periods = np.arange(len(market.path))
        for study, (color, style) in zip(studies, _lines(studies)):
            path = study.markets[row].path
            line = {"color": color, "linestyle": style, "label": study.label}
            level.plot(periods[-LAST_PERIODS:], path[-LAST_PERIODS:], linewidth=1.2, **line)
            if study is not last:
                gap[0].plot(periods, factor * (path - last.markets[row].path), linewidth=0.6, **line)
        level.set(xlabel=time, ylabel=market.unit, title=f"{market.name}: {market.text}")
        for axes in gap:
            axes.axhline(0, color="black", linewidth=0.6)
            axes.set(xlabel=time, ylabel=unit, title=f"{market.name}, distance to {last.label}")
        for axes in (level, *gap):
            count_periods(axes)
    legend_below(figure, others=panels[0].get_legend_handles_labels()[0])
    return figure


def plans_figure(study: Study) -> Figure:
    """The change of wealth, and consumption against that where the market clears, at three values of each unknown."""
    economy = study.solved.economy
    rows = len(study.markets)
    figure, panels = in_panels(2 * rows, 2, (5.6, 4.0))
    for row, market in enumerate(study.markets):
        saved, spent = panels[2 * row : 2 * row + 2]
        usual = market.plans[len(market.plans) // 2].c
        for plan, style in zip(market.plans, STYLES):
            for eps, _, color in shown_states(economy):
                saved.plot(market.k, plan.carried[eps] - market.k, color=color, linestyle=style, linewidth=1.2)
                spent.plot(market.k, 100 * (plan.c[eps] / usual[eps] - 1), color=color, linestyle=style, linewidth=1.2)
        saved.axhline(0, color="black", linewidth=0.6)
        change = f"Change of wealth, {economy.asset}' - {economy.asset}"
        saved.set(xlabel=asset_label(economy), ylabel=f"goods per {economy.period}", title=change)
        spent.set(
            xlabel=asset_label(economy), ylabel="percent", title=f"Consumption, against {market.name} that clears"
        )
    handles = [
        Line2D([], [], color=GREY, linestyle=style, label=f"{market.name} {plan.shown:.4g}")
        for market in study.markets
        for plan, style in zip(market.plans, STYLES)
    ]
    legend_below(figure, economy, others=handles)
    return figure


def _lines(studies: list[Study]) -> list[tuple]:
    return lines([study.label for study in studies])
