"""The report's figures of economies with few and with many individual states: a colour each, and no curve covered."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks.many_shocks import rouwenhorst
from deepham import economics
from deepham.presentation.figures import shown_states
from deepham.report import figures_of_studies as figures
from deepham.report.study import Study
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.walk import initial_panel
from deepham.solution.solved import SolvedEconomy


def solved_economy(incomes, share):
    """Nobody's optimum: households eat a share of what they have, and those without savings nearly all of it."""
    levels, moves = rouwenhorst(0.9, 0.2, incomes)
    economy = economics.create(
        "rare_event", efficiency=torch.exp(levels).tolist(), chains=[moves.tolist()] * 2, labour_supply=[]
    )

    def eat(seen):
        return torch.where(seen.k < 0.5, 1 - 1e-9, share) * seen.resources

    grid = wealth_grid(economy, 30, 8.0)
    people = initial_panel(economy, 2, 200, torch.Generator().manual_seed(0)).population
    poorer = people.with_assets(torch.where(torch.arange(200) < 20, 0.0, people.k))  # a tenth stands at the limit
    mass = on_grid(grid, poorer, incomes).weight
    return SolvedEconomy("rare_event", economy, eat, lambda seen: seen.resources, grid, mass)


def study(label, solved):
    path = solved.simulate(30, seed=1)
    start = {"k": [3.0, 8.0], "eps": [0, 1], "weight": [0.5, 0.5]}
    incomes = solved.economy.chain.n_eps
    cost = SimpleNamespace(k=solved.grid.numpy(), by_wealth=np.ones((incomes, len(solved.grid))))
    return Study(
        label,
        solved,
        path,
        [],
        {},
        solved.cross_sections,
        solved.irf("good->bad", 5, 4, start=start),
        None,
        {state: solved.risky_steady_state(state, 8) for state in ("bad", "good")},
        cost,
    )


@pytest.fixture(scope="module", params=[2, 7])
def studies(request):
    return [study(label, solved_economy(request.param, share)) for label, share in (("a", 0.3), ("b", 0.4))]


def drawn(figure):
    """The figure's panels, whose legend stands beside them and within the figure."""
    figure.draw_without_rendering()
    panels = [axes for axes in figure.axes if axes.get_visible()]
    for legend in figure.legends:
        box = legend.get_window_extent()
        assert not any(box.overlaps(axes.get_window_extent()) for axes in panels)
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
    return panels


def test_wealth_by_state_is_a_density_beside_those_at_the_limit(studies):
    solved = studies[0].solved
    figure = figures.wealth_figure(studies)
    density, *_ = drawn(figure)
    shown = shown_states(solved.economy)
    assert len(density.lines) == 2 * len(shown) and len({str(line.get_color()) for line in density.lines}) == len(shown)
    by_state = solved.mass.mean(0).reshape(solved.economy.chain.n_eps, -1).numpy()
    width = np.gradient(solved.grid.numpy())[1:]
    for each, line in zip(shown, density.lines):
        assert width @ line.get_ydata() == pytest.approx(1 - by_state[each.eps, 0] / by_state[each.eps].sum(), abs=1e-9)
    (bar,) = density.patches
    share = by_state[:, 0].sum()
    assert bar.get_bbox().xmax == 0 and f"a {100 * share:.1f} %, b" in figure.legends[0].get_texts()[-1].get_text()
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {each.name for each in shown} | {"a", "b"} <= set(names)


@pytest.mark.parametrize("draw", [figures.policy_figure, figures.welfare_figure])
def test_policies_and_costs_are_shown_by_state(studies, draw):
    shown = shown_states(studies[0].solved.economy)
    for axes in drawn(draw(studies)):
        lines = [line for line in axes.lines if len(line.get_xdata()) > 2]
        assert len(lines) == 2 * len(shown) and len({str(line.get_color()) for line in lines}) == len(shown)


@pytest.mark.parametrize(
    "draw",
    [
        figures.cycle_figure,
        figures.risky_figure,
        lambda studies: figures.response_figure(studies, "recession", ("Y", "K")),
    ],
)
def test_time_is_counted_in_whole_periods(studies, draw):
    panels = [axes for axes in drawn(draw(studies)) if "year" in axes.get_xlabel()]
    assert panels
    for axes in panels:
        low, high = axes.get_xlim()
        assert all(tick == round(tick) for tick in axes.get_xticks() if low <= tick <= high)
