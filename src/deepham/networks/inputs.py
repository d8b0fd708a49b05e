"""What the networks are fed: household states on scales that resolve both ends of the wealth distribution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from deepham.economics.economy import Economy
from deepham.networks.full_state import ordered_wealth
from deepham.networks.moments import GeneralizedMoments
from deepham.simulation.period import Observation
from deepham.simulation.population import Population


class Inputs(nn.Module):
    """Observation -> what differs between households (B, N, own) and what they share (B, common).

    Per household: log a, log(m + H) where the economy has a frictionless base (H human wealth), 1 / (1 + a / c_ss),
    the individual state; per economy: the aggregate state and what is seen of the population. a = m - limit is what a
    household can consume, which is positive where m need not be; a and m + H enter relative to the typical state.

    Of the unknowns that are found within the period those named: how far each is from its typical value in units of its
    spread.

    Of the population, each on request:
        aggregates: the relative deviation of each aggregate from its typical state, times
            `aggregate_scale`.
        moments: generalized moments, relative deviations on the same scale.
        quantiles: so many points of the wealth distribution, as relative deviations from typical mean wealth.
        dispersion: the standard deviation of wealth, as its relative deviation from the typical one, on that scale.
        poverty: the mean of 1 / (1 + a / c_ss) over households, a beyond the limit, as the same. In it the poor count,
            who consume what they earn; in the dispersion the rich.

    Where parameters of the economy vary, `calibration` says at which the economy is, (P,), and stands last.
    """

    states: Tensor
    unit: Tensor
    calibration: Tensor

    def __init__(
        self,
        economy: Economy,
        aggregate_scale: float,
        aggregates: bool = True,
        moments: GeneralizedMoments | None = None,
        quantiles: int = 0,
        unknowns: Sequence[str] = (),
        dispersion: bool = False,
        poverty: bool = False,
        calibration: tuple[float, ...] = (),
    ):
        super().__init__()
        self.aggregate_scale, self.moments = aggregate_scale, moments
        self.quantiles, self.dispersion, self.poverty = quantiles, dispersion, poverty
        state = economy.typical_state()
        base = economy.frictionless()
        self.m, self.c, self.limit = state["m"], state["c"], economy.borrowing_limit
        self.shift = 1 - self.limit / self.c  # 1 + a / c = shift + m / c
        self.human_wealth = base.human_wealth if base else 0.0
        self.aggregates = {name: value for name, value in state.items() if aggregates and name not in ("c", "m")}
        self.unknowns = {name: economy.unknowns[name] for name in unknowns}
        self.mean_wealth = economy.scale
        self.typical_dispersion, self.typical_poverty = economy.typical_dispersion, economy.typical_poverty
        self.n_eps, self.chain = economy.chain.n_eps, economy.chain
        states = economy.described()
        self.own = 2 + bool(self.human_wealth) + states.shape[1]
        # buffers, to be where the networks are
        self.register_buffer("states", states.float(), persistent=False)
        self.register_buffer("unit", self.chain.feature_unit.float(), persistent=False)
        self.register_buffer("calibration", torch.tensor(calibration, dtype=torch.float64), persistent=False)
        self.size = self.own + len(self.unit) + len(self.unknowns) + len(self.aggregates)
        self.size += quantiles + dispersion + poverty + (len(moments.networks) if moments else 0) + len(calibration)

    def forward(self, seen: Observation) -> tuple[Tensor, Tensor]:
        return self.own_inputs(seen), self.common(seen, self.crowd(seen.population))

    def own_inputs(self, seen: Observation) -> Tensor:
        """What differs between households, (B, N, own)."""
        m = seen.resources
        own = [torch.log((m - self.limit) / (self.m - self.limit)), 2 / (self.shift + m / self.c) - 1]
        if self.human_wealth:
            own.append(4 * torch.log((m + self.human_wealth) / (self.m + self.human_wealth)))
        own += self.states[seen.eps].unbind(-1)
        return torch.stack([value.to(m.dtype) for value in own], -1)

    def crowd(self, population: Population) -> Tensor:
        """What is seen of the population beside its aggregates: (B, M + quantiles + dispersion + poverty)."""
        seen = []
        if self.moments is not None:
            seen += (self.aggregate_scale * self.moments(population)).unbind(-1)
        if self.quantiles:
            seen += (ordered_wealth(population, self.quantiles) / self.mean_wealth - 1).unbind(-1)
        if self.dispersion:
            k = population.k
            sd = population.mean((k - population.mean(k)) ** 2).sqrt()[:, 0]
            seen.append(self.aggregate_scale * (sd / self.typical_dispersion - 1))
        if self.poverty:
            poor = population.mean(1 / (1 + (population.k - self.limit) / self.c))[:, 0]
            seen.append(self.aggregate_scale * (poor / self.typical_poverty - 1))
        return torch.stack(seen, -1) if seen else population.k.new_empty((len(population.k), 0))

    def common(self, seen: Observation, crowd: Tensor) -> Tensor:
        """What households share, (B, common), of which the `crowd` is given."""
        common = list((self.chain.features(seen.z) / self.unit).unbind(-1))
        common += [
            (seen.aggregates[name][:, 0] - unknown.typical) / unknown.spread for name, unknown in self.unknowns.items()
        ]
        common += [
            self.aggregate_scale * (seen.aggregates[name][:, 0] / mean - 1) for name, mean in self.aggregates.items()
        ]
        common += crowd.unbind(-1)
        common += [number.expand(len(seen.z)) for number in self.calibration]
        m = seen.resources
        # an economy may have one aggregate state and no aggregates
        return torch.stack([value.to(m.dtype) for value in common], -1) if common else m.new_empty((len(m), 0))
