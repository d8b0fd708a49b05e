"""Whether a request can fit into memory: the largest array that it needs against what is free, before anything is made.

The largest array is a figure that can be checked by hand, and not all of it: a request that is refused could not have
run, and one a few times smaller may still be too large. Whole numbers, of which none is too large.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import torch

from deepham.errors import NotEnoughMemory

# bytes, and the settings that they grow with: name -> value
Array = tuple[int, dict[str, object]]

LOADED = 400_000_000  # bytes of a process that has done nothing yet but load torch and lightning
GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
# of the two versions of Linux's control groups: limit, usage, and the part of the usage that is given back on demand
GROUP_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def require_memory(arrays: list[Array], device: str | torch.device = "cpu") -> None:
    """Raise NotEnoughMemory, with the figure, where the largest of the arrays needs more than is free on the device."""
    needed, settings = max(arrays, key=lambda array: array[0])
    free = available(device)
    if needed > free:
        settings = {name: value for name, value in settings.items() if value != 1} or settings  # one cannot be lowered
        asked = " x ".join(f"{name}={value}" for name, value in settings.items())
        raise NotEnoughMemory(
            f"{asked}: about {_gigabytes(needed)} GB of memory, {_gigabytes(free)} GB are available; lower "
            f"{' or '.join(settings)}"
        )


def available(device: str | torch.device = "cpu") -> int:
    """Bytes that can still be allocated: of the card, or of the machine and this process's share of it."""
    if torch.device(device).type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return min([psutil.virtual_memory().available, *_left_in_groups()])


def _left_in_groups() -> Iterator[int]:
    """What the limits of the process's control groups leave, as a container or a batch system sets them."""
    with suppress(OSError):  # not Linux
        for line in MEMBERSHIP.read_text(encoding="utf-8").splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers in ("", "memory"):
                root = GROUPS / controllers
                folder = root / group.strip("/")
                for each in (folder, *folder.parents):  # a limit holds for all groups below it
                    yield from _left_in(each)
                    if each == root:
                        break


def _left_in(folder: Path) -> Iterator[int]:
    for limit, usage, reclaimed in GROUP_FILES:
        with suppress(OSError, ValueError):  # no such file, or "max": no limit
            most, used = (int((folder / name).read_text(encoding="utf-8")) for name in (limit, usage))
            stat = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="utf-8").splitlines())
            yield max(0, most - used + int(stat.get(reclaimed, 0)))


def _gigabytes(size: int) -> str:
    return f"{min(size, 10**40) / 1e9:.3g}"


# -- the arrays of a command, any of which may be the largest --------------------------------------------------------


def widest(function) -> int:
    """Numbers of one household in the widest layer of a policy or a value function; one of a function on a grid."""
    parameters = getattr(function, "parameters", None)
    return max(max(leaf.shape, default=1) for leaf in parameters()) if parameters else 1


def training(economy, algorithm, network, share: int = 1) -> list[Array]:
    """Of a run, in float32: what a hidden layer or a path holds of all households.

    Args:
        economy, algorithm, network: an Economy, AlgorithmSettings and NetworkSettings.
        share: so many machines or cards split the economies.
    """
    a, branches = algorithm.of_stream(), economy.chain.n_next * economy.chain.successors.shape[-1]
    size: dict[str, object] = {"algorithm.economies": a.economies}
    if a.agents is None:
        households, size["algorithm.nodes"] = economy.chain.n_eps * a.nodes, a.nodes
    else:
        households, size["algorithm.agents"] = a.agents, a.agents
    points, value_points = (-(-each // share) * households for each in (a.economies, a.value_economies))
    # by the callback that measures errors, an economy at a time
    measured = 4 * households * branches * network.width, size
    if a.second_order:  # a layer as the economies move, and in float64 what a condition says at each household
        newton = {f"algorithm.newton.{name}": getattr(a.newton, name) for name in ("economies", "households")}
        weights = network.policy_weights(economy)
        each_weight = 8 * a.newton.sampled(weights) * weights, newton | {"network.width": network.width}
        arrays = [(4 * points * network.width, size), measured, each_weight]
        if economy.foreseen:  # a layer at all that may come of each economy, in float64
            nodes = max(a.nodes, a.newton.last_nodes)
            asked = {"algorithm.newton.last_nodes" if nodes > a.nodes else "algorithm.nodes": nodes}
            ahead = 8 * a.newton.economies * economy.chain.n_next * economy.chain.n_eps * nodes * network.width
            arrays.append((ahead, {"algorithm.newton.economies": a.newton.economies} | asked))
        return arrays
    # kept for the gradient; where one agent counts, of the others only their resources are
    kept = 1 if a.players == "first" else network.depth * network.width
    arrays: list[Array] = [
        (4 * points * a.horizon * kept, size | {"algorithm.horizon": a.horizon}),
        measured,
    ]
    if a.expectation == "exact":
        arrays.append((4 * points * branches * network.width * network.ensemble, size))
    paths = {"algorithm.dates": a.dates, "algorithm.spacing": a.spacing}
    if a.value_steps:  # utility along paths, and the points that V is taught at
        periods = (a.dates - 1) * a.spacing + a.realised_periods
        arrays.append((4 * points * periods, size | paths | {"algorithm.realised_periods": a.realised_periods}))
        regression = 4 * value_points * network.depth * network.width * network.ensemble
        arrays.append((regression, size | {"algorithm.economies": 1, "algorithm.value_economies": a.value_economies}))
    elif a.fresh == "epoch":
        arrays.append((4 * points * a.dates * a.spacing, size | paths))
    return arrays


def verdict(economy, settings, width: int) -> list[Array]:
    """Of measuring in the continuum, in float64 as all that follows: the cross-sections kept, a layer at all that may
    happen next in one of them, and a path.

    Args:
        settings: VerdictSettings, or whatever has its fields.
        width: see `widest`.
    """
    points = economy.chain.n_eps * settings.nodes
    periods = {"verdict.burn_in": settings.burn_in, "verdict.periods": settings.periods}
    return [
        (8 * settings.dates * points, {"verdict.dates": settings.dates, "verdict.nodes": settings.nodes}),
        (
            8 * points * economy.chain.n_next * economy.chain.successors.shape[-1] * width,
            {"verdict.nodes": settings.nodes},
        ),
        (8 * (settings.burn_in + settings.periods), periods),
    ]


def simulation(
    economy, nodes: int, width: int, periods: int, economies: int, agents: int | None, of: str = "economies"
) -> list[Array]:
    """Of `simulate`: all variables, and the cross-sections or a layer at them; `of` names what is many."""
    recorded = 8 * len(economy.variables) * periods * economies
    people: Array
    if agents is None:
        people = 8 * economies * economy.chain.n_eps * nodes, {of: economies}
    else:
        people = 8 * economies * agents * width, {of: economies, "agents": agents}
    return [(recorded, {"periods": periods, of: economies}), people]


def histories(periods: int, economies: int, agents: int) -> Array:
    """Of `simulate` with histories: the seven numbers kept of every household in every period."""
    return 8 * 7 * periods * economies * agents, {"periods": periods, "economies": economies, "agents": agents}


def response(economy, nodes: int, width: int, periods: int, draws: int, agents: int | None, pool: int) -> list[Array]:
    """Of `irf`: every draw is an economy, and strata are filled from a pool of paths."""
    draws_of = simulation(economy, nodes, width, periods, draws, agents, "draws")
    return [*draws_of, (8 * pool * periods, {"periods": periods})]


def panels(economy, width: int, economies: int, agents: int) -> list[Array]:
    """Of measuring errors in panels: a layer at the households."""
    branches = economy.chain.n_next * economy.chain.n_eps
    return [(8 * agents * max(economies, branches) * width, {"agents": agents})]


def published_protocol(protocol, width: int) -> list[Array]:
    """Of `bellman_paper`: one economy for each agent that deviates, of whom each has a layer."""
    names = {"bellman_paper.economies": protocol.economies, "bellman_paper.agents": protocol.agents}
    each, draws = protocol.economies * protocol.agents, {"bellman_paper.draws": protocol.draws}
    return [
        (8 * each * max(protocol.agents, width), names),
        (8 * protocol.economies * protocol.draws, {"bellman_paper.economies": protocol.economies} | draws),
    ]


MOST_POINTS = 5_000  # of a histogram whose stationary masses are solved for; of more they are walked to


def grid_solution(economy, settings) -> list[Array]:
    """Of the solution with ReferenceSettings: the household's problem, the histograms and the paths."""
    s, n_z, n_eps = settings, economy.chain.n_z, economy.chain.n_eps
    points, states = n_eps * s.histogram_nodes, economy.chain.every_z()
    nodes, sizes = n_z * s.K_nodes, {"reference.k_nodes": s.k_nodes, "reference.K_nodes": s.K_nodes}
    if states is None and s.z_nodes:
        nodes, sizes = s.z_nodes * s.K_nodes, sizes | {"reference.z_nodes": s.z_nodes}
    arrays: list[Array] = [(8 * nodes * economy.chain.n_next * n_eps * s.k_nodes, sizes)]
    if economy.chain.constant or states is None:  # the histogram may come to rest: its transition, or itself
        walked = economy.chain.constant and points > MOST_POINTS
        arrays.append((8 * (points if walked else points**2), {"reference.histogram_nodes": s.histogram_nodes}))
    if not economy.chain.constant:
        several = {"reference.economies": s.economies}
        path = several | {"reference.burn_in": s.burn_in, "reference.periods": s.periods}
        arrays += [
            (8 * points * s.economies, several | {"reference.histogram_nodes": s.histogram_nodes}),
            (8 * s.economies * (s.burn_in + s.periods), path),
        ]
    return arrays
