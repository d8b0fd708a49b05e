"""The lower bound: a representative agent's solution, two equations in each state of xi, put into the economy."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from benchmarks.hank_zlb import representative
from deepham.economics import create
from deepham.economics.hank_zlb import RatesAndPreference
from deepham.economics.huggett import Huggett
from deepham.errors import InputError
from deepham.reference.settings import settings_for
from deepham.reference.stationary import solve_stationary
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

BETA, PHI = 1 / (1.005 + 1e-8), 1 / 1.2  # at which L = 1; patience falls short of 1 / R by next to nothing


@pytest.mark.parametrize(
    ("sd_xi", "binding", "mean", "lowest", "output"),
    [(0.0115, 9.0, -7.1, -338, 0.98063), (0.0125, 9.0, -13.9, -382, 0.97880)],
)
def test_the_known_answer_of_one_skill_solves_the_equations_of_the_economy(sd_xi, binding, mean, lowest, output):
    economy = create("hank_zlb", states=1, sd=0.0, beta=BETA, phi=PHI, sd_xi=sd_xi)
    Y, pi, shares = representative(economy)
    i = economy.rate(torch.zeros(15), torch.tensor(pi)).numpy()
    assert 100 * shares[i == 0].sum() == pytest.approx(binding, abs=0.05)
    assert 4e4 * shares @ pi == pytest.approx(mean, abs=0.05)
    assert 4e4 * pi.min() == pytest.approx(lowest, abs=0.5)
    assert Y.min() == pytest.approx(output, abs=1e-5)

    # an economy in each state of xi today, and in each of tomorrow: what is found depends on xi alone
    consumed = Y * (1 - 6 / 0.1 * np.log1p(pi) ** 2)
    rows = {"pi": pi, "w": PHI * Y**2 * consumed**2, "L": Y}

    def day(which, z):
        people = Population.panel(torch.full((len(which), 1), economy.B, dtype=torch.float64), 0 * which[:, None])
        found = {name: torch.tensor(each)[which, None] for name, each in rows.items()}
        return World(economy).seen_at(Panel(people, z), found), {"c": torch.tensor(consumed)[which, None]}

    which = torch.arange(15)
    still = torch.zeros(15, dtype=torch.float64)
    seen, choice = day(which, torch.stack([still, still, still + 0.004, economy.chain.levels], 1))
    following, chances = economy.chain.next_states(seen.z, seen.wide)
    later, chosen = day(which.repeat(15), following.flatten(0, 1))

    def expect(values):
        return (chances * values.reshape(15, 15)).sum(1, keepdim=True)

    tomorrow = {name: value.reshape(15, 15) for name, value in later.wide.items()}
    wanted = economy.desired(chosen, later, expect, seen)
    choice |= economy.follows(choice["c"], seen)
    near = {"atol": 1e-7, "rtol": 0}
    torch.testing.assert_close(wanted["c"], choice["c"], **near)
    torch.testing.assert_close(choice["n"], torch.tensor(Y)[:, None], **near)
    torch.testing.assert_close(economy.carry(choice, seen), torch.full_like(choice["c"], economy.B), **near)
    assert float(economy.foresight(seen.wide, tomorrow, expect)["pi"].abs().max()) < 1e-9


@dataclass(eq=False)
class _Levels(Huggett):
    """Bonds B = 1 whose interest a tax on all alike pays: b - B is a bond in no supply, and may be -.58 - B at least.
    Incomes are 1 and 1 +- spread in levels."""

    spread: ClassVar = 0.0

    def tables(self) -> None:
        super().tables()
        self.y = self.table([1 - self.spread, 1.0, 1 + self.spread])


@pytest.mark.slow
@pytest.mark.parametrize(("sigma", "rate"), [(0.075, 1.5027), (0.095, 1.3827)])
def test_the_household_block_has_the_rate_of_the_public_economy_with_a_lower_bound(sigma, rate, monkeypatch):
    """Its deterministic steady state, percent a year: log utility, 1.58 goods that may be lacking of what one pays a
    quarter later (Fernandez-Villaverde, Marbet, Nuno and Rachedi)."""
    monkeypatch.setattr(_Levels, "spread", sigma * math.sqrt(2))
    given = {"beta": 0.9957739732, "sigma": 1.0, "b_min": -1.58 * math.exp(rate / 400), "B": 0.0, "rho": 0.94}
    given |= {"sd": sigma, "states": 3, "income_grid": "rouwenhorst", "rho_z": 0.9, "sd_z": 0.0}
    found = solve_stationary(_Levels(**given), settings_for("huggett", {"histogram_nodes": 200, "top": 14.0}))
    assert 400 * math.log1p(float(found.ergodic.accounts["r"][0, 0]) / 100) == pytest.approx(rate, abs=0.002)


def test_a_bound_above_the_rate_of_rest_is_said():
    with pytest.raises(InputError, match="^bound: the nominal rate of rest"):
        create("hank_zlb", bound=0.01)


def test_states_farther_out_are_states_of_the_chain():
    """Where a sample looks farther out than the economies are: xi has no values between those of its chain."""
    chain = create("hank_zlb").chain
    assert isinstance(chain, RatesAndPreference)
    z = torch.tensor([[0.0, 0.0, 0.004, 0.0]], dtype=torch.float64).repeat(15, 1)
    z[:, 3] = chain.levels
    factor = torch.linspace(1, 3, 15, dtype=torch.float64)[:, None]
    moved = chain.farther(z, factor)
    assert torch.equal(moved[:, :3], z[:, :3]) and bool(torch.isin(moved[:, 3], chain.levels).all())
    assert bool((moved[:, 3].abs() >= z[:, 3].abs()).all())
    assert bool(((moved[:, 3] - factor[:, 0] * z[:, 3]).abs() <= float(chain.levels.diff().max()) / 2)[4:11].all())
