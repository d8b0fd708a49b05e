"""What generalized moments have learned, as a picture: the basis, the value over the moment, and who gains from
equality.

After Han, Yang and E (2021), section on generalized moments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from deepham.algorithm.ergodic import ergodic_path
from deepham.errors import InputError
from deepham.networks.inputs import Inputs
from deepham.networks.moments import GeneralizedMoments
from deepham.networks.value import ValueNetwork
from deepham.presentation.figures import (
    BLUE,
    ORANGE,
    Figure,
    asset_label,
    colors,
    legend_below,
    shown_aggregate_states,
    shown_states,
)
from deepham.simulation.period import Observation, Panel
from deepham.simulation.population import Population, quantile
from deepham.solution.shocks import Transfer
from deepham.solution.solution import Solution

PERIODS, DATES = 1000, 100  # a simulated path, and the cross-sections along it that are drawn
POINTS = 300  # on an axis of wealth
TRANSFER = Transfer(share=0.1, top=0.1, bottom=0.5, before=None)


@dataclass(frozen=True)
class Basis:
    """q_1 of a network as it is drawn: without the affine map that does not matter, (q - E q) / q'(E k), in goods.

    E is the mean over the ergodic distribution: q then has mean zero and, at mean wealth, slope one.
    """

    moments: GeneralizedMoments
    level: Tensor
    slope: Tensor
    eps: int  # individual state that it is drawn in, where it depends on that

    @classmethod
    def of(cls, moments: GeneralizedMoments, ergodic: Population) -> Basis:
        eps = int(ergodic.eps.max())
        mean = ergodic.mean(ergodic.k).mean()
        with torch.enable_grad():
            at = mean.clone().requires_grad_(True)
            (slope,) = torch.autograd.grad(moments.basis(at, torch.full_like(at, eps))[0], at)
        return cls(moments, ergodic.mean(moments.basis(ergodic.k, ergodic.eps)[..., 0]).mean(), slope, eps)

    def __call__(self, k: Tensor, eps: Tensor | None = None) -> Tensor:
        """(...) -> (...), goods."""
        eps = torch.full_like(k, self.eps) if eps is None else eps
        return (self.moments.basis(k, eps)[..., 0] - self.level) / self.slope

    def moment(self, population: Population) -> Tensor:
        """The normalised moment of each economy: (B,), goods."""
        return population.mean(self(population.k, population.eps))[:, 0]


@torch.no_grad()
def generalized_moments(solution: Solution, seed: int = 0) -> Figure:
    """Four panels about the first moment of a solution's networks.

    1. The basis q of policy and value by wealth, mean 0 and slope 1 at mean wealth, and the line of the first moment;
    inset: the distance between the two.
    2. The value of a household of median wealth over the moment of the value network, at dates of a simulated path.
    3., 4. The effect on every household's consumption and value, by wealth, of a transfer among the others: the richest
    tenth give up a tenth of their wealth to the poorest half. Mean wealth, and with it prices, stay as they are.

    Args:
        seed: of the simulated path.

    Raises:
        InputError: the networks have no generalized moments, or are given the aggregates beside them.
    """
    policy, value = (_moments(solution.networks[name]) for name in ("policy", "value"))
    if policy is None or value is None:
        raise InputError("solution: its networks have no generalized moments; train with network=generalized_moments")
    if solution.network["aggregates"]:
        raise InputError(
            "solution: its moments stand beside the aggregates and contain no mean wealth to be compared "
            "with; expected network.aggregates=false"
        )
    bases = {"policy": Basis.of(policy, solution.ergodic), "value": Basis.of(value, solution.ergodic)}
    dates = _dates(solution, seed)
    figure = Figure(figsize=(11, 7.2), layout="constrained")
    (basis, levels), (consumption, lifetime) = figure.subplots(2, 2)
    _draw_basis(basis, solution, bases)
    _draw_value(levels, solution, bases["value"], dates)
    _draw_transfer((consumption, lifetime), solution)
    return figure


def _moments(network: nn.Module) -> GeneralizedMoments | None:
    """What the network sees of the population beside what it is told; None: nothing."""
    inputs = network.inputs
    assert isinstance(inputs, Inputs)
    return inputs.moments


def _draw_basis(axes, solution: Solution, bases: dict[str, Basis]) -> None:
    k = _wealth(solution)
    mean = solution.ergodic.mean(solution.ergodic.k).mean()
    distance = axes.inset_axes((0.58, 0.14, 0.4, 0.36))  # what bends q is small beside its slope
    for (name, basis), color in zip(bases.items(), (BLUE, ORANGE)):
        axes.plot(k.cpu(), basis(k).cpu(), color=color, label=f"q of the {name}")
        distance.plot(k.cpu(), (basis(k) - (k - mean)).cpu(), color=color)
    axes.plot(k.cpu(), (k - mean).cpu(), color="black", linestyle="--", linewidth=1.2, label="first moment")
    distance.axhline(0, color="black", linestyle="--", linewidth=0.8)
    distance.set_title("distance to the first moment", fontsize=8)
    distance.tick_params(labelsize=7)
    axes.set(
        xlabel=asset_label(solution.economy), ylabel="goods", title="Basis, mean zero and slope one at mean wealth"
    )
    axes.legend(frameon=False, fontsize=8)


def _draw_value(axes, solution: Solution, basis: Basis, dates: Panel) -> None:
    economy = solution.economy
    moment = basis.moment(dates.population)
    around = solution.ergodic
    median = float(quantile(around.k.flatten(), around.weight.flatten(), [0.5]))
    eps = economy.chain.n_eps - 1
    seen = _beside(solution, dates, torch.full((1, 1), median, dtype=moment.dtype, device=moment.device), eps)
    v = solution.value_function(seen)[:, 0]
    shown = shown_aggregate_states(economy, solution.z)
    for (index, z_name, _, _), color in zip(shown, colors(len(shown))):
        at = (economy.chain.cell(dates.z) == index).cpu()
        if at.sum() > 2:
            x, y = moment.cpu()[at].numpy(), v.cpu()[at].numpy()
            axes.scatter(x, y, s=10, color=color, label=z_name)
            axes.plot(np.sort(x), np.polyval(np.polyfit(x, y, 1), np.sort(x)), color=color, linewidth=0.8)
    name = economy.names_of(economy.individual_shock, economy.chain.n_eps)[eps]
    axes.set(xlabel="normalised moment, goods", ylabel="utils", title=f"Value of a household of median wealth, {name}")
    axes.legend(frameon=False, fontsize=8)


def _draw_transfer(panels, solution: Solution) -> None:
    economy = solution.economy
    before = solution.cross_sections
    after = Panel(TRANSFER.apply(solution.ergodic), before.z)
    k = _wealth(solution)
    aggregate_states = shown_aggregate_states(economy, solution.z)
    for eps, name, color in shown_states(economy):
        low, high = (_beside(solution, panel, k[None], eps) for panel in (before, after))
        consumed = 100 * (solution.policy_function(high) / solution.policy_function(low) - 1)
        # utils over what one percent of consumption for ever is worth
        value = solution.networks["value"]
        assert isinstance(value, ValueNetwork)
        worth = 100 * (value(high) - value(low)) / value.unit
        for index, z_name, _, style in aggregate_states:
            for axes, change in zip(panels, (consumed, worth)):
                axes.plot(k.cpu(), change[index].cpu(), style, color=color, label=f"{name}, {z_name}")
    titles = ("Consumption after a transfer among others", "Value after a transfer among others")
    for axes, title, unit in zip(panels, titles, ("percent", "percent of consumption for ever")):
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set(xlabel=asset_label(solution.economy), ylabel=unit, title=title)
    legend_below(panels[0].figure, economy, [(name, style) for _, name, _, style in aggregate_states])


def _dates(solution: Solution, seed: int) -> Panel:
    """Cross-sections along a path of the continuum."""
    economy, device = solution.economy, solution.grid.device
    z_0 = economy.chain.typical_z()[economy.chain.stationary_z().argmax()][None]
    shocks = economy.chain.draw_path(z_0, PERIODS, torch.Generator(device).manual_seed(seed))
    start = solution.begin(shocks[:, 0])
    return ergodic_path(solution.world, solution.grid, start, shocks, burn_in=0, dates=DATES).dates


def _beside(solution: Solution, panel: Panel, k: Tensor, eps: int) -> Observation:
    """What households (1, N) of one individual state see that live beside each of B populations."""
    k = k.expand(len(panel.z), -1)
    return solution.world.observe(panel, k, torch.full_like(k, eps, dtype=torch.long))


def _wealth(solution: Solution) -> Tensor:
    """Points (POINTS,) of wealth, from above the lowest to where nearly all households are."""
    around = solution.ergodic
    top = float(quantile(around.k.flatten(), around.weight.flatten(), [0.998]))
    return torch.linspace(float(solution.grid[0]), top, POINTS + 1, dtype=around.k.dtype, device=around.k.device)[1:]
