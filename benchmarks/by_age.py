"""Profiles over the life in a solution: python -m benchmarks.by_age FOLDER [--figure FILE].

Assets, consumption, their dispersion and the Euler error by age. Of a solution without aggregate risk also assets and
consumption by backward induction over ages, on a grid, at the same prices: those of the K that the grid's households
hold.
"""

from __future__ import annotations

import argparse

import torch

import deepham
from deepham.algorithm.by_age import Profile, by_age, profile
from deepham.economics.economy import Economy
from deepham.economics.registry import name_of
from deepham.reference.at_rest import settled
from deepham.reference.families import family_of
from deepham.reference.settings import ReferenceSettings, settings_for
from deepham.reference.stationary import solve_stationary
from deepham.simulation.period import Policy

DATES, PERIODS, SEED = 20, 400, 1
COLUMNS = ("share", "assets", "assets_sd", "consumption", "consumption_sd", "euler")


@torch.no_grad()
def at_the_same_prices(economy: Economy, policy: Policy, settings: ReferenceSettings) -> tuple[Profile, Profile]:
    """The profile by the policy, and by backward induction, where both face the prices of the grid's K for ever."""
    solved = solve_stationary(economy, settings)
    nodes, K, family = solved.ergodic.grid, float(solved.ergodic.K[0, -1]), family_of(economy)
    print(f"backward induction: K {K:.5g}")
    found = []
    for rule in (policy, solved.policy.on_histogram(nodes)):
        people, choice = settled(economy, rule, nodes, K, family)
        found.append(profile(economy, people, choice["c"]))
    return found[0], found[1]


def farthest(ours: Profile, grid: Profile) -> dict[str, float]:
    """The largest distance over ages, percent of the mean over the life."""
    mean = {name: float(grid["share"] @ grid[name]) for name in ("assets", "consumption")}
    return {name: 100 * float((ours[name] - grid[name]).abs().max()) / mean[name] for name in mean}


def table(found: Profile, every: int) -> str:
    lines = ["age " + "".join(f"{name:>16}" for name in COLUMNS)]
    for age in range(0, len(found["share"]), every):
        lines.append(f"{age:3d} " + "".join(f"{float(found[name][age]):16.4f}" for name in COLUMNS if name in found))
    return "\n".join(lines)


def draw(found: dict[str, Profile], path: str) -> None:
    """Means and standard deviations over the life, to a file."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    for axis, name in zip(figure.subplots(2, 2).flat, COLUMNS[1:5], strict=True):
        for (label, each), style in zip(found.items(), ("-", "--"), strict=False):
            axis.plot(each[name].cpu().numpy(), style, label=label)
        axis.set(title=name.replace("_sd", ", standard deviation"), xlabel="years since entry", ylabel="goods")
    figure.axes[0].legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description="Profiles over the life in a solution.")
    parser.add_argument("folder")
    parser.add_argument("--figure")
    given = parser.parse_args()
    solution = deepham.load(given.folder)
    world = solution.world
    found = {"networks": by_age(world, solution.along_path(DATES, PERIODS, SEED))}
    print(table(found["networks"], 5))
    if world.economy.chain.constant:
        economy = world.economy.to(device="cpu", dtype=torch.float64)
        networks, grid = at_the_same_prices(economy, solution.policy_function, settings_for(name_of(type(economy))))
        found = {"networks": networks, "backward induction": grid}
        print({name: round(value, 3) for name, value in farthest(networks, grid).items()}, "% of the mean, at most")
    if given.figure:
        draw(found, given.figure)


if __name__ == "__main__":
    main()
