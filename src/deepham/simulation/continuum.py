"""The economy with a continuum of households: exact transition of a wealth histogram (Young, 2010).

Only the aggregate shock is random. Households at a node carry the same assets forward; the lottery between the two
neighbouring nodes keeps the mean exactly, at the price of a little dispersion that vanishes with the spacing. Nor does
the top node lose anything: what households would carry beyond it is shared out, see `_lottery`.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from deepham.economics.economy import Economy
from deepham.errors import InputError
from deepham.simulation.population import Population

NEXT_TO_NOTHING = 1e-5  # where the grid starts that cannot start at the limit, as a share of its first step
CELLS = 8  # for each node, in which points are looked up
MOST_STEPS = 3  # from the node that a cell says to the one below a point; where it takes more, points are searched for


def wealth_grid(economy: Economy, nodes: int, top: float) -> Tensor:
    """Nodes (G,) from the borrowing limit to `top` times typical capital, denser towards the limit.

    Equal steps in log(k - limit + K_ss / 2): below K_ss the spacing is nearly even, above it grows with wealth.
    """
    steady = economy.scale
    shift = steady / 2
    span = torch.linspace(0, 1, nodes, dtype=economy.chain.dtype, device=economy.chain.device)
    log_range = torch.log1p(torch.as_tensor(top * steady / shift, dtype=span.dtype))
    grid = economy.borrowing_limit + shift * torch.expm1(span * log_range)
    # a household without resources cannot consume: where the limit leaves none, the grid starts above it
    aggregates = {name: span.new_tensor([[value]]) for name, value in economy.typical_aggregates().items()}
    z, n_eps = economy.chain.typical_z()[:1], economy.chain.n_eps
    eps = torch.arange(n_eps, device=grid.device)[None]
    lowest = economy.resources(grid[:1].expand(1, n_eps), eps, z, economy.prices(aggregates, z))[0]
    if float(lowest[0]) <= economy.borrowing_limit:
        return grid[1:]
    if bool((lowest <= economy.borrowing_limit).any()):
        # some states are entered with nothing, by the newborn, and nobody in the others holds so little
        grid[0] = torch.lerp(grid[0], grid[1], NEXT_TO_NOTHING)
    return grid


def on_grid(grid: Tensor, population: Population, n_eps: int) -> Population:
    """The population as a histogram on the grid (lottery between neighbours): (B, n_eps * G) points.

    Raises:
        InputError: assets below the lowest node.
    """
    if bool((population.k < grid[0] - 1e-9).any()):
        raise InputError(f"population: assets below {float(grid[0]):g}, the lowest node of the wealth grid")
    return Population.histogram(grid, _lottery(grid, population.k, population.eps, population.weight, n_eps))


def held(grid: Tensor, people: Population, mean: Tensor | float, limit: float, n_eps: int) -> Population:
    """The population as a histogram on the grid with assets above the limit scaled to this mean, (B, 1) or one of
    all."""
    factor = (mean - limit) / (people.mean(people.k) - limit)
    scaled = limit + factor * (people.k - limit)
    return on_grid(grid, people.with_assets(scaled.clamp(grid[0], grid[-1])), n_eps)


def followed(people: Population, before: Economy, after: Economy) -> Population:
    """The cross-sections of an economy in another calibration: what households hold above the limit is as much of what
    is typical there, so that they stay at the nodes of its wealth grid."""
    ratio = after.scale / before.scale
    return people.with_assets(after.borrowing_limit + ratio * (people.k - before.borrowing_limit))


def settle(economy: Economy, grid: Tensor, saved: Population, z: Tensor, z_next: Tensor) -> Population:
    """The next histogram, given tomorrow's aggregate state.

    Args:
        saved: today's histogram on `grid`, as `Population.histogram` lays it out, with the assets that its households
            carry into tomorrow.
        z, z_next: (B, d).
    """
    chain = economy.chain
    eps_next = None if economy.keeps else chain.successors[saved.eps]  # (B, N, E)
    arriving = None if eps_next is None else economy.arrive(saved.k[..., None], saved.eps[..., None], eps_next)
    if eps_next is None or arriving is None:
        here = _lottery(grid, saved.k, saved.eps, saved.weight, chain.n_eps)  # by today's eps
        states = torch.arange(chain.n_eps, device=z.device).expand(len(z), -1)
        transition = chain.eps_probabilities(states, z, z_next)  # (B, eps, eps')
        mass = torch.bmm(transition.transpose(1, 2), here)
    else:
        weight = saved.weight[..., None] * chain.move_probabilities(saved.eps, z, z_next)
        mass = _lottery(grid, arriving.flatten(1), eps_next.flatten(1), weight.flatten(1), chain.n_eps)
    following = Population.histogram(grid, mass)
    if following.weight.dtype != torch.float32:
        return following
    # in single precision the sum would drift over thousands of periods
    return replace(following, weight=following.weight / following.weight.sum(1, keepdim=True))


def moves(
    economy: Economy, grid: Tensor, saved: Population, z: Tensor, z_next: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """What `settle` does to the households at each node of one histogram: nodes they leave, nodes they come to, and the
    probability of that, (R,) each; a pair of nodes may be there more than once.

    Args:
        saved, z, z_next: as there, of one economy.
    """
    chain, nodes = economy.chain, len(grid)
    eps_next, chance = chain.successors[saved.eps], chain.move_probabilities(saved.eps, z, z_next)  # (1, N, E)
    arriving = economy.arrive(saved.k[..., None], saved.eps[..., None], eps_next)
    k = (saved.k[..., None].expand_as(chance) if arriving is None else arriving).clamp(grid[0], grid[-1])
    lower = _below(grid, k.flatten(1)).reshape(k.shape)
    up = chance * (k - grid.take(lower)) / grid.diff().take(lower)
    origin = torch.arange(saved.k.shape[1], device=grid.device)[:, None].expand_as(k)
    to = eps_next * nodes + lower
    pairs = (origin, origin), (to, to + 1), (chance - up, up)
    leave, come, probability = (torch.cat([low.flatten(), high.flatten()]) for low, high in pairs)
    return leave, come, probability


def _lottery(grid: Tensor, k: Tensor, eps: Tensor, weight: Tensor, n_eps: int) -> Tensor:
    """Masses (B, n_eps, G) of points (B, N), split between neighbouring nodes, so that mean assets are kept exactly.

    Points beyond the top node stay at it, points below the lowest at that. What is missing or too much then raises or
    lowers the assets of everybody between by one small rate: on a grid that is long enough that is next to nothing.
    Goods are lost only on a grid so short that the rate exceeds the distance of nodes, and `resource_gap` shows it.
    """
    b, g = len(k), len(grid)
    looked = weight.dtype == torch.float64 and weight.device.type == "cpu"  # training may not wait to look
    inside = k.clamp(grid[0], grid[-1])
    lower, share = places(grid, inside)
    mass = torch.zeros(b, n_eps * g, dtype=weight.dtype, device=weight.device)
    node = eps * g + lower
    up = weight * share
    mass.scatter_add_(1, node, weight - up)
    mass.scatter_add_(1, node + 1, up)
    mass = mass.reshape(b, n_eps, g)
    beyond = (weight * (k - inside)).sum(1)
    negligible = torch.finfo(mass.dtype).eps * (grid[-1] - grid[0])
    if looked and bool((beyond.abs() <= negligible).all()):
        return mass
    height, limits = grid - grid[0], torch.finfo(mass.dtype)
    held = (mass[..., :-1] * height[:-1]).sum((1, 2))
    rising = looked and bool((beyond >= 0).all())
    if not rising:
        held = torch.where(beyond > 0, held, (mass * height).sum((1, 2)))
    rate = (beyond / held.clamp_min(limits.tiny)).clamp(-limits.max, limits.max)
    return grown(grid, mass, rate, rising)


def places(grid: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Index (B, N) of the node below each point between the ends of the grid, and its share of the way to the next."""
    lower = _below(grid, points)
    return lower, (points - grid.take(lower)) / grid.diff().take(lower)


_LOOKED_UP: WeakTensorKeyDictionary = WeakTensorKeyDictionary()  # of grids that points have been looked up in


def _below(grid: Tensor, points: Tensor) -> Tensor:
    """Index (B, N) of the node below each point between the ends of the grid, of the last but one at the top.

    A processor looks it up by cells of equal width, which is a few times faster than searching.
    """
    if grid not in _LOOKED_UP:
        _LOOKED_UP[grid] = _cells(grid) if grid.device.type == "cpu" else (MOST_STEPS + 1, grid, grid)
    steps, first, above = _LOOKED_UP[grid]
    if steps > MOST_STEPS:
        return torch.searchsorted(grid, points.contiguous(), right=True).sub_(1).clamp_(0, len(grid) - 2)
    width = (grid[-1] - grid[0]) / len(first)
    low = first.take(((points - grid[0]) / width).long().clamp_(0, len(first) - 1))  # of a NaN the first
    for _ in range(steps):
        low += points >= above.take(low)
    return low


def _cells(grid: Tensor) -> tuple[int, Tensor, Tensor]:
    """How many nodes above the one that a cell says a point of it may lie, what each cell says, and the node above each
    node, above the last but one none."""
    count = CELLS * len(grid)
    ends = torch.linspace(float(grid[0]), float(grid[-1]), count + 1, dtype=torch.float64)
    ends = ends + 4 * torch.finfo(grid.dtype).eps * (ends[-1] - ends[0]) * torch.tensor([[-1.0], [1.0]])
    low, high = (torch.searchsorted(grid.double(), ends, right=True) - 1).clamp(0, len(grid) - 2)
    above = grid[1:].clone()
    above[-1] = torch.inf
    return int((high[1:] - low[:-1]).max()), low[:-1], above


def grown(grid: Tensor, mass: Tensor, rate: Tensor, rising: bool = False) -> Tensor:
    """Masses (B, n_eps, G) after assets above the lowest node have grown at the rate (B,), by the lottery of each
    node's mass between itself and the next, of a negative rate the one below. Those at the top do not rise.

    rising: known to be so: no rate is negative.
    """
    step, spacing = (grid - grid[0]) * rate[:, None], grid.diff()
    up = mass[..., :-1] * (step[:, :-1] / spacing).clamp(0, 1)[:, None]
    moved = mass.clone()
    moved[..., 1:] += up
    moved[..., :-1] -= up
    if not rising:
        down = mass[..., 1:] * (-step[:, 1:] / spacing).clamp(0, 1)[:, None]
        moved[..., :-1] += down
        moved[..., 1:] -= down
    return moved
