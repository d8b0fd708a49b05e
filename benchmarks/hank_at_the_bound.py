"""What the lower bound does in a trained `hank_zlb`: how often it binds and for how long, what is left of the equations
there and elsewhere, inflation against rest, and responses near the bound and far from it.

    python benchmarks/hank_at_the_bound.py SOLUTION [SOLUTION OF OTHER SHOCKS, OR WITHOUT A BOUND] --figure bound.png

One path a seed of economies of the continuum, which begin at the ergodic cross-section. Standard errors are over
economies. Equations are looked at where every `APART`-th quarter of a second path is, and there alone. A response is
that to xi one state of its chain lower than it is, with the same luck afterwards: a state is worth 2 / sqrt(14)
standard deviations of log xi.
"""

from __future__ import annotations

import argparse
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

import deepham
from deepham.algorithm.residuals import missed_foresight, residuals
from deepham.economics.hank_zlb import HankZLB, RatesAndPreference
from deepham.errors import InputError
from deepham.simulation.period import Panel
from deepham.simulation.population import concatenate
from deepham.simulation.walk import walk
from deepham.solution.solved import SolvedEconomy

FORGET, APART = 40, 7  # quarters that are not counted, as the start is an average; between two that are looked at
TOLD = 4e4  # basis points a year, of a logarithm a quarter
QUARTERS = 12  # of a response
BELOW, FEW = (3, 4, 5), 5  # states of xi in which the bound binds or nearly does, and economies that are put there
EDGE = 1e-9  # above the bound at which a rate counts as at it
NAMES = {"Y": 100.0, "C": 100.0, "pi": 400.0, "i": 400.0, "r": 400.0}  # percent of one; basis points a year


def told(values: Tensor | np.ndarray, digits: int = 2) -> str:
    """Mean over economies (B,) and its standard error."""
    values = np.asarray(values)
    return f"{values.mean():.{digits}f} ({values.std(ddof=1) / len(values) ** 0.5:.{digits}f})"


def economy_of(solution: SolvedEconomy) -> tuple[HankZLB, RatesAndPreference]:
    economy = solution.economy
    if not isinstance(economy, HankZLB):
        raise InputError(f"expected a solution of hank_zlb, got one of {solution.name}")
    assert isinstance(economy.chain, RatesAndPreference)
    return economy, economy.chain


def spells(binds: np.ndarray) -> list[int]:
    """Lengths in quarters of the spells at the bound, (B, T); those that the path cuts are left out."""
    lengths = []
    for row in binds:
        runs = [(at, len(list(each))) for at, each in groupby(row)]
        lengths += [length for at, length in runs[1:-1] if at]
    return lengths


def ergodic(solution: SolvedEconomy, economies: int, periods: int, seed: int) -> dict[str, np.ndarray]:
    """Prints what a path says of the bound and of inflation, and returns the path, name -> (B, T)."""
    economy, _ = economy_of(solution)
    found = solution.simulate(periods=FORGET + periods, economies=economies, seed=seed).isel(period=slice(FORGET, None))
    path = {name: found[name].values for name in ("pi", "i", "r", "Y", "xi", "wealth_sd")}
    binds = path["i"] <= 100 * economy.bound + 100 * EDGE
    lengths = spells(binds)
    print(f"at the bound in {told(100 * binds.mean(1))} % of quarters", end="")
    if lengths:
        tail = 100 * np.mean([length >= 4 for length in lengths])
        print(f"; {len(lengths)} spells of {np.mean(lengths):.2f} quarters on average, {max(lengths)} at most,", end="")
        print(f" {tail:.0f} % of a year or more", end="")
    print()
    inflation = 400 * path["pi"]
    print(
        f"inflation less that of rest, basis points a year: {told(inflation.mean(1))}; sd {inflation.std():.1f}", end=""
    )
    if len(inflation) > 2:
        # log xi has mean zero: what a path has of it by luck moves mean inflation, and is none of the economy
        luck = np.log(path["xi"]).mean(1)
        slope = np.polyfit(luck, inflation.mean(1), 1)[0]
        print(f", at the mean of xi {told(inflation.mean(1) - slope * luck)}", end="")
    low, middle, high = np.quantile(inflation, [0.05, 0.5, 0.95])
    skew = ((inflation - inflation.mean()) ** 3).mean() / inflation.std() ** 3
    print(
        f", skewness {skew:.2f}; 5 % below {low - middle:.1f} of the median and 5 % above {high - middle:.1f};", end=""
    )
    print(f" from {inflation.min():.0f} to {inflation.max():.0f}")
    print(f"output: {told(100 * path['Y'].mean(1))} % of one, from {100 * path['Y'].min():.2f}", end="")
    print(f"; real rate {told(400 * (path['r'].mean(1) - 100 * economy.rstar_bar))} basis points a year above rest")
    if binds.any():
        for name, where in (("there", binds), ("elsewhere", ~binds)):
            print(f"  {name}: inflation {inflation[where].mean():.1f}, output {100 * path['Y'][where].mean():.3f}")
    return path


@torch.no_grad()
def left_over(solution: SolvedEconomy, panels: list[Panel], binds: list[bool]) -> None:
    """Prints what is left of the equations, at the bound and elsewhere."""
    for name, here in (("at the bound", True), ("elsewhere", False)):
        chosen = [panel for panel, at in zip(panels, binds) if at == here]
        if not chosen:
            continue
        missed = TOLD * torch.cat([missed_foresight(solution.world.period(one))["pi"] for one in chosen])[:, 0]
        euler, large, everybody = [], [], []
        for one in chosen:
            found = residuals(solution.world, one, optimality=False)
            size, order = (100 * found.euler[0].abs()).sort()
            weight = found.weight[0][order]
            euler.append(float((weight * size).sum() / weight.sum()))
            large.append(float(size[(weight.cumsum(0) / weight.sum() >= 0.99).nonzero()[0, 0]]))
            spent = found.weight[0] * solution.world.period(one).consumption[0]
            everybody.append(100 * float((spent * found.euler[0]).sum() / spent.sum()))
        print(f"{name}, {len(chosen)} quarters: Euler error {np.mean(euler):.3f} % on average", end="")
        print(
            f", {np.mean(large):.2f} % at the 99th percentile, of all together {told(np.array(everybody), 4)} %", end=""
        )
        print(f"; Phillips curve {float(missed.abs().mean()):.2f}", end="")
        print(f" (signed {float(missed.mean()):+.2f}), largest {float(missed.abs().max()):.2f} basis points a year")


@torch.no_grad()
def visited(solution: SolvedEconomy, quarters: int, seed: int) -> tuple[list[Panel], list[float]]:
    """Economies that lie `APART` quarters apart on a path, and the nominal rate set there, per quarter."""
    shocks = solution.economy.chain.draw_path(
        solution.economy.chain.typical_z(), FORGET + APART * quarters, torch.Generator().manual_seed(seed)
    )
    start, panels, rates = solution.begin(shocks[:, 0]), [], []
    for t, period in enumerate(walk(solution.world, start, shocks, grid=solution.grid)):
        if t >= FORGET and t % APART == 0:
            panels.append(Panel(period.panel.population, period.panel.z, period.found))
            rates.append(float(period.seen.prices["i"]))
    return panels, rates


@torch.no_grad()
def put_into(solution: SolvedEconomy, panels: list[Panel], below: tuple[int, ...]) -> tuple[list[Panel], list[float]]:
    """The same economies with xi so many states of its chain below its mean, and the nominal rate set there."""
    _, chain = economy_of(solution)
    moved, rates = [], []
    for panel in panels:
        for states in below:
            z = panel.z.clone()
            z[:, 3] = chain.levels[len(chain.levels) // 2 - states]
            period = solution.world.period(Panel(panel.population, z, panel.near))
            moved.append(Panel(panel.population, z, period.found))
            rates.append(float(period.seen.prices["i"]))
    return moved, rates


@torch.no_grad()
def response(solution: SolvedEconomy, starts: Panel, steps: int, seed: int) -> dict[str, Tensor]:
    """Of economies (B) to xi so many states higher: name -> (B, QUARTERS), less what they would have been."""
    _, chain = economy_of(solution)
    luck = chain.draw_path(starts.z, QUARTERS, torch.Generator().manual_seed(seed))
    moved = starts.z.clone()
    at = (starts.z[:, 3:] - chain.levels).abs().argmin(-1)
    moved[:, 3] = chain.levels[(at + steps).clamp(0, len(chain.levels) - 1)]
    rows = {}
    for which, z in (("there", moved), ("here", starts.z)):
        panel = Panel(starts.population, z, starts.near)
        rows[which] = [each.accounts for each in walk(solution.world, panel, luck, grid=solution.grid)]
    return {
        name: unit * torch.cat([one[name] - other[name] for one, other in zip(rows["there"], rows["here"])], 1)
        for name, unit in NAMES.items()
    }


def near_and_far(solution: SolvedEconomy, panels: list[Panel], rates: list[float], seed: int) -> dict[str, dict]:
    """Prints and returns mean responses of the economies whose rate is at most a state of xi above the bound or at it,
    and of as many with the highest rates; and to a rise from there."""
    economy, _ = economy_of(solution)
    order = np.argsort(rates)
    above = [int(index) for index in order if rates[index] > economy.bound + EDGE]
    near, far = above[: len(above) // 8], above[-(len(above) // 8) :]
    found = {}
    for name, rows in (("near", near), ("far", far)):
        starts = _together([panels[row] for row in rows])
        mean = 4e4 * float(np.mean([rates[row] for row in rows]))
        for steps in (-1, -2, 2):
            each = response(solution, starts, steps, seed)
            found[f"{name} {steps:+d}"] = {key: values.mean(0) for key, values in each.items()}
            said = "  ".join(f"{key} {told(each[key][:, 0])}, {told(each[key].sum(1))}" for key in ("Y", "pi", "r"))
            print(f"  {name} (rate {mean:.0f}, {len(rows)} economies), xi {steps:+d}: at impact, sum: {said}")
    return found


def _together(panels: list[Panel]) -> Panel:
    near = [panel.near for panel in panels if panel.near is not None]
    z = torch.cat([panel.z for panel in panels])
    return Panel(concatenate([panel.population for panel in panels]), z, torch.cat(near) if near else None)


def draw(found: dict[str, tuple[dict, dict]], file: str) -> None:
    """By solution: inflation and output against log xi along the path, and responses to a fall of xi near and far."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2 * len(found), 2, figsize=(9, 5.6 * len(found)), layout="constrained")
    for row, (name, (path, responses)) in zip(axes.reshape(len(found), 4), found.items(), strict=True):
        prefix = f"{name}: " if len(found) > 1 else ""
        log_xi = 100 * np.log(path["xi"]).ravel()
        for axis, key, label in zip(row, ("i", "pi"), ("nominal rate", "inflation")):
            axis.plot(log_xi, 4 * path[key].ravel(), ".", markersize=2, color="tab:blue")
            axis.set(xlabel="log xi, percent", ylabel="percent a year")
            axis.set_title(f"{prefix}{label}", fontsize="medium")
        for axis, key, label in zip(row[2:], ("pi", "Y"), ("inflation", "output")):
            for which, style in (("near -2", "-"), ("far -2", "--"), ("near +2", ":")):
                where, states = which.split()
                there = "near the bound" if where == "near" else "far from it"
                axis.plot(responses[which][key], style, label=f"{there}, xi {states} states")
            axis.set(xlabel="quarter", xticks=range(0, QUARTERS, 2))
            axis.set_title(f"{prefix}response of {label}", fontsize="medium")
            axis.set_ylabel("basis points a year" if key == "pi" else "percent")
        row[2].legend()
    figure.savefig(file, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description="What the lower bound does in hank_zlb.")
    parser.add_argument("solutions", nargs="+")
    parser.add_argument("--economies", type=int, default=10)
    parser.add_argument("--periods", type=int, default=400)
    parser.add_argument("--quarters", type=int, default=200, help="at which equations are looked at")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--figure")
    given = parser.parse_args()
    found = {}
    for each in given.solutions:
        solution = deepham.load(each)
        economy, _ = economy_of(solution)
        print(f"== {each}: sd_xi {economy.sd_xi:g}, bound {economy.bound:g}")
        path = ergodic(solution, given.economies, given.periods, given.seed)
        panels, rates = visited(solution, given.quarters, given.seed + 1)
        left_over(solution, panels, [rate <= economy.bound + EDGE for rate in rates])
        print(f"where xi is put {', '.join(map(str, BELOW))} states below its mean:")
        deep, there = put_into(solution, panels[:: max(1, len(panels) // FEW)][:FEW], BELOW)
        left_over(solution, deep, [rate <= economy.bound + EDGE for rate in there])
        found[f"sd {economy.sd_xi:g}"] = path, near_and_far(solution, panels, rates, given.seed)
    if given.figure:
        draw(found, given.figure)


if __name__ == "__main__":
    main()
