"""What linear methods cannot say of a trained `hank`: responses by size, by sign, by the state of the economy and by
wealth, each with its standard error. (Means against rest, and the cost of fluctuations: hank_costs.py.)

    python benchmarks/hank_nonlinear.py SOLUTION [SOLUTION OF ANOTHER SEED]

Shocks strike economies of the ergodic set, `--starts` cross-sections that lie 25 quarters apart on one path. Two
copies of each have the same luck but for the innovation of quarter 0, which is zero in one (`baseline="forced"` in
`Solution.irf`). Standard errors are over these economies; that of a difference is of the difference in each, where it
is one between responses of the same economies. Solutions of other seeds show what of all this is error of training.
"""

from __future__ import annotations

import argparse

import torch
from torch import Tensor

import deepham
from deepham.economics.hank import HANK, RatesAndProductivity
from deepham.errors import InputError
from deepham.simulation.period import Panel, Period
from deepham.simulation.walk import walk
from deepham.solution.solved import SolvedEconomy
from deepham.solution.welfare import members_of_groups

SHOCKS = ("rstar", "Z")
QUARTERS, APART = 12, 25  # of a response; between two economies of the ergodic set
TOLD = {"Y": 100.0, "pi": 400.0}  # output in percent of one, inflation from percent a quarter to basis points a year
SIZES = (-3.0, -1.0, 1.0, 3.0)  # standard deviations of the innovation
GROUPS = {"poorest 20 %": (0.0, 0.2), "next 40 %": (0.2, 0.6), "next 35 %": (0.6, 0.95), "richest 5 %": (0.95, 1.0)}


def mean_of(values: Tensor) -> tuple[float, float]:
    """Mean over economies (B,) and its standard error."""
    return float(values.mean()), float(values.std() / len(values) ** 0.5)


def said(values: Tensor, digits: int = 3) -> str:
    mean, error = mean_of(values)
    return f"{mean:9.{digits}f} ({error:.{digits}f})"


def hank_of(solution: SolvedEconomy) -> HANK:
    if not isinstance(solution.economy, HANK):
        raise InputError(f"expected a solution of hank, got one of {solution.name}")
    return solution.economy


def sigma_of(solution: SolvedEconomy) -> Tensor:
    """Standard deviations of the innovations of z."""
    chain = hank_of(solution).chain
    assert isinstance(chain, RatesAndProductivity)
    return chain.sigma


@torch.no_grad()
def responses(solution: SolvedEconomy, starts: Panel, shock: str, sizes, seed: int) -> dict[float, dict[str, Tensor]]:
    """Size -> name -> (B, QUARTERS), shocked less baseline, per standard deviation of the innovation."""
    generator = torch.Generator().manual_seed(seed)
    chain, which = solution.economy.chain, SHOCKS.index(shock)
    calm = chain.draw_path(starts.z, QUARTERS + 1, generator)
    calm[:, 1, which] = 0.0

    def path(innovation: float) -> dict[str, Tensor]:
        moved = calm.clone()
        moved[:, 1, which] = innovation
        rows = [period.accounts for period in walk(solution.world, starts, moved, grid=solution.grid)][1:]
        return {name: unit * torch.cat([row[name] for row in rows], 1) for name, unit in TOLD.items()}

    baseline, shocked = path(0.0), {size: path(size) for size in sizes}
    return {size: {name: (path[name] - baseline[name]) / size for name in TOLD} for size, path in shocked.items()}


def by_size_and_sign(found: dict[float, dict[str, Tensor]]) -> None:
    for name in TOLD:
        for what, of in (("impact", lambda x: x[:, 0]), ("sum over 12 quarters", lambda x: x.sum(1))):
            each = {size: of(found[size][name]) for size in found}
            row = "  ".join(f"{size:+g} sd {said(values)}" for size, values in each.items())
            print(f"  {name:3} {what}: {row}")
            print(
                f"      up less down: at 1 {said(each[1.0] - each[-1.0])}, at 3 {said(each[3.0] - each[-3.0])}", end=""
            )
            large, small = ((each[size] + each[-size]) / 2 for size in (3.0, 1.0))
            print(f"; half of both, 3 less 1 {said(large - small)}")


def by_state(starts: Panel, output: Tensor, found: dict[str, Tensor]) -> None:
    """Of the quarter of economies whose output was lowest before the shock, and of that where it was highest."""
    order, quarter = output.argsort(), len(output) // 4
    for name, path in found.items():
        for what, of in (("impact", path[:, 0]), ("sum over 12 quarters", path.sum(1))):
            low, high = of[order[:quarter]], of[order[-quarter:]]
            error = (low.var() / len(low) + high.var() / len(high)).sqrt()
            apart = float(low.mean() - high.mean())
            print(f"  {name:3} {what}: low {said(low)}  high {said(high)}  less {apart:9.3f} ({float(error):.3f})")


@torch.no_grad()
def by_wealth(solution: SolvedEconomy, starts: Panel, shock: str, size: float) -> None:
    """What groups of wealth consume more in the quarter of the shock, percent of what they would, per deviation."""
    which = SHOCKS.index(shock)
    moved = starts.z.clone()
    moved[:, which] += size * sigma_of(solution)[which]
    here, there = (Period(solution.world, Panel(starts.population, z, starts.near)) for z in (starts.z, moved))
    mass = starts.population.weight.reshape(len(starts.z), solution.economy.chain.n_eps, -1)
    for name, bounds in GROUPS.items():
        members = torch.stack(
            [torch.from_numpy(members_of_groups(one.numpy(), (bounds,))[0]).flatten() for one in mass]
        )
        spent, before = ((members * each.choice["c"]).sum(1) for each in (there, here))
        print(f"  {name:13} {said(100 * (spent / before - 1) / size)}")


def main() -> None:
    parser = argparse.ArgumentParser(description="State, size and sign in the responses of hank.")
    parser.add_argument("solutions", nargs="+")
    parser.add_argument("--starts", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for name in given.solutions:
        solution = deepham.load(name)
        print(f"== {name}")
        starts = solution.along_path(given.starts, APART * given.starts, given.seed)
        with torch.no_grad():
            output = Period(solution.world, starts).accounts["Y"][:, 0]
        for shock in [each for each, sd in zip(SHOCKS, sigma_of(solution)) if sd > 0]:
            print(f"{shock}, per standard deviation: Y in percent, pi in basis points a year")
            found = responses(solution, starts, shock, SIZES, given.seed)
            by_size_and_sign(found)
            print(" by output before the shock, a quarter of the economies each, +1 sd")
            by_state(starts, output, found[1.0])
            print(" by wealth: consumption at impact, percent, +1 sd")
            by_wealth(solution, starts, shock, 1.0)


if __name__ == "__main__":
    main()
