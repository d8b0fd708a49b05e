"""What aggregate risk does to a trained `hank` on average: means beside rest, and what fluctuations cost by wealth.

    python benchmarks/hank_costs.py SOLUTION [SOLUTION OF ANOTHER SEED] --pairs 8

Rest is the steady state without aggregate risk on the solution's own nodes of wealth, where both markets clear there.
At the prices of sequence-jacobian's steady state they do not quite: a histogram of so many nodes makes wealth a
little too dispersed, and then nothing could be told apart from that.

Economies come in pairs with luck of opposite sign, so that what moves with luck itself cancels. Groups of households,
by what they hold after 100 quarters, are followed along a path; and the same households, with what they hold, at rest.
The cost is the share of consumption at rest that they could give up in every quarter and be as well off as along the
path. Standard errors are over pairs.
"""

from __future__ import annotations

import argparse
from dataclasses import fields, replace

import torch
from torch import Tensor

import deepham
from deepham.economics.economy import Economy, Wide
from deepham.economics.hank import HANK, HouseholdAtRest
from deepham.errors import InputError
from deepham.reference.stationary import households_at
from deepham.simulation.continuum import settle
from deepham.simulation.period import Panel, Period, World
from deepham.simulation.walk import later, walk
from deepham.solution.solved import SolvedEconomy
from deepham.solution.welfare import members_of_groups
from deepham.training.from_rest import on_a_grid

SETTLES = 100  # quarters before economies have forgotten where they start
GROUPS = {
    "poorest 20 %": (0.0, 0.2),
    "next 40 %": (0.2, 0.6),
    "next 35 %": (0.6, 0.95),
    "richest 5 %": (0.95, 1.0),
    "all": (0.0, 1.0),
}
# percent of a good, or basis points a year
MEANS = {"Y": 100.0, "pi": 400.0, "i": 400.0, "r": 400.0, "w": 100.0, "wealth_sd": 1.0}
STEPS, INFLATION, LABOUR, CLEARED = 8, 1e-4, 1e-3, 1e-6  # of Newton's method at rest, and its differences


class AtPrices(HouseholdAtRest):
    """A household at an inflation, a wage and a labour that stay, `found`; as `HouseholdAtRest` before `at`."""

    found: dict[str, float] | None = None  # pi, w and L

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        if not self.found:
            return super().prices(aggregates, z)
        like = aggregates["B"]
        stay = {name: torch.full_like(like, value) for name, value in self.found.items()}
        return HANK.prices(self, stay, self.rest.expand(len(z), -1))

    def at(self, pi: float, labour: float) -> AtPrices:
        """At this inflation, with the rate that the rule sets, and the wage at which firms are content with it."""
        i = self.rstar_bar + self.phi_pi * pi
        R = (1 + i) / (1 + pi)
        grows = torch.log1p(torch.tensor(pi, dtype=torch.float64)).item()
        self.found = {"pi": pi, "w": 1 / self.mu + grows * (1 - 1 / R) / self.kappa, "L": labour}
        self.rest = self.rest.clone()
        self.rest[:, 2] = i
        return self


def rest_on(economy: HANK, nodes: Tensor) -> tuple[World, Panel, dict[str, float]]:
    """The steady state without aggregate risk, whose markets clear on these nodes: its household's world, the
    cross-section, and what `MEANS` names, in the units of accounts.

    Raises:
        InputError: no steady state was found near that of sequence-jacobian.
    """
    household = AtPrices(**{each.name: getattr(economy, each.name) for each in fields(HANK)})
    settings = on_a_grid(len(nodes), float(nodes[-1]) / economy.scale)

    def tried(x: Tensor) -> tuple[Tensor, Period]:
        plan, people = households_at(household.at(*x.tolist()), settings, economy.B)
        period = Period(World(household, plan.on_histogram(nodes)), Panel(people, household.chain.typical_z()))
        supplied = people.mean(household.e[people.eps] * period.choice["n"])
        left = torch.cat([people.mean(period.carried)[0] / economy.B - 1, supplied[0] / x[1] - 1])
        return left, period

    x, steps = torch.tensor([0.0, economy.labour], dtype=torch.float64), torch.tensor([INFLATION, LABOUR]).double()
    left, period = tried(x)
    slopes = torch.stack([(tried(x + step)[0] - left) / step.sum() for step in torch.diag(steps)], 1)
    for _ in range(STEPS):
        if float(left.abs().max()) < CLEARED:
            break
        x = x - torch.linalg.solve(slopes, left)
        left, period = tried(x)
    else:
        raise InputError(f"no steady state on {len(nodes)} nodes: markets miss by {float(left.abs().max()):.1e}")
    people, (pi, L) = period.panel.population, x.tolist()
    i = economy.rstar_bar + economy.phi_pi * pi
    sd = float(people.mean((people.k - people.mean(people.k)) ** 2).sqrt())
    rates = {"pi": 100 * pi, "i": 100 * i, "r": 100 * ((1 + i) / (1 + pi) - 1)}
    w = float(period.seen.prices["pay"])
    return period.world, period.panel, {"Y": L, "w": w, "wealth_sd": sd} | rates


@torch.no_grad()
def followed(
    world: World, start: Panel, members: Tensor, shocks: Tensor, grid: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """What groups of households get along a path.

    Args:
        start: B economies, histograms on the grid; members: (Q, B, N), masses of groups at their nodes.
        shocks: (B, T, d), as `walk` takes them.

    Returns:
        (2, Q, B), discounted utility of consumption, and of hours, utils; and means over the path of what `MEANS`
        names, (B,) each; of none at rest.
    """
    economy, total, factor = world.economy, torch.zeros(2, *members.shape[:2], dtype=torch.float64), 1.0
    accounted = MEANS if economy.unknowns else {}
    means = {name: torch.zeros(len(start.z), dtype=torch.float64) for name in accounted}
    for t, period in enumerate(walk(world, start, shocks, grid=grid)):
        seen, choice, people = period.seen, period.choice, period.panel.population
        sigma = economy.preferences.sigma  # a power, and not less one, so that it grows in proportion
        of_goods = choice["c"] ** (1 - sigma) / (1 - sigma)
        of_hours = economy.utility(choice, seen) - economy.preferences.utility(choice["c"])
        utilities = torch.stack([of_goods, of_hours])
        total += factor * (utilities[:, None] * members).sum(-1)
        factor *= economy.beta
        told = period.accounts if means else {}
        spread = people.mean((people.k - people.mean(people.k)) ** 2).sqrt()
        for name in means:
            means[name] += (spread if name == "wealth_sd" else told[name])[:, 0] / shocks.shape[1]
        if t + 1 < shocks.shape[1]:
            z_next = economy.chain.follow(seen.z, shocks[:, t + 1], seen.wide)
            saved = people.with_assets(period.carried)
            each = [settle(economy, grid, replace(saved, weight=mass), seen.z, z_next).weight for mass in members]
            members = torch.stack(each)
    return total, means


def cost(along: Tensor, rest: Tensor, sigma: float) -> Tensor:
    """Percent of consumption at rest, of utilities (2, ...) of consumption and of hours along the path and at rest."""
    return 100 * (1 - ((along.sum(0) - rest[1]) / rest[0]) ** (1 / (1 - sigma)))


def groups_of(panel: Panel, n_eps: int) -> Tensor:
    """Masses (Q, B, N) of the groups of a histogram."""
    mass = panel.population.weight.reshape(len(panel.z), n_eps, -1)
    bounds = list(GROUPS.values())
    each = [torch.from_numpy(members_of_groups(one.numpy(), bounds)).flatten(1) for one in mass]
    return torch.stack(each, 1)


def mirrored_luck(economy: Economy, pairs: int, periods: int, seed: int) -> Tensor:
    """(2 pairs, periods, d), the second half in a mirror of the first."""
    z = economy.chain.typical_z()[:1].expand(pairs, -1)
    paths = [
        economy.chain.draw_path(z, periods, torch.Generator().manual_seed(seed), mirror) for mirror in (False, True)
    ]
    return torch.cat(paths)


@torch.no_grad()
def costs(solution: SolvedEconomy, pairs: int, periods: int, seed: int) -> None:
    economy, grid = solution.economy, solution.grid.double()  # in single precision masses would be made one
    if not isinstance(economy, HANK) or economy.sigma == 1:
        raise InputError(f"expected a solution of hank with sigma other than 1, got one of {solution.name}")
    luck, settles = mirrored_luck(economy, pairs, SETTLES + periods, seed), SETTLES
    home = solution.along_path(1, 2, seed).to(dtype=torch.float64)
    begin = Panel(home.population.select([0] * 2 * pairs), economy.chain.typical_z()[:1].expand(2 * pairs, -1))
    start = later(solution.world, begin, luck[:, : settles + 1], torch.Generator(), grid)
    members = groups_of(start, economy.chain.n_eps)
    along, means = followed(solution.world, start, members, luck[:, settles:], grid)
    world, there, rest = rest_on(economy, grid)
    still = Panel(there.population.select([0] * 2 * pairs), there.z[:1].expand(2 * pairs, -1))
    nothing = torch.zeros(2 * pairs, luck.shape[1] - settles, 1, dtype=still.z.dtype)
    at_rest, _ = followed(world, still, members, nothing, grid)

    def of_pairs(values: Tensor) -> Tensor:
        return (values[..., :pairs] + values[..., pairs:]) / 2

    print(
        f"means less rest, {pairs} pairs, {periods} quarters; at rest pi is {400 * rest['pi']:.2f} basis points a year"
    )
    for name, unit in MEANS.items():
        print(f"  {name:12} {said(unit * (of_pairs(means[name]) - rest[name]))}")
    print("cost of fluctuations, percent of consumption")
    for name, each in zip(GROUPS, cost(of_pairs(along), of_pairs(at_rest), economy.sigma)):
        print(f"  {name:12} {said(each)}")


def said(values: Tensor) -> str:
    return f"{float(values.mean()):9.4f} ({float(values.std() / len(values) ** 0.5):.4f})"


def main() -> None:
    parser = argparse.ArgumentParser(description="Means beside rest, and the cost of fluctuations, of hank.")
    parser.add_argument("solutions", nargs="+")
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--periods", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for name in given.solutions:
        print(f"== {name}")
        costs(deepham.load(name), given.pairs, given.periods, given.seed)


if __name__ == "__main__":
    main()
