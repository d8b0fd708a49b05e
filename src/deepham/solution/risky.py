"""The risky steady state: realisations of the aggregate state held, expectations kept (Coeurdacier, Rey and Winant,
2011).

Households go on expecting shocks that never come. Capital moves towards a point quickly, may turn there, and then
creeps for thousands of periods while wealth spreads. So the path is kept, the first turn is named, and the end says
whether it has come to rest and how fast it still moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deepham.simulation.period import Panel
from deepham.solution.asked import Solved

if TYPE_CHECKING:
    from xarray import Dataset

SETTLED = 1e-5  # relative movement over a hundred periods that counts as rest
WINDOW = 100


@dataclass(frozen=True, repr=False)  # what is printed at a prompt is one line, not a path of thousands of periods
class RiskySteadyState:
    """Where an economy goes when the aggregate state stays as it is; `SolvedEconomy.risky_steady_state` returns it.

    Attributes:
        path: xarray.Dataset of dimensions (economy, period), every account and moment along the way.
        variable: what is followed: K, and in an economy without capital what clears its market or moves with it
            (`Economy.tracked`), such as a bond's price.
        level: its value at the end, in its unit in `path`.
        settled: whether it has been at rest there for a hundred periods, and mean assets with it; never after fewer
            periods.
        drift: the largest distance from there within the last hundred periods (or all of a shorter path), of the
            variable or of mean assets, whichever was farther; percent.
        turn: (period, level) where it first turns, the plateau of a path that creeps on; None where it does not turn.
        deterministic: its value in the deterministic steady state; None where the economy states none.
        ergodic: its ergodic mean over all states.
        population: the cross-section at the end, as `Solution.simulate(start=)` takes it.
        wealth: (G,) nodes, goods.
        consumption: (n_eps, G) policy at the nodes by individual state, goods per period.
    """

    path: Dataset
    variable: str
    level: float
    settled: bool
    drift: float
    turn: tuple[int, float] | None
    deterministic: float | None
    ergodic: float
    population: dict[str, np.ndarray]
    wealth: np.ndarray
    consumption: np.ndarray

    def __repr__(self) -> str:
        return f"RiskySteadyState({self})"

    def __str__(self) -> str:
        periods = self.path.sizes["period"]
        end = (
            f"{self.variable} settles at {self.level:.4g}"
            if self.settled
            else (
                f"{self.variable} is {self.level:.4g} after {periods} periods and moves by {self.drift:+.2g} % in the "
                f"last {min(WINDOW, periods - 1)}"
            )
        )
        turn = f", after a turn at {self.turn[1]:.4g} in period {self.turn[0]}" if self.turn else ""
        known = "" if self.deterministic is None else f"deterministic steady state {self.deterministic:.4g}, "
        return f"{end}{turn}; {known}ergodic mean {self.ergodic:.4g} {self.path[self.variable].units}"


def at_the_end(solved: Solved, path: Dataset, last: Panel) -> RiskySteadyState:
    """What the end of a path without changes says. last: the economy (B = 1) in its last period."""
    economy, ergodic = solved.economy, solved.cross_sections
    variable = "K" if "K" in path else economy.tracked
    settled, drift, turn = describe_path(path[variable].values[0])
    held, moves, _ = describe_path(path[economy.tracked].values[0])
    # capital may be at rest before those who own it are
    settled, drift = settled and held, max(drift, moves, key=abs)
    eps = np.arange(economy.chain.n_eps)[:, None]
    names = economy.asset, economy.individual_shock, "weight"
    people = last.population
    population = dict(zip(names, (x[0].cpu().numpy() for x in (people.k, people.eps, people.weight))))
    wealth = solved.grid.cpu().numpy()
    consumption = solved.consumption(
        population=population,
        **{
            economy.asset: wealth,
            economy.individual_shock: eps,
            economy.aggregate_shock: economy.naming.labels(last.z)[0][1],
        },
    )
    mean = solved.world.period(ergodic).accounts[variable][:, 0]
    return RiskySteadyState(
        path=path,
        variable=variable,
        level=float(path[variable][0, -1]),
        settled=settled,
        drift=drift,
        turn=turn,
        deterministic=economy.steady_state().get(variable),
        ergodic=float(economy.chain.stationary_z().to(mean) @ mean),
        population=population,
        wealth=wealth,
        consumption=consumption,
    )


def describe_path(level: np.ndarray) -> tuple[bool, float, tuple[int, float] | None]:
    """settled, drift and turn of a path (T,) of positive numbers."""
    moves = np.log(
        level[-1] / level[-1 - WINDOW :]
    )  # from each of the last periods to the end: a path that turns may come back
    drift = moves[np.abs(moves).argmax()]
    steps = np.diff(level)
    steps[np.abs(steps) < 1e-12 * np.abs(level[1:])] = 0.0  # rounding at rest is no turn
    moving = np.flatnonzero(steps)
    turned = np.flatnonzero(np.diff(np.sign(steps[moving]))) if len(moving) else moving
    turn = None if not len(turned) else int(moving[turned[0]] + 1)
    return (
        len(level) > WINDOW and bool(abs(drift) < SETTLED),
        100 * float(drift),
        None if turn is None else (turn, float(level[turn])),
    )
