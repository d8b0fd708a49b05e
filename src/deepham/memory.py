"""What a request needs in memory, estimated from its sizes before anything is allocated, and whether that is there.

An estimate counts the tensors that live at the same time, in numbers per household, and rounds up: the allocator keeps
some of what is freed. The constants are those that put it between the measured peak and twice that, for peaks above
200 MB (tests/test_memory.py measures some again). Everything is done in whole numbers, of which none is too large.
"""

from __future__ import annotations

from pathlib import Path

import psutil
import torch

from deepham.errors import NotEnoughMemory

# bytes, and the settings that they grow with: name -> value
Part = tuple[int, dict[str, object]]

SPARE = 1.25  # of the peak that the tensors explain: what the allocator has not given back
OBJECT = 600  # bytes of a small tensor beside its numbers
LAYER = 30_000  # bytes of a layer beside its weights, with its copies in the average, the optimiser and a checkpoint
LOADED = 400_000_000  # bytes of a process that has done nothing yet but load torch and lightning
GROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
# of the two versions of Linux's control groups: limit, usage, and the part of the usage that is given back on demand
GROUP_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def require_memory(parts: list[Part], device="cpu") -> None:
    """Raise NotEnoughMemory, with the figure, where the parts together need more than is available on the device."""
    needed, free = sum(size for size, _ in parts), available(device)
    if needed > free:
        settings = max(parts, key=lambda part: part[0])[1]
        settings = {name: value for name, value in settings.items() if value > 1} or settings  # one cannot be lowered
        asked = " x ".join(f"{name}={value}" for name, value in settings.items())
        raise NotEnoughMemory(
            f"{asked}: about {_gigabytes(needed)} GB of memory, {_gigabytes(free)} GB are available; lower "
            f"{' or '.join(settings)}"
        )


def available(device="cpu") -> int:
    """Bytes that can still be allocated: of the card, or of the machine and this process's share of it."""
    if torch.device(device).type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return min([psutil.virtual_memory().available, *_left_in_groups()])


def _left_in_groups() -> list[int]:
    """What the limits of the process's control groups leave, as a container or a batch system sets them."""
    try:
        lines = MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return []
    left = []
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers not in ("", "memory"):
            continue
        root = GROUPS / controllers
        folder = root / group.strip("/")
        for each in (folder, *folder.parents):  # a limit holds for all groups below it
            left += _left_in(each)
            if each == root:
                break
    return left


def _left_in(folder: Path) -> list[int]:
    for limit, usage, reclaimed in GROUP_FILES:
        try:
            most, used = (int((folder / name).read_text(encoding="utf-8")) for name in (limit, usage))
            stat = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="utf-8").splitlines())
        except (OSError, ValueError):  # no such file, or "max": no limit
            continue
        return [max(0, most - used + int(stat.get(reclaimed, 0)))]
    return []


def _gigabytes(size: int) -> str:
    return f"{min(size, 10**40) / 1e9:.3g}"


# -- training ------------------------------------------------------------------------------------------------------


def training(economy, algorithm, network, processes: int = 1) -> list[Part]:
    """Of a run: simulated paths, activations kept for the gradient in float32, and the networks themselves.

    Args:
        economy, algorithm, network: an Economy, AlgorithmSettings and NetworkSettings.
        processes: that share the economies; the estimate is for one of them.
    """
    a, n_next, n_eps = algorithm.of_stream(), economy.chain.n_next, economy.chain.n_eps
    inputs, hidden = _inputs(economy, network), network.depth * network.width
    bent = 2 if network.activation in ("silu", "gelu") else 1  # these keep what goes in beside what comes out
    moments = network.moments * network.depth * network.moment_width
    branches = n_next * n_eps if a.expectation == "exact" else 1
    evaluation = point_with(economy, network)

    # one period of the policy, V on every branch of the last, and the regression of V, which are never there together
    period = 15 + inputs + bent * hidden + moments + 3 * network.moments
    if not a.price_taking:  # a gradient runs through prices and through V's moments
        period += 25
    if a.players == "first":  # of the others only their resources are followed
        period = 12 + period // a.agents
    branch = evaluation + network.ensemble * hidden + (0 if a.price_taking else moments)
    objective = a.horizon * period + branches * branch
    # the slope keeps the graph of its own gradient
    regression = (
        110 + inputs + (7 if a.slope else 4) * bent * network.ensemble * hidden + 4 * moments + 20 * network.moments
    )

    size = {"algorithm.economies": a.economies}
    if a.agents is None:
        households, size["algorithm.nodes"] = n_eps * a.nodes, a.nodes
    else:
        households, size["algorithm.agents"] = a.agents, a.agents
    points = -(-a.economies // processes) * households
    value_points = -(-a.value_economies // processes) * households if a.value_steps else points
    looked_at = n_next * n_eps * households * evaluation  # by the callback that measures errors, one economy at a time
    of_values = size | (
        {"algorithm.economies": 1, "algorithm.value_economies": a.value_economies} if a.value_steps else {}
    )
    pool, path = 0, (0, size)
    if a.value_steps or a.fresh == "epoch":  # utility along paths, and the starting points that are drawn from later
        periods = (a.dates - 1) * a.spacing + (a.realised_periods if a.value_steps else a.spacing)
        followed = size | {"algorithm.dates": a.dates, "algorithm.spacing": a.spacing}
        if a.value_steps:
            followed["algorithm.realised_periods"] = a.realised_periods
        pool, path = 12 * points * a.dates, (points * periods, followed)
    most, settings = max(
        (points * objective, size | {"algorithm.horizon": a.horizon}),
        path,
        (value_points * regression, of_values),
        (looked_at, size),
        key=lambda part: part[0],
    )
    if network.ensemble * hidden + moments > 1000:  # the networks are what is large
        settings = settings | {f"network.{name}": getattr(network, name) for name in ("width", "depth", "ensemble")}
    return [
        (_spare(4 * most), settings),
        (_spare(4 * pool), size | {"algorithm.dates": a.dates}),
        _networks(inputs, algorithm, network),
        *_second_order(economy, algorithm, network),
    ]


def weights_of(economy, network) -> int:
    """Weights of a policy network, as NetworkSettings describes it, or a few more."""
    width, depth = network.width, network.depth
    return width * (_inputs(economy, network) + (depth - 1) * width + depth + 1) + 1


def _second_order(economy, algorithm, network) -> list[Part]:
    """Of a second-order step, in float64: derivatives of the conditions of all households in all weights, and the
    equations that are remembered."""
    if not algorithm.second_order:
        return []
    newton, weights = algorithm.newton, weights_of(economy, network)
    points = 1 + economy.chain.n_next * economy.chain.successors.shape[1]
    each = 8 * weights + 4 * points * (1 + network.depth) * network.width
    return [
        (
            _spare(8 * newton.sampled * each + 8 * 12 * weights**2),
            {
                "algorithm.newton.economies": newton.economies,
                "algorithm.newton.households": newton.households,
                "network.width": network.width,
            },
        )
    ]


def of_processes(each: list[Part], number: int, name: str) -> list[Part]:
    """Of so many processes that train together: the parts of each and, of all but the one that asks, what it has
    loaded."""
    loaded = [((number - 1) * LOADED, {name: number})] if number > 1 else []
    return [(number * size, settings) for size, settings in each] + loaded


def _networks(inputs: int, algorithm, network) -> Part:
    """Weights of all networks with their averages, gradients, optimiser's state and a checkpoint of all that."""
    width, depth, basis = network.width, network.depth, network.moment_width
    number, bases = 1 + network.ensemble, (1 if network.moments_shared else 2) * network.moments
    weights = number * width * (inputs + (depth - 1) * width + depth + 1)
    weights += bases * basis * (depth * basis + 4)
    size = 70 * weights + LAYER * depth * (number + bases)
    for optimizer, count in ((algorithm.policy_optimizer, 1), (algorithm.value_optimizer, network.ensemble)):
        if optimizer.method == "SOAP":  # a covariance and an eigenbasis for each side of a matrix
            size += 22 * 2 * count * depth * width**2
    return size, {"network.width": width, "network.depth": depth, "network.ensemble": network.ensemble}


def _inputs(economy, network) -> int:
    """Numbers that a network is fed, as NetworkSettings describes it, and a few more."""
    return 7 + len(economy.chain.feature_unit) + economy.chain.n_eps + network.moments + network.quantiles


def point_with(economy, network) -> int:
    """Numbers of one household while networks of these NetworkSettings are evaluated without a gradient."""
    return _point(_inputs(economy, network), network.width, network.moments, network.moment_width)


def point_of(function) -> int:
    """The same of a policy or a value function, a network or a function on a grid."""
    inputs = getattr(function, "inputs", None)
    if inputs is None:
        return _point(0, 0, 0, 0)
    moments = inputs.moments.networks if inputs.moments else []
    widest = max(max(weight.shape) for name, weight in function.named_parameters() if not name.startswith("inputs."))
    return _point(inputs.size, widest, len(moments), moments[0][0].out_features if moments else 0)


def _point(inputs: int, width: int, moments: int, moment_width: int) -> int:
    """Numbers of one household while a network is evaluated: its state, the inputs, and a layer with the one before."""
    return 70 + inputs + 2 * width + (20 * moments + 2 * moment_width if moments else 0)


def _spare(size: int) -> int:
    return size * int(100 * SPARE) // 100


# -- simulations, in float64 -------------------------------------------------------------------------------------------


def verdict(economy, settings, point: int) -> list[Part]:
    """Of measuring in the continuum: the cross-sections kept, the errors there, and a path and its mirror image.

    Args:
        settings: VerdictSettings, or whatever has its fields.
        point: of the policy or the value function, the larger.
    """
    n_z, n_eps, nodes = economy.chain.n_z, economy.chain.n_eps, settings.nodes
    exact = economy.closed_form(torch.ones(1, 1)) is not None  # which all dates are compared with at once
    kept = settings.dates * n_eps * nodes * (200 + (8 * point if exact else 0))
    return [
        (kept, {"verdict.dates": settings.dates, "verdict.nodes": nodes}),
        (8 * n_z * n_eps * (n_eps * nodes) * (60 + point), {"verdict.nodes": nodes}),
        (
            _path(2, settings.burn_in + settings.periods // 2),
            {"verdict.burn_in": settings.burn_in, "verdict.periods": settings.periods},
        ),
    ]


def simulation(economy, nodes: int, point: int, periods: int, economies: int, agents: int | None) -> list[Part]:
    """Of `simulate`: every variable in every period, and the cross-sections of all economies."""
    variables = len(economy.variables) + 16
    recorded = _path(economies, periods) + periods * variables * (OBJECT + 16 * economies)
    return [
        (recorded, {"periods": periods, "economies": economies}),
        _cross_sections(economy, nodes, point, {"economies": economies}, agents),
    ]


def histories(periods: int, economies: int, agents: int) -> Part:
    """Of `simulate` with histories: the seven numbers kept of every household in every period."""
    return 8 * 7 * periods * economies * agents, {"periods": periods, "economies": economies, "agents": agents}


def response(economy, nodes: int, point: int, periods: int, draws: int, agents: int | None, pool: int) -> list[Part]:
    """Of `irf`: the pool of paths that the strata are filled from, both copies of every draw, their cross-sections."""
    variables = len(economy.variables) + 16
    recorded = periods * variables * (OBJECT + 30 * draws)
    return [
        (65 * pool * periods, {"periods": periods}),
        (recorded, {"periods": periods, "draws": draws}),
        _cross_sections(economy, nodes, point, {"draws": draws}, agents),
    ]


def _cross_sections(economy, nodes: int, point: int, economies: dict[str, int], agents: int | None) -> Part:
    (number,) = economies.values()
    histograms = 108 * number * economy.chain.n_eps * nodes
    if agents is None:  # followed in blocks of 64
        return histograms + 8 * min(number, 64) * economy.chain.n_eps * nodes * point, economies
    return histograms // 4 + 9 * number * agents * point, economies | {"agents": agents}


def panels(economy, point: int, economies: int, dates: int, agents: int) -> list[Part]:
    """Of measuring errors in panels at so many dates."""
    branches = economy.chain.n_next * economy.chain.n_eps
    return [
        (agents * (9 * economies * point + 220 * economies * dates + 8 * branches * (60 + point)), {"agents": agents})
    ]


def published_protocol(economy, protocol, value) -> list[Part]:
    """Of `bellman_paper`: one economy for each agent that deviates."""
    each, inputs = protocol.economies * protocol.agents, getattr(value, "inputs", None)
    learned = inputs is not None and (inputs.moments is not None or inputs.quantiles > 0)
    point = point_of(value)
    names = {"bellman_paper.economies": protocol.economies, "bellman_paper.agents": protocol.agents}
    return [
        (
            each * protocol.agents * (60 + (8 * point if learned else 0))
            + each * (300 + 9 * economy.chain.n_eps * point),
            names,
        ),
        (
            40 * protocol.economies * protocol.draws,
            {"bellman_paper.economies": protocol.economies, "bellman_paper.draws": protocol.draws},
        ),
    ]


def grid_solution(economy, settings) -> list[Part]:
    """Of the solution with ReferenceSettings: the household's problem, the histograms and the paths."""
    s, n_z, n_eps = settings, economy.chain.n_z, economy.chain.n_eps
    points = n_eps * s.histogram_nodes
    nodes, sizes = n_z * s.K_nodes, {"reference.k_nodes": s.k_nodes, "reference.K_nodes": s.K_nodes}
    states = economy.chain.every_z()
    if states is None and s.z_nodes:
        nodes, sizes = s.z_nodes * s.K_nodes, sizes | {"reference.z_nodes": s.z_nodes}
    problem = 128 * nodes * economy.chain.n_next * n_eps * s.k_nodes, sizes
    matrix = 160 * points**2, {"reference.histogram_nodes": s.histogram_nodes}  # the transition matrix of the histogram
    if economy.chain.constant:  # in place of a path
        return [problem, matrix]
    histograms = points * (230 * s.economies + 220 * max(40, s.economies) + 1100 * n_z * n_eps)
    rest = [] if states is not None else [matrix]  # a number may move without a shock, and then there is no path
    return [
        problem,
        *rest,
        (histograms, {"reference.economies": s.economies, "reference.histogram_nodes": s.histogram_nodes}),
        (
            _path(5 * s.economies, s.burn_in + s.periods),
            {"reference.economies": s.economies, "reference.burn_in": s.burn_in, "reference.periods": s.periods},
        ),
    ]


def _path(economies: int, periods: int) -> int:
    """Of drawing a path of the aggregate state in each economy."""
    return periods * (2 * OBJECT + 28 * economies)
