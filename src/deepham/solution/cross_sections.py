"""Who holds how much in an economy, and what they do with a little more: tables of its ergodic cross-sections.

Masses are laid out as in a histogram, (n_z, n_eps, G): by aggregate state, individual state and node of wealth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from deepham.economics.economy import Economy
from deepham.errors import InputError
from deepham.simulation.population import Population, gini, has_mean, lorenz
from deepham.solution.asked import Solved
from deepham.solution.histories import GIFT, propensity
from deepham.system.arrays import numbers

if TYPE_CHECKING:
    import pandas


def distribution(solved: Solved, z=None) -> pandas.DataFrame:
    """See `SolvedEconomy.distribution`."""
    import pandas  # slow to import

    economy = solved.economy
    cell = None if z is None else cell_of(economy, z)
    people = solved.pooled if cell is None else solved.cross_sections.select([cell]).population
    eps = people.eps[0].cpu().numpy()
    names = economy.shock_names.get(economy.individual_shock, ())
    named = len(names) == economy.chain.n_eps
    table = pandas.DataFrame(
        {
            economy.asset: people.k[0].cpu().numpy(),
            economy.individual_shock: np.array(names)[eps] if named else eps,
            "mass": people.weight[0].cpu().numpy(),
        }
    )
    table.attrs["units"] = {economy.asset: "goods, start of period", "mass": "share of households"}
    return table


@torch.no_grad()
def propensities(solved: Solved, gift=None, z=None) -> pandas.DataFrame:
    """See `SolvedEconomy.mpc`."""
    economy = solved.economy
    amount = GIFT * economy.typical_household()["c"] if gift is None else _positive(gift)
    table, cell = distribution(solved, z), None if z is None else cell_of(economy, z)
    panel = solved.cross_sections
    found = torch.cat([propensity(solved.world.period(panel.select([n])), amount) for n in range(len(panel.z))])
    if cell is None:
        shares = economy.chain.stationary_z().to(solved.mass)[:, None] * solved.mass
        values = over_states(shares.cpu().numpy(), found.cpu().numpy())
    else:
        values = found[cell].cpu().numpy()
    table["mpc"] = values
    table.attrs["units"]["mpc"] = "share of the gift, consumed in the period"
    table.attrs |= {"gift": amount, "mean": float(np.dot(table["mass"].to_numpy(), values))}
    return table


@torch.no_grad()
def lorenz_curve(solved: Solved, z=None) -> pandas.DataFrame:
    """See `SolvedEconomy.lorenz`."""
    import pandas  # slow to import

    cell = None if z is None else cell_of(solved.economy, z)
    people = solved.pooled if cell is None else solved.cross_sections.select([cell]).population
    if not has_mean(people):
        raise InputError(
            "lorenz: debts and wealth cancel, so that there is nothing to have a share of; expected distribution()"
        )
    households, wealth = (x[0].cpu().numpy() for x in lorenz(people.k, people.weight))
    table = pandas.DataFrame({"households": households, "wealth": wealth})
    table.attrs = {
        "units": {"households": "share, from the poorest", "wealth": "share"},
        "gini": float(gini(people.k, people.weight)),
    }
    return table


def pooled(solved: Solved) -> Population:
    """The cross-section on average over the aggregate states, one economy."""
    share = solved.economy.chain.stationary_z().to(solved.mass)
    return Population.histogram(solved.grid, (share @ solved.mass).reshape(1, solved.economy.chain.n_eps, -1))


def over_states(mass: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Means (...) of values (n_z, ...) over the aggregate states that households are in, by their masses (n_z, ...);
    where nobody is, by those of the states."""
    every = mass.sum(tuple(range(1, mass.ndim)), keepdims=True)
    weight = np.where(mass.sum(0) > 0, mass, every)
    return (weight * values).sum(0) / weight.sum(0)


def cell_of(economy: Economy, z: Any) -> int:
    """Which of the cross-sections that are told apart belongs to a state that a user names."""
    if economy.chain.every_z() is None:
        raise InputError(
            f"{economy.aggregate_shock}: it moves continuously, and there is one cross-section of all its values; "
            "expected none"
        )
    return int(economy.naming.read_held(z))


def _positive(gift: Any) -> float:
    array = numbers("gift", gift)
    if array.ndim or not array > 0:
        raise InputError(f"gift: expected one positive number of goods, got {gift!r}")
    return float(array)
