"""Newton steps on `hank` from the economy at rest: how far they come, and where they go astray.

    python benchmarks/hank_from_rest.py --updates 30

Three stages: the plan is fitted to the grid's stationary one; it learns shocks while prices stay at rest, and the
cross-section is held at the supply of bonds; then markets clear, and the Phillips curve joins. No part of training yet.
"""

# a field for what the base class declares, as in every economy
# pyright: reportIncompatibleMethodOverride=false, reportAssignmentType=false

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from typing import ClassVar

import torch

from deepham.algorithm.alone import Onlooker, tomorrow_of_all
from deepham.algorithm.ergodic_sample import Sampling
from deepham.algorithm.first_order import first_order_condition
from deepham.algorithm.looking_ahead import UNIT, looking_ahead
from deepham.algorithm.newton import Equations, flat, huber, shift, size, tested
from deepham.algorithm.off_equilibrium import moved_unknowns
from deepham.algorithm.tapped import row_by_row
from deepham.economics import calibration
from deepham.economics.hank import HANK, TOLD
from deepham.economics.markov import JointChain
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.reference.grid import Grid, GridFunction
from deepham.reference.household import HouseholdProblem, LawOfMotion
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import later, walk

TOP, NODES, GRID = 25.0, 60, 120


@dataclass(eq=False)
class AtRest(HANK):
    """The household's problem at the prices of rest, for ever."""

    unknowns: ClassVar = {}
    tracked: ClassVar = "B"

    def tables(self) -> None:
        super().tables()
        self.chain, self.rest = JointChain(self.chain.individual, n_z=1, n_eps=self.states), self.chain.typical_z()

    def aggregates(self, population, z):
        return {"B": population.mean(population.k)}

    def prices(self, aggregates, z):
        zero = torch.zeros_like(aggregates["B"])
        found = {"pi": zero, "w": zero + 1 / self.mu, "L": zero + 1}
        return super().prices(found, self.rest.expand(len(z), -1))

    def steady_state(self):
        return super().steady_state() | {"B": self.B}


def at_rest(economy: HANK, nodes, generator) -> tuple[torch.Tensor, torch.Tensor, Population]:
    """Assets (GRID,), consumption there (n_eps, GRID), and the stationary cross-section on the nodes."""
    household = AtRest(**economy.parameters())
    k = wealth_grid(economy, GRID, TOP)
    grid = Grid(k, household.B * torch.tensor([0.9, 1.0, 1.1], dtype=torch.float64), None, "B")
    law = LawOfMotion(household.table([household.B]).log(), household.table([0.0]))
    c = HouseholdProblem(household, law, grid).consumption(tolerance=1e-8)
    mass = (economy.chain.eps_shares()[:, None] * torch.exp(-nodes / economy.B)).reshape(1, economy.states, -1)
    start = Panel(Population.histogram(nodes, mass / mass.sum()), torch.zeros(1, 1, dtype=torch.long))
    world = World(household, GridFunction(grid, c, household.spendable).on_histogram(nodes))
    *_, last = walk(world, start, 1200, generator, grid=nodes)
    return k, c[0, :, 1], last.panel.population


def fit(economy: HANK, policy, k, c, people: Population) -> float:
    """Fit the plan to that of rest by Gauss-Newton steps; what is left, root mean square."""
    with torch.no_grad():
        policy.mlp[0].weight[:, policy.inputs.own :] *= 0.1  # what a plan at rest says nothing about
    look = Onlooker(economy, policy.inputs, list(economy.unknowns))
    assets, eps, target = (
        k.repeat(len(c))[:, None],
        torch.arange(len(c)).repeat_interleave(len(k))[:, None],
        c.flatten(),
    )
    found = torch.tensor([[0.0, 1 / economy.mu, 1.0]], dtype=torch.float64)
    wide = torch.cat([found, policy.inputs.crowd(people)], 1).repeat(len(assets), 1)
    z, damping, best, before = economy.chain.typical_z().repeat(len(assets), 1), 1e-4, float("inf"), flat(policy.mlp)
    for _ in range(40):
        seen = look.observe(wide, assets, eps, z)
        tap = look.tap(policy.mlp, seen, wide)
        wanted, most = (each[:, 0] for each in policy.wanted(seen, tap.y))
        free = (target < 0.9999 * most.detach()) | (wanted.detach() < most.detach())
        residual = (wanted.log() - target.log()) * free
        weight = free / (1 + assets[:, 0] / 20)
        left = float((weight * residual.detach() ** 2).sum() / weight.sum())
        if left > best:
            torch.nn.utils.vector_to_parameters(before, policy.mlp.parameters())
            damping *= 10
            continue
        best, damping, before = left, max(damping / 5, 1e-9), flat(policy.mlp)
        J = row_by_row(residual, [tap])
        W = (weight / weight.sum())[:, None]
        normal = J.T @ (W * J) + damping * torch.eye(J.shape[1], dtype=J.dtype)
        shift(policy.mlp, -torch.linalg.solve(normal, J.T @ (W[:, 0] * residual.detach())))
    torch.nn.utils.vector_to_parameters(before, policy.mlp.parameters())
    return best**0.5


def main() -> None:
    parser = argparse.ArgumentParser(description="Newton steps on hank from the economy at rest.")
    for name, value in (("updates", 30), ("resting", 16), ("economies", 12), ("households", 90), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--floor", type=float, default=3e-5, help="least damping once markets clear")
    given = parser.parse_args()
    generator = torch.Generator().manual_seed(given.seed)
    economy = HANK(**calibration("hank"))
    network = NetworkSettings("hank", 10, 2, "tanh", "frictionless", 10.0, 1, dispersion=True)
    policy = build_networks(economy, network, given.seed)[0].double()
    nodes = wealth_grid(economy, NODES, TOP)
    k, c, people = at_rest(economy, nodes, generator)
    print(f"at rest: assets {float(people.mean(people.k)):.4f}, fitted to {fit(economy, policy, k, c, people):.1e}")
    panel = Panel(people.select([0] * given.economies), economy.chain.typical_z().repeat(given.economies, 1))
    sampling, equations = Sampling(given.households, 20, 0.1, 2.0, 0.3), Equations()
    for update in range(given.resting + given.updates):
        rest = update < given.resting
        equations = Equations() if update == given.resting else equations
        panel = later(World(economy, policy, clamped=True, resting=rest), panel, 1 if rest else 2, generator, nodes)
        if rest:
            held = panel.population.mean(panel.population.k)
            moved = panel.population.with_assets((panel.population.k * economy.B / held).clamp(nodes[0], nodes[-1]))
            panel = Panel(on_grid(nodes, moved, economy.states), panel.z)
        step(economy, policy, panel, sampling, equations, rest, generator, nodes, given.floor, update)


def step(economy, policy, panel, sampling, equations, rest, generator, nodes, floor, update) -> None:
    with torch.no_grad():
        period = World(economy, policy, clamped=True, resting=rest).period(panel)
        sample = sampling.draw(period, nodes, economy.typical_household(), generator)
    off, _ = moved_unknowns(economy.unknowns, 0.5, sample.k.flatten(), generator)
    sample, missed = replace(sample, off=torch.cat(list(off.values()), 1)), None
    if rest:
        tomorrow = tomorrow_of_all(economy, policy, sample.panel, derivative=False)
    else:
        tomorrow, missed = looking_ahead(economy, policy, sample.panel)
    linear = first_order_condition(economy, policy, sample, tomorrow)
    weight = huber(linear.residual, linear.weight, 0.05)
    residual, ahead = size(linear.residual, weight), 0.0
    matrix, vector = tested(linear, weight, 1.0)
    if missed is not None:
        ahead = size(missed.residual, missed.weight)
        more, beside = tested(missed, missed.weight, 1.0)
        matrix, vector = matrix + more, vector + beside
    equations.add(matrix, vector, 0.8)
    damping = 0.25 * residual**2 if rest else max(3 * (residual**2 + 0.05 * ahead**2), floor)
    change = equations.solve(damping)
    length = size(linear.own @ change, weight)
    change = change * min(1.0, (0.3 if rest else 0.04) / max(length, 1e-300))
    shift(policy, change)
    equations.moved(change)
    typical = float(linear.residual.abs().median())
    print(
        f"{update:3} {'rest' if rest else 'clear'}: Euler rms {100 * residual:.3f} %, median {100 * typical:.4f} %; "
        f"Phillips curve {TOLD * UNIT * ahead:.1f} bp a year; step {length:.4f}; "
        f"w {float(period.seen.aggregates['w'].mean()):.4f} L {float(period.seen.aggregates['L'].mean()):.4f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
