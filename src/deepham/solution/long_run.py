"""Cross-sections of the long run, sooner than paths get there.

How unequal wealth is forgets where it began within thousands of periods, while a few hundred say where it is heading.
Households who do not notice each other are a Markov chain over (eps, assets), m' = m P, whose long run is one solve of
linear equations. Here they notice each other, through prices. So the paths say by how much the cross-section still
moves, d = E[m' - m], and the chain of households at its mean says how far it has to go until it does not:
y (I - P) = d, y = d + d P + d P P + ..., Newton's method for E[m' - m] = 0 with nearly the right derivative. What
everybody's wealth does to prices keeps mean assets where they are: y moves inequality alone, against a push of all
assets by one rate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from deepham.networks.tabulated import on_histogram
from deepham.simulation.continuum import grown, moves
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import walk

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

FIRST = 50  # periods that are not looked at: prices and shares of eps come to what they are at the first cross-section
STRETCHES = (75, 75, 100, 150)  # periods after which cross-sections are moved
PERIODS = 1 + FIRST + sum(STRETCHES)
LOOK, CLOSE, HORIZON = 500, 0.002, 20_000  # terms of the sum, until so many more add next to nothing, and at most
PAIRS = 32  # of z and z' at most at which the chain is worked out
PUSH = 1e-3  # its rate


@torch.no_grad()
def long_run(world: World, grid: Tensor, start: Panel, shocks: Tensor) -> Panel:
    """Economies at the end of the paths of shocks (B, PERIODS, d), with cross-sections of the long run.

    Args:
        world: without unknowns within its periods, where assets are capital.
        grid: (G,) nodes.
        start: B histograms on them, in the states that the paths begin with.
    """
    world, panel, at = replace(world, policy=on_histogram(world.economy, world.policy, grid)), start, 0
    for number, length in enumerate(STRETCHES):
        skipped = 0 if number else FIRST
        until = at + skipped + length
        panel, at = _moved(world, grid, panel, shocks[:, at : until + 1], skipped), until
    return panel


def _moved(world: World, grid: Tensor, start: Panel, shocks: Tensor, skipped: int) -> Panel:
    """The economies in the last period of a stretch of the paths, whose first is that of `start`, the cross-sections
    moved by y."""
    chain, periods = world.economy.chain, shocks.shape[1]
    mass, visits = torch.zeros(chain.n_z, start.population.weight.shape[1]).to(grid), torch.zeros(chain.n_z).to(grid)
    first, end, z = start, start, []
    for t, period in enumerate(walk(world, start, shocks, grid=grid)):
        end = period.panel
        if t < skipped:
            continue
        first = first if z else end
        z.append(end.z)
        cells = chain.cell(end.z)
        mass.index_add_(0, cells, end.population.weight)
        visits.index_add_(0, cells, torch.ones_like(visits[cells]))
    drift = (end.population.weight - first.population.weight).mean(0) / (periods - skipped - 1)
    by_z = Population.histogram(grid, (mass / visits.clamp_min(1)[:, None]).reshape(chain.n_z, chain.n_eps, -1))
    mean = mass.sum(0) / visits.sum()
    far = _distance(_chain(world, grid, by_z, torch.stack(z, 1)), grid, mean, drift)
    held = end.population.weight.reshape(len(shocks), chain.n_eps, -1)
    moved = (held + far.reshape(chain.n_eps, -1)).clamp_min(0)
    moved = moved * held.sum(2, keepdim=True) / moved.sum(2, keepdim=True).clamp_min(torch.finfo(grid.dtype).tiny)
    return Panel(Population.histogram(grid, moved), end.z)


def _chain(world: World, grid: Tensor, by_z: Population, z: Tensor) -> csr_matrix:
    """P (N, N), a mean over how often each z (B, T, d) is followed by which, of households who see the mean
    cross-section of the z that they are in."""
    from scipy.sparse import coo_matrix, csr_matrix  # slow to load, for a box alone

    pairs, counts = torch.unique(torch.cat([z[:, :-1], z[:, 1:]], 2).flatten(0, 1), dim=0, return_counts=True)
    if len(pairs) > PAIRS:  # z is numbers
        pairs, counts = pairs[:: -(-len(pairs) // PAIRS)], torch.ones(PAIRS)
    now, after = pairs.split(z.shape[2], 1)
    saved = world.period(Panel(by_z.select(world.economy.chain.cell(now)), now)).saved
    size, flows, weight = saved.k.shape[1], csr_matrix((saved.k.shape[1],) * 2), np.zeros(saved.k.shape[1])
    for at in range(len(pairs)):
        here = slice(at, at + 1)
        origin, to, share = moves(world.economy, grid, saved.select(here), now[here], after[here])
        # whoever is nowhere may be anywhere: the chain of a node without households is that of the others
        mass = float(counts[at]) * (saved.weight[at] + torch.finfo(grid.dtype).eps)
        values, index = (mass[origin] * share).cpu().numpy(), (origin.cpu().numpy(), to.cpu().numpy())
        flows = flows + coo_matrix((values, index), (size, size)).tocsr()
        weight += mass.cpu().numpy()
    return flows.multiply(1 / weight[:, None]).tocsr()


def _distance(chain: csr_matrix, grid: Tensor, mean: Tensor, drift: Tensor) -> Tensor:
    """y (N,) of `drift` d (N,), where households are distributed by `mean` (N,): the sum of what d becomes, period by
    period."""
    by_eps = mean.reshape(1, -1, len(grid))
    push = (grown(grid, by_eps, grid.new_full((1,), PUSH)) - by_eps).flatten().cpu().numpy()
    assets = grid.repeat(by_eps.shape[1]).cpu().numpy()
    push = push / (push @ assets)
    step, after = (drift - drift.sum() * mean).cpu().numpy(), chain.T.tocsr()
    far = np.zeros_like(step)
    for _ in range(HORIZON // LOOK):
        before = far
        for _ in range(LOOK):
            far = after @ far + step
            far -= push * (far @ assets)
        if np.linalg.norm(far - before) < CLOSE * np.linalg.norm(far):
            break
    return torch.from_numpy(far).to(mean)
