"""Responses of a trained `hank` to its two shocks, beside sequence-jacobian's linear ones: a table and a figure.

    python benchmarks/hank_responses.py SOLUTION --shock rstar --size -0.0005 --figure responses.png

Half the difference of the responses to a shock and to its opposite, so that even terms cancel, of an economy that has
come to rest while its households go on expecting shocks; no other shock comes (baseline="forced"). The innovation's
standard deviation is the solution's own, and the size is by default that of it (of Z twice as much): trained with
smaller ones, what is not linear should fall. With several solutions the figure shows how the gaps of output and of
inflation fall, also that of the response to the shock alone, and half the sum of the two responses:

    python benchmarks/hank_responses.py LARGE SMALL --shock rstar --figure gaps.png

Of inflation's gap at impact it says what is of marginal cost and what of the Phillips curve along the path; of a cut
by 25 basis points also how far it is from perfect foresight, where innovations are small beside it (--size -0.0025).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch

import deepham
from deepham.economics.hank import HANK
from deepham.errors import InputError
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel
from deepham.simulation.walk import walk

PRINTED = Path(__file__).parents[1] / "tests" / "economics" / "hank_printed.json"
NAMES = {"Y": 1.0, "C": 1.0, "pi": 100.0, "w": 1.0, "r": 100.0}  # ours -> what it is in units of theirs
TOLD = 4e4  # basis points a year, of a share a quarter
PERCENT = 100.0
SERIES = {
    "Y": ("output", PERCENT),
    "C": ("consumption", PERCENT),
    "pi": ("inflation", TOLD),
    "w": ("wage", PERCENT),
    "r": ("real return", TOLD),
}
UNIT = {"rstar": -0.0025, "Z": 0.01}  # the shocks of the printed responses
QUARTERS, DRAWN = 40, 24


@torch.no_grad()
def paths(solution, shock: str, size: float, rest: int, nodes: int) -> tuple[dict, dict, torch.Tensor]:
    """Where the economy rests, name -> number; responses to a shock and to its opposite, name -> (2, QUARTERS), and of
    marginal cost, w / Z."""
    economy, world = solution.economy, solution.world
    grid = wealth_grid(economy, nodes, 25.0)
    people = solution.ergodic
    people = on_grid(grid, people.with_assets(people.k.clamp(float(grid[0]), float(grid[-1]))), economy.chain.n_eps)
    start = Panel(people.select([0]), economy.chain.typical_z())
    *_, last = walk(world, start, torch.zeros(1, rest, 3, dtype=torch.float64), grid=grid)
    at_rest = {name: float(value) for name, value in last.accounts.items()}
    here = last.panel
    same = [0, 0, 0]
    three = Panel(here.population.select(same), here.z[same], None if last.found is None else last.found[same])
    innovations = torch.zeros(3, QUARTERS + 1, 3, dtype=torch.float64)
    which = list(UNIT).index(shock)
    innovations[:2, 1, which] = torch.tensor([size, -size]) / economy.chain.sigma[which]
    rows = [period.accounts for period in walk(world, three, innovations, grid=grid)][1:]
    all_three = {name: torch.cat([row[name] for row in rows], 1) / unit for name, unit in NAMES.items()}
    cost = torch.cat([row["w"] / row["Z"] for row in rows], 1)
    return at_rest, {name: path[:2] - path[2:] for name, path in all_three.items()}, cost[:2] - cost[2:]


def main() -> None:
    parser = argparse.ArgumentParser(description="Responses of hank beside the linear ones.")
    parser.add_argument("solutions", nargs="+")
    parser.add_argument("--shock", choices=list(UNIT), default="rstar")
    parser.add_argument("--size", type=float, help="by default what the innovations of the solution suggest")
    parser.add_argument("--rest", type=int, default=100, help="quarters without shocks before")
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--figure")
    given = parser.parse_args()
    printed = json.loads(PRINTED.read_text())
    linear = _tensors(printed["linear"][given.shock])
    sizes, gaps, ours, scale, without_risk = [], [], {}, 1.0, None
    for each in given.solutions:
        solution = deepham.load(each)
        economy = solution.economy
        if not isinstance(economy, HANK):
            raise InputError(f"{each}: expected a solution of hank, got one of {type(economy).__name__}")
        size = given.size or (-economy.sd_r if given.shock == "rstar" else 2 * economy.sd_Z)
        at_rest, ours, cost = paths(solution, given.shock, size, given.rest, given.nodes)
        scale = size / UNIT[given.shock]
        print(f"{each}, size {size:g}; at rest:", "  ".join(f"{name} {value:.5f}" for name, value in at_rest.items()))
        sizes.append(abs(size))
        gaps.append(table(ours, linear, scale))
        of_inflation(economy, ours["pi"], cost, linear, scale, size if given.shock == "Z" else 0.0)
        if given.shock == "rstar" and scale == 1:
            without_risk = _tensors(printed["perfect_foresight"]["rstar -25 bp"])
            foreseen(ours, without_risk)
    if given.figure and len(given.solutions) == 1:
        draw(ours, {name: scale * path for name, path in linear.items()}, without_risk, given.figure)
    elif given.figure:
        draw_gaps(sizes, gaps, given.figure)


def _tensors(printed: dict) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(values[:QUARTERS], dtype=torch.float64) for name, values in printed.items()}


def foreseen(ours: dict, theirs: dict) -> None:
    """Prints how far the responses to the shock alone are from those without risk that are not linear; innovations have
    to be small beside the shock."""
    gaps = {name: (path[0] - theirs[name]).abs().max() / theirs[name].abs().max() for name, path in ours.items()}
    told = "  ".join(f"{name} {100 * float(gap):.2f}%" for name, gap in gaps.items())
    print(f"the shock alone against perfect foresight, largest gap of its peak: {told}")


def table(ours: dict, linear: dict, scale: float) -> dict:
    """Prints the gaps of half the difference, and returns the largest ones as shares of the peak, by name: of the
    response to the shock alone, of half the difference, and half the sum, which in a linear economy is nothing."""
    print(
        f"{'':4} {'impact':>10} {'linear':>10} {'gap':>8}   largest gap of the path, of its peak; without the "
        "opposite; half the sum"
    )
    gaps = {}
    for name, (shocked, opposite) in ours.items():
        theirs = linear[name] * scale
        half = (shocked - opposite) / 2
        alone, apart = (float((path - theirs).abs().max() / theirs.abs().max()) for path in (shocked, half))
        even = float(((shocked + opposite) / 2).abs().max() / theirs.abs().max())
        gap = float(half[0] / theirs[0]) - 1
        first = f"{float(half[0]):10.6f} {float(theirs[0]):10.6f}"
        print(f"{name:4} {first} {100 * gap:7.2f}%   {100 * apart:.2f}%   {100 * alone:.2f}%   {100 * even:.2f}%")
        gaps[name] = alone, apart, even
    return gaps


def of_inflation(economy: HANK, pi, cost, linear: dict, scale: float, shock: float) -> None:
    """Prints what of inflation's gap at impact is of the path of marginal cost, what of the Phillips curve that is not
    met along the path, and what of inflation in the last quarter; by its linear form, pi = kappa cost + pi' / (1 + r).

    Args:
        pi, cost: responses to a shock and to its opposite, (2, QUARTERS).
        shock: innovation of log Z.
    """
    quarters = torch.arange(QUARTERS, dtype=pi.dtype)
    discount = (1 + economy.rstar_bar) ** -quarters
    theirs = scale * linear["w"] - shock * economy.rho_Z**quarters / economy.mu  # of w / Z, which is 1 / mu at rest
    inflation, ours = (pi[0] - pi[1]) / 2, (cost[0] - cost[1]) / 2
    off = inflation - scale * linear["pi"]
    by_cost = TOLD * (discount * economy.kappa * (ours - theirs))[:-1]
    left = TOLD * (discount[:-1] * (inflation - economy.kappa * ours)[:-1] - discount[1:] * inflation[1:])
    tail = TOLD * float(discount[-1] * off[-1])
    parts = f"of marginal cost {float(by_cost.sum()):.2f}, of the Phillips curve {float(left.sum()):.2f}"
    print(f"inflation at impact, basis points a year: gap {TOLD * float(off[0]):.2f}: {parts}, of later {tail:.2f}")
    for name, each in (("marginal cost", by_cost), ("Phillips curve", left)):
        first = " ".join(f"{float(one):.2f}" for one in each[:8])
        later = f"quarters 8 to 15 {float(each[8:16].sum()):.2f}, and on {float(each[16:].sum()):.2f}"
        print(f"  {name}, by quarter: {first}; {later}")


def draw(ours: dict, linear: dict, without_risk: dict | None, file: str) -> None:
    """A column for each series: half the difference beside the linear response, and below it half the sum, which is
    what is not linear, beside that of the response without risk, where it is known."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shape = {"figsize": (3 * len(ours), 5), "sharex": True, "layout": "constrained"}
    figure, (above, below) = plt.subplots(2, len(ours), **shape)
    for first, second, (name, (shocked, opposite)) in zip(above, below, ours.items(), strict=True):
        label, unit = SERIES[name]
        first.plot(unit * (shocked - opposite) / 2, label="half the difference")
        first.plot(unit * linear[name], "k:", linewidth=2, label="linear: sequence-jacobian")
        second.plot(unit * (shocked + opposite) / 2, label="half the sum")
        if without_risk:
            second.plot(
                unit * (without_risk[name] - linear[name]), "k:", linewidth=2, label="without risk, less linear"
            )
        first.set(title=label, xlim=(0, DRAWN))
        second.set(xlabel="quarter")
        for axis in (first, second):
            axis.axhline(0, color="0.8", linewidth=0.8, zorder=0)
            axis.set_ylabel("percent" if unit == PERCENT else "basis points a year")
    for row in (above, below):
        row[0].legend(fontsize="small")
    figure.savefig(file, dpi=150)


def draw_gaps(sizes: list[float], gaps: list[dict], file: str) -> None:
    """Output and inflation: gaps against the size of the shock and of the innovation, which move together. What is not
    linear, half the sum, falls in proportion to the size, as a share of a peak that does so, too."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator

    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    for axis, name in zip(axes, ("Y", "pi"), strict=True):
        for which, label in enumerate(("response to the shock alone", "half the difference", "half the sum")):
            axis.plot(sizes, [100 * each[name][which] for each in gaps], "o-", label=label)
        axis.set(title=name, ylabel="largest gap, percent of peak", xscale="log", yscale="log")
        axis.set_xlabel("size of shock")
        axis.set_xticks(sizes, [f"{size:g}" for size in sizes])
        axis.minorticks_off()
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.yaxis.set_major_formatter("{x:g}")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.savefig(file, dpi=150)


if __name__ == "__main__":
    main()
