"""`hank` with a lower bound of the nominal rate, and households whose patience moves.

    policy       i = max(bound, rstar + phi_pi pi)
    household    xi multiplies the period's utility, of consumption and of hours: the condition of hours is unchanged,
                 and xi u'(c) = beta E[xi' R' u'(c')]
    shocks       log xi is a chain of Rouwenhorst's, beside rstar and Z

The chain is bounded on purpose: for larger shocks there need not be an equilibrium. When xi falls households would
rather wait, and the rate at which they do not may lie below the bound; then prices fall, real rates are high, and
output falls. The aggregate state is z = (rstar - rstar_bar, log Z, i_lag, log xi). All else is as in `hank`.
"""

# fields for what the base class declares for the class, as in every economy
# pyright: reportIncompatibleVariableOverride=false, reportAttributeAccessIssue=false

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from deepham.economics.economy import Own, Seen, Wide, parameter, require
from deepham.economics.hank import BY_PRODUCTIVITY, HANK, RATES, RatesAndProductivity
from deepham.economics.income import rouwenhorst
from deepham.economics.markov import stationary
from deepham.economics.process import Aggregates, invert
from deepham.economics.quadrature import standard_normal

BY_PREFERENCE = 0.28  # what log xi moves of inflation, where rstar moves one


class RatesAndPreference(RatesAndProductivity):
    """z (B, 4): the three numbers of `RatesAndProductivity`, and log xi on its chain.

    Args:
        levels: log xi, (n,); preference: its P, (n, n); spread: its long-run standard deviation.
        others: as in `RatesAndProductivity`.
    """

    def __init__(self, levels: Tensor, preference: Tensor, spread: float, *others):
        super().__init__(*others)
        self.levels, self.preference, self.draws = levels, preference, 4
        rates = BY_PREFERENCE * spread + float(self.spread[0] + BY_PRODUCTIVITY * self.spread[1])
        self.moves_of_rates = rates or RATES
        self.still = not bool((self.sigma > 0).any())  # rstar and Z
        self.n_next = len(levels) * (1 if self.still else len(self.nodes))
        of_rates = self.unit_of_rates()
        self.feature_unit = torch.cat([of_rates, of_rates.new_tensor([3 * spread or 1.0])])

    def start(self, for_z: Tensor, for_eps: Tensor) -> tuple[Tensor, Tensor]:
        usual = self.typical_z()
        first = usual[:, :3] + self.spread * standard_normal(for_z[..., :3])
        xi = self.levels[invert(stationary(self.preference).expand(len(for_z), -1), for_z[..., 3])]
        return torch.cat([first, xi[:, None]], -1), self.draw_first_eps(for_eps)

    def follow(self, z: Tensor, shock: Tensor, aggregates: Aggregates | None = None) -> Tensor:
        rates = super().follow(z[..., :3], shock[..., :3], aggregates)
        luck = torch.special.ndtr(shock[..., 3])
        xi = self.levels[invert(self._chances(z).expand(*luck.shape, -1), luck)]
        return torch.cat([rates, xi[..., None]], -1)

    def next_states(
        self, z: Tensor, aggregates: Aggregates | None = None, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        nodes, weights = (self.nodes[:1] * 0, self.weights[:1] * 0 + 1) if self.still else (self.nodes, self.weights)
        beside = {name: value[:, None] for name, value in (aggregates or {}).items()}
        rates = super().follow(z[:, None, :3], nodes, beside)
        states = len(self.levels)
        xi = self.levels.repeat(len(nodes)).expand(len(z), -1)[..., None]
        chances = (weights[:, None] * self._chances(z)[:, None]).flatten(1)
        return torch.cat([rates.repeat_interleave(states, 1), xi], -1), chances

    def farther(self, z: Tensor, factor: Tensor) -> Tensor:
        """With log xi alone farther out, in the state nearest to that: which rates come with it, its past decides."""
        xi = (factor * z[..., 3:] - self.levels).abs().argmin(-1, keepdim=True)
        return torch.cat([z[..., :3], self.levels[xi]], -1)

    def in_deviations(self, size: np.ndarray, unit: str, number: int = 0) -> np.ndarray:
        require(number < 3, "shock: xi is on a chain; expected standard deviations, {'innovation': ...}")
        return super().in_deviations(size, unit, number)

    def _chances(self, z: Tensor) -> Tensor:
        """P of log xi tomorrow, (..., n)."""
        return self.preference[(z[..., 3:] - self.levels).abs().argmin(-1)]

    def typical_z(self) -> Tensor:
        usual = super().typical_z()
        return torch.cat([usual, torch.zeros_like(usual[:, :1])], 1)


@dataclass(eq=False)
class HankZLB(HANK):
    """Sticky prices and a lower bound of the nominal rate; the calibration lies in conf/model/hank_zlb.yaml."""

    bound: float = parameter("lowest nominal rate", "per quarter", low=-1, high=1)
    rho_xi: float = parameter("persistence of log xi", low=-1, high=1)
    sd_xi: float = parameter("standard deviation of the innovation of log xi", low=0, high=1, closed="low")
    states_xi: int = parameter("states of xi", low=1, high=99, closed="both")

    shock_names: ClassVar = HANK.shock_names | {"z": ("rstar", "Z", "i_lag", "xi")}
    source: ClassVar = "sequence-jacobian's one-asset HANK, with a lower bound"
    variables: ClassVar = HANK.variables | {"xi": ("weight of the period's utility", "-")}

    def rate(self, rstar: Tensor, pi: Tensor) -> Tensor:
        return super().rate(rstar, pi).clamp_min(self.bound)

    def utility(self, choice: Own, seen: Seen) -> Tensor:
        return _xi(seen) * super().utility(choice, seen)

    def marginal_utility(self, choice: Own, seen: Seen) -> Tensor:
        return _xi(seen) * super().marginal_utility(choice, seen)

    def interior(self, worth: Tensor, seen: Seen) -> Own:
        return super().interior(worth / _xi(seen), seen)

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        return super().accounts(choice, carried, seen) | {"xi": _xi(seen)}

    def without_aggregate_risk(self) -> HankZLB:
        return replace(self, sd_r=0.0, sd_Z=0.0, sd_xi=0.0)

    def check(self) -> None:
        super().check()
        require(
            self.bound < self.rstar_bar,
            f"bound: the nominal rate of rest is rstar_bar = {self.rstar_bar:g}; expected a bound below it, got "
            f"{self.bound:g}",
        )

    def process(self, individual: Tensor) -> RatesAndPreference:
        spread = self.sd_xi / math.sqrt(1 - self.rho_xi**2)
        xi, preference = rouwenhorst(self.rho_xi, spread, self.states_xi)
        levels = xi.log() - xi.log().mean()  # symmetric; a factor of all utility changes nothing
        rates = super().process(individual)
        return RatesAndPreference(
            levels, preference, spread, rates.rest, rates.rho[:2].tolist(), rates.sigma[:2].tolist(), individual
        )


def _xi(seen: Seen) -> Tensor:
    return seen.z[:, 3:].exp().to(seen.resources)
