"""What one economy is worth to the households of another, as consumption for ever.

The households of a solved economy wake up in another one, with what they hold and in the aggregate state that they are
in. Its value function says what the way from there is worth to them. The gain is the share by which consumption in
their own economy would have to rise, for ever, to make them as well off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from deepham.algorithm.residuals import residuals
from deepham.economics.economy import Economy
from deepham.economics.patience import discounted_periods, discounted_sum, mean_of_alike
from deepham.errors import InputError
from deepham.simulation.period import Panel
from deepham.solution.cross_sections import over_states

if TYPE_CHECKING:
    import pandas

DATES, PERIODS = 20, 1000  # of the paths on which the level of the value functions is put right
GROUPS = (
    (0.0, 0.01),
    (0.01, 0.05),
    (0.05, 0.2),
    (0.2, 0.4),
    (0.4, 0.6),
    (0.6, 0.8),
    (0.8, 0.95),
    (0.95, 0.99),
    (0.99, 1.0),
)


@dataclass(frozen=True, repr=False)  # what is printed at a prompt is a line
class Welfare:
    """Gains, percent of consumption, for ever: above zero households are better off in the other economy.

    Attributes:
        k: (G,) nodes of wealth, goods.
        gain: (n_eps, G) at the nodes, on average over the aggregate states that households are in.
        table: by quantiles of wealth, a pandas.DataFrame: "from" and "to" (percent of households from the poorest),
            "wealth" (mean, goods), the gain of each individual state by its name, of "all", and the share of "winners".
        mean: over all households.
        by_state: (n_eps,) over the households of each individual state.
        gaining: share of the households that gain.
        level_error: what the value functions of the two economies were corrected by, percent of consumption: on
            average over their own ergodic sets they miss the true value of their policies by so much. An effect that is
            not much larger is not one.
    """

    k: np.ndarray
    gain: np.ndarray
    table: pandas.DataFrame
    mean: float
    by_state: np.ndarray
    gaining: float
    level_error: tuple[float, float]

    def __str__(self) -> str:
        return f"a gain of {self.mean:+.4f} % of consumption for ever on average; {self.gaining:.0%} of households gain"

    def __repr__(self) -> str:
        return f"Welfare({self})"


@torch.no_grad()
def welfare(before: Any, after: Any, seed: int) -> Welfare:
    """Compare the values of two solved economies, `SolvedEconomy`s, at the cross-sections of the first.

    Args:
        seed: of the path along which the value functions' own errors are averaged.

    Raises:
        InputError: economies of different households, or tastes.
    """
    economy, chain = before.economy, before.economy.chain
    require_comparable(before, after)
    mass = before.mass.reshape(chain.n_z, chain.n_eps, -1)
    k, paths = before.grid.cpu().numpy(), [each.along_path(DATES, PERIODS, seed) for each in (before, after)]
    errors = [missed(each, dates) for each, dates in zip((before, after), paths)]
    value: list[list[np.ndarray]] = [[], []]
    eps = np.arange(chain.n_eps)[:, None]
    for cell, (_, z) in enumerate(economy.naming.labels(before.z)):
        people = before.cross_sections.select([cell]).population
        names = economy.asset, economy.individual_shock, "weight"
        around = dict(zip(names, (x[0].cpu().numpy() for x in (people.k, people.eps, people.weight))))
        states = {economy.asset: k, economy.individual_shock: eps, economy.aggregate_shock: z}
        for solved, error, found in zip((before, after), errors, value):
            found.append(solved.value(population=around, **states) + error.of_value)
    old, new = (np.stack(each) for each in value)
    shares = (chain.stationary_z().to(mass)[:, None, None] * mass).cpu().numpy()
    found = gains(k, shares, equivalent(economy, new, old, lives(economy)))
    unit = float(economy.preferences.marginal_utility(torch.tensor(economy.typical_state()["c"])))
    in_percent = [100 * float(each.by_date.mean()) / (unit * economy.typical_state()["c"]) for each in errors]
    return Welfare(
        k,
        found["gain"],
        _table(economy, found),
        float(found["mean"]),
        found["by_state"],
        float(found["gaining"]),
        (in_percent[0], in_percent[1]),
    )


def require_comparable(before: Any, after: Any) -> None:
    """Raise InputError unless the values of two solved economies are of the same households with the same tastes."""
    one, other = before.economy, after.economy
    for reason in (
        None if before.name == after.name else f"{before.name} and {after.name} are two economies",
        None
        if (one.chain.n_z, one.chain.n_eps, one.chain.draws) == (other.chain.n_z, other.chain.n_eps, other.chain.draws)
        else "they have different numbers of states",
        None
        if one.beta == other.beta
        and torch.allclose(discounted_periods(one), discounted_periods(other), rtol=1e-9)
        and vars(one.preferences).keys() == vars(other.preferences).keys()
        and getattr(one.preferences, "sigma", None) == getattr(other.preferences, "sigma", None)
        else "utils of different tastes cannot be compared",
        None if not (one.pays or other.pays) else "a planner's values have in them what it pays",
    ):
        if reason is not None:
            raise InputError(
                f"welfare: {reason}; expected two market solutions of one economy, with the same beta and utility"
            )


@dataclass(frozen=True)
class Missed:
    """By how much value functions are short of the value of their policies, utils.

    Attributes:
        by_date: (B,) mean of u + beta E V' - V over the households of each cross-section, a period.
        of_value: (n_eps, 1) what comes together of it over the life of a household in each individual state.
    """

    by_date: np.ndarray
    of_value: np.ndarray


@torch.no_grad()
def missed(solved: Any, dates: Panel) -> Missed:
    """At B cross-sections of the ergodic set. Households with lives of one length and patience are taken together."""
    by_date, n_eps = [], solved.economy.chain.n_eps
    total, mass = (torch.zeros(n_eps, dtype=torch.float64) for _ in range(2))
    for index in range(len(dates.z)):  # one economy at a time keeps the memory small
        one = dates.select(slice(index, index + 1))
        here = residuals(solved.world, one, optimality=False)
        eps, weight = one.population.eps[0].cpu(), here.weight[0].double().cpu()
        short = -weight * here.bellman_policy[0].double().cpu()
        by_date.append(float(short.sum()))
        total.index_add_(0, eps, short)
        mass.index_add_(0, eps, weight)
    economy = solved.economy
    each = mean_of_alike(economy, *((x.to(dates.z.device)) for x in ((total / mass).nan_to_num(0.0), mass)))
    return Missed(np.array(by_date), discounted_sum(economy, each)[:, None].cpu().numpy())


def lives(economy: Economy) -> np.ndarray:
    """How many periods of the present one's worth a life is, by individual state, (n_eps, 1)."""
    return discounted_periods(economy)[:, None].cpu().numpy()


def gains(k: np.ndarray, mass: np.ndarray, gain: np.ndarray) -> dict[str, np.ndarray]:
    """Means of gains (n_z, n_eps, G) by masses of the same shape: at each node, by groups of wealth and altogether."""
    pooled, pooled_gain = mass.sum(0), over_states(mass, gain)
    winning = over_states(mass, (gain > 0).astype(float))
    members = members_of_groups(pooled)
    wealth, by_state = means_of_groups(members, k, pooled_gain)
    each = members.sum((1, 2))
    return {
        "gain": pooled_gain,
        "groups": np.column_stack([by_state, (members * pooled_gain).sum((1, 2)) / each]),
        "wealth": wealth,
        "winners": (members * winning).sum((1, 2)) / each,
        "mean": (pooled * pooled_gain).sum(),
        "by_state": (pooled * pooled_gain).sum(1) / pooled.sum(1),
        "gaining": (pooled * winning).sum(),
    }


def members_of_groups(mass: np.ndarray, groups: Sequence[tuple[float, float]] = GROUPS) -> np.ndarray:
    """Masses (len(groups), n_eps, G) of the households of each group, between two quantiles of wealth, of those
    (n_eps, G) at increasing levels of wealth."""
    level = mass.sum(0).cumsum()
    below = np.concatenate([[0.0], level[:-1]])
    inside = [
        np.clip(np.minimum(level, high) - np.maximum(below, low), 0, None) / (level - below).clip(1e-300)
        for low, high in groups
    ]
    return np.stack(inside)[:, None] * mass


def means_of_groups(members: np.ndarray, k: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean wealth (len(GROUPS),), and means (len(GROUPS), n_eps) of values (n_eps, G), NaN where nobody is."""
    each = members.sum(2)
    means = np.divide((members * values).sum(2), each, out=np.full(each.shape, np.nan), where=each > 1e-9)
    return (members * k).sum((1, 2)) / each.sum(1), means


def equivalent(economy: Economy, value: np.ndarray, other: np.ndarray, periods: np.ndarray | float) -> np.ndarray:
    """Percent by which consumption would have to rise for the rest of a life to turn lifetime utility `other` into
    `value`, utils.

    periods: how many periods of the present one's worth that is, `lives`, in a shape that broadcasts.
    """
    constant, old = (economy.preferences.inverse_utility(torch.as_tensor(each / periods)) for each in (value, other))
    return 100 * (constant / old - 1).numpy()


def _table(economy: Economy, found: dict[str, np.ndarray]) -> pandas.DataFrame:
    import pandas  # slow to import

    names = economy.names_of(economy.individual_shock, economy.chain.n_eps)
    columns = {"from": [100 * low for low, _ in GROUPS], "to": [100 * high for _, high in GROUPS]}
    columns |= {"wealth": found["wealth"]}
    columns |= dict(zip((*names, "all") if len(names) > 1 else ("all",), found["groups"].T[-len(names) - 1 :]))
    return pandas.DataFrame(columns | {"winners": found["winners"]})
