"""Krusell and Smith (1998) by HARK (econ-ark, the extra "compare"), as a world of ours whose errors can be measured.

HARK's own economy pays nobody who is unemployed. Two of its pieces are replaced, as it offers: the arrays of what may
come tomorrow, and what households have in a simulation. Both then pay what `ks98` pays, benefits and taxes included.
The chain of unemployment is the same already. Method and settings are HARK's: endogenous grid points in cash on hand
and aggregate resources, a panel of households along one path of shocks, and regressions of aggregate savings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from HARK.ConsumptionSaving.ConsAggShockModel import (  # pyright: ignore[reportMissingImports]
    KrusellSmithEconomy,
    KrusellSmithType,
    KS_constructor_dict,
    make_KS_transition_arrays,
)
from torch import Tensor

from deepham.economics.ks98 import KS98
from deepham.errors import require
from deepham.reference.forecasts import LawOfMotion
from deepham.simulation.period import Observation, World

SPELLS = {"DurMeanB": 8.0, "DurMeanG": 8.0, "SpellMeanB": 2.5, "SpellMeanG": 1.5, "RelProbBG": 0.75, "RelProbGB": 1.25}
OF_TOMORROW = ("ProbArray", "mNextArray", "MnextArray", "RnextArray")
LEAST = 0.001  # goods, the lowest node of savings
TOP = 8.0  # the highest, in units of typical capital, as in our own histograms


@dataclass(frozen=True)
class Sizes:
    """Nodes of savings and of aggregate resources, households, quarters (the first of which are thrown away), the
    change of the law of motion that counts as none, and what stays of the law before in each round. Those of HARK but
    for 3,500 quarters in place of 11,000, and for the last two: with its damping of 0.1 the rounds overshoot, and do
    not end."""

    savings: int = 32
    resources: int = 25
    households: int = 10_000
    quarters: int = 3_500
    burn_in: int = 500
    tolerance: float = 1e-3
    damping: float = 0.67


class Insured(KrusellSmithType):
    """HARK's households, with the income of ours, who hear of each new law of motion."""

    def pre_solve(self) -> None:
        # HARK 0.17.2 makes them once, from its first guess, so that no household learns what the market found
        self.construct("solution_terminal", "transition_arrays", *OF_TOMORROW)

    def get_states(self) -> None:
        pay = self.Pay[self.MacroMrkvNow, self.state_now["EmpNow"].astype(int)]
        self.state_now["mNow"] = self.Rnow * self.state_prev["aNow"] + self.Wnow * pay


class OneProcess(KrusellSmithEconomy):
    """HARK's economy, without a pool of processes for its one type."""

    def solve_agents(self) -> None:
        for agent in self.agents:
            agent.solve()


def _arrays(aGrid, Mgrid, AFunc, LbrInd, UrateB, UrateG, ProdB, ProdG, MrkvIndArray, CapShare, DeprRte, Pay):
    """HARK's arrays of tomorrow, [savings, resources, state, next state], with our income in them."""
    given = aGrid, Mgrid, AFunc, LbrInd, UrateB, UrateG, ProdB, ProdG, MrkvIndArray, CapShare, DeprRte
    arrays = make_KS_transition_arrays(*given)
    capital = np.concatenate([2 * [AFunc[z](Mgrid)] for z in (0, 1)]).T[None, :, :, None]
    labour = np.repeat([(1 - UrateB) * LbrInd, (1 - UrateG) * LbrInd], 2)
    wage = np.repeat([ProdB, ProdG], 2) * (1 - CapShare) * (capital / labour) ** CapShare
    arrays["mNextArray"] = arrays["RnextArray"] * aGrid[:, None, None, None] + wage * Pay.flatten()
    return arrays


def _resources(economy: KS98, K: Tensor, z: Tensor) -> Tensor:
    """Of all together at the start of a quarter, goods: HARK's aggregate state beside z."""
    return (1 - economy.delta) * K + economy.firm.output(K, economy.labour[z], economy.z_level[z])


def _guess(economy: KS98, near: LawOfMotion) -> dict[str, list[float]]:
    """A law of motion of capital as HARK's, log of tomorrow's by log of aggregate resources."""
    K = economy.scale * torch.tensor([[0.95], [1.05]], dtype=torch.float64)
    z = torch.tensor([[0, 1]])
    after, before = near(K, z).log(), _resources(economy, K, z).log()
    slope = (after[1] - after[0]) / (before[1] - before[0])
    return {"intercept_prev": (after[0] - slope * before[0]).tolist(), "slope_prev": slope.tolist()}


def solve(economy: KS98, sizes: Sizes, near: LawOfMotion, seed: int = 0) -> World:
    """Solve it as HARK does, one process.

    Args:
        economy: in which times and spells of unemployment last as in the printed calibration.
        near: a law of motion of capital to begin with. From HARK's own guess, that savings are all there is, it needs
            several times as many rounds.
        seed: of HARK's households.

    Raises:
        InputError: another chain.
    """
    constructors = KS_constructor_dict | {"transition_arrays": _arrays}
    households = Insured(
        constructors=constructors,
        Pay=economy.income.numpy(),
        DiscFac=economy.beta,
        CRRA=economy.sigma,
        aMin=LEAST,
        aMax=TOP * economy.scale,
        aCount=sizes.savings,
        MaggCount=sizes.resources,
        AgentCount=sizes.households,
        seed=seed,
    )
    market = OneProcess(
        agents=[households],
        tolerance=sizes.tolerance,
        DampingFac=sizes.damping,
        **_guess(economy, near),
        act_T=sizes.quarters,
        T_discard=sizes.burn_in,
        DiscFac=economy.beta,
        CRRA=economy.sigma,
        LbrInd=economy.hours,
        ProdB=economy.productivity[0],
        ProdG=economy.productivity[1],
        UrateB=economy.unemployment[0],
        UrateG=economy.unemployment[1],
        CapShare=economy.alpha,
        DeprRte=economy.delta,
        **SPELLS,
    )
    same = np.abs(market.MrkvIndArray - np.array(economy.chain_matrix)).max() < 1e-5
    require(bool(same), "chain_matrix: expected the printed one, which HARK makes from rates and durations")
    market.give_agent_params()
    market.make_Mrkv_history()
    market.solve()
    return World(economy, Rule(economy, households.solution[0].cFunc), _no_value)


@dataclass(frozen=True)
class Rule:
    """HARK's consumption by cash on hand and aggregate resources, one function for each (z, eps), as a policy."""

    economy: KS98
    functions: list

    def __call__(self, seen: Observation) -> Tensor:
        economy, z = self.economy, seen.z
        together = _resources(economy, seen.aggregates["K"], z).expand_as(seen.resources)
        which, consumed = 2 * z + seen.eps, torch.empty_like(seen.resources)
        for state, function in enumerate(self.functions):
            here = which == state
            if here.any():
                found = function(seen.resources[here].numpy(), together[here].numpy())
                consumed[here] = torch.from_numpy(np.asarray(found)).to(consumed)
        return torch.minimum(consumed, economy.spendable(seen))


def _no_value(seen: Observation) -> Tensor:
    """HARK keeps the slope of V and not V: what hangs on it is not measured."""
    return torch.full_like(seen.resources, float("nan"))
