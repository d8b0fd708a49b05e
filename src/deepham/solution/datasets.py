"""A simulated path of an economy as an xarray.Dataset."""

from __future__ import annotations

import gzip
import json
import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from deepham.economics.economy import Economy, Groups
from deepham.economics.named_states import flags
from deepham.economics.planner import externality
from deepham.errors import InputError, OutOfDomain, show
from deepham.presentation.saying import Tick
from deepham.simulation.balance import resource_gap, why_unbalanced
from deepham.simulation.period import Panel, Period, World
from deepham.simulation.population import Population, concatenate, curve_at, gini, levels_of, quantile
from deepham.simulation.walk import walk
from deepham.solution import folder
from deepham.solution.histories import Histories
from deepham.solution.histories import descriptions as of_households
from deepham.system.files import replace

if TYPE_CHECKING:
    from xarray import Dataset

CROWDED = 1e-4  # share of households at the top node, as in the bar of the verdict
BLOCK = 64  # economies of the continuum that are followed at once: they share no randomness, and small is faster
LEVELS = {"wealth_q01": 0.01, "wealth_q10": 0.10, "wealth_q50": 0.50, "wealth_q90": 0.90, "wealth_q99": 0.99}

FIFTHS = {
    "C_fifth1": "poorest",
    "C_fifth2": "second",
    "C_fifth3": "middle",
    "C_fifth4": "fourth",
    "C_fifth5": "richest",
}


class Record(NamedTuple):
    """Economies that were followed for T periods.

    Attributes:
        series: the economy's accounts and moments of wealth and consumption, name -> (B, T), all of the start of the
            period or during it.
        last: the economies at the start of the last period.
        resource_gap: largest violation of a resource constraint over economies and periods, percent of output; NaN
            where the economy states none.
        top_mass: largest share of households at the top node of the wealth grid; None of a panel.
    """

    series: dict[str, Tensor]
    last: Panel
    resource_gap: float
    top_mass: float | None


@torch.no_grad()
def record(
    world: World,
    start: Panel,
    shocks: Tensor,
    grid: Tensor | None,
    generator: torch.Generator,
    histories: Histories | None = None,
    tick: Tick | None = None,
) -> Record:
    """Follow economies along paths of shocks (B, T, d) and write down every period.

    Args:
        start: where they start: histograms on `grid` (the continuum), or with grid None panels of agents.
        shocks: as `ShockProcess.draw_path` gives them; the first is that of the start itself.
        generator: draws the individual shocks of a panel; the continuum has none to draw.
        histories: keeps what every household of a panel does.
        tick: is told after every period how many economies have lived it.

    Raises:
        OutOfDomain: an aggregate state out of the economy's domain.
    """
    if grid is not None and len(shocks) > BLOCK:
        blocks = [slice(first, first + BLOCK) for first in range(0, len(shocks), BLOCK)]
        parts = [record(world, start.select(b), shocks[b], grid, generator, tick=tick) for b in blocks]
        series = {name: torch.cat([part.series[name] for part in parts]) for name in parts[0].series}
        last = Panel(concatenate([part.last.population for part in parts]), torch.cat([part.last.z for part in parts]))
        return Record(
            series,
            last,
            *(float(np.max([getattr(part, name) for part in parts])) for name in ("resource_gap", "top_mass")),
        )
    economy, periods, rows, top = world.economy, shocks.shape[1], [], []
    groups = economy.groups()
    carried, arrived, own, last = [], [], tuple(economy.naming.series), None
    # one more period, since what is carried out of the last has to arrive, too
    for t, period in enumerate(walk(world, start, torch.cat([shocks, shocks[:, -1:]], 1), generator, grid)):
        if tick is not None:
            tick(len(shocks))
        population, z = period.panel.population, period.panel.z
        arrived.append(population.mean(population.k))
        if t == periods:
            break
        last = period
        carried.append(population.mean(period.carried))
        if grid is not None:
            top.append(population.weight.reshape(len(z), -1, len(grid))[..., -1].sum(1).max())
        if histories is not None:
            histories.keep(period)
        state = {name: z for name in own}
        moments = distribution(population, period.consumption, economy.borrowing_limit) | _by_group(groups, period)
        rows.append(moments | _externality(period) | state | period.accounts)
    assert last is not None
    economy.check_domain(last.panel.z, last.seen.aggregates, error=OutOfDomain)
    series = {name: torch.cat([row[name] for row in rows], 1) for name in rows[0]}
    return Record(
        series,
        last.panel,
        float(resource_gap(economy, series, torch.cat(carried, 1) - torch.cat(arrived[1:], 1)).max()),
        float(torch.stack(top).max()) if top else None,
    )


def quality(economy: Economy, gap: float, top_mass: float | None) -> dict[str, float | str]:
    """How far a Dataset can be trusted, as its attributes: the largest violation of a resource constraint, percent of
    output, why if it is more than rounding, and the largest mass at the top node of the wealth grid (None: there is no
    grid, in a panel).

    Warns where so many households stand there that moments of wealth are cut off.
    """
    if top_mass is not None and top_mass > CROWDED:
        warnings.warn(
            f"{top_mass:.2%} of the households stand at the top node of the wealth grid, and moments of wealth are cut "
            f"off there; train or evaluate with a higher verdict.top",
            stacklevel=4,
        )
    reason = why_unbalanced(economy, panel=top_mass is None)
    return (
        {"resource_gap": gap}
        | ({"resource_gap_reason": reason} if reason else {})
        | ({} if top_mass is None else {"top_mass": top_mass})
    )


def descriptions(economy: Economy) -> dict[str, tuple[str, str]]:
    """Description and unit of everything that `record` returns."""
    worth = (
        "worth of one more unit of capital to all households by the prices that it moves, over their mean marginal "
        "utility",
        f"percent per {economy.period}",
    )
    return (
        economy.naming.series
        | dict(economy.variables)
        | ({"externality": worth} if economy.planner else {})
        | {
            "gini": ("Gini coefficient of wealth, start of period", "share"),
            "wealth_sd": ("standard deviation of wealth across households, start of period", "goods"),
            "C_gini": ("Gini coefficient of consumption across households", "share"),
            "C_sd": ("standard deviation of consumption across households", f"goods per {economy.period}"),
            "bottom50_share": ("share of the poorest half in wealth", "share"),
            "top10_share": ("share of the richest tenth in wealth", "share"),
            "top1_share": ("share of the richest hundredth in wealth", "share"),
        }
        | {
            name: (f"{level:.0%} quantile of wealth across households, start of period", "goods")
            for name, level in LEVELS.items()
        }
        | {
            name: (f"mean consumption of the {fifth} fifth of households by wealth", f"goods per {economy.period}")
            for name, fifth in FIFTHS.items()
        }
        | {
            name: (f"mean consumption, {group}", f"goods per {economy.period}")
            for name, group in of_groups(economy).items()
        }
    )


def of_groups(economy: Economy) -> dict[str, str]:
    """The series of consumption by age or type, and the name of each group; nothing where an economy has none."""
    groups = economy.groups()
    return {} if groups is None else {f"C_group{index + 1}": name for index, name in enumerate(groups.names)}


def to_dataset(
    economy: Economy, series: dict[str, Tensor], shocks: Tensor, own: dict[str, Tensor] | None = None, **attributes
) -> Dataset:
    """The series as an xarray.Dataset of dimensions (economy, period), with units and descriptions as attributes;
    beside them the aggregate state by index, or the innovations.

    own: series of households, (B, N, T), of dimensions (economy, agent, period).
    """
    import xarray  # slow to import, and only simulations need it

    described = descriptions(economy)
    dimensions = ("economy", "period")
    variables: dict[str, tuple] = {
        name: (dimensions, series[name].cpu().numpy(), {"long_name": text, "units": unit})
        for name, (text, unit) in described.items()
        if name in series
    }
    recorded = economy.naming.recorded
    b, periods, d = shocks.shape
    told = shocks.reshape(b, periods, *[d] * len(recorded.dimensions)).cpu().numpy()  # states are one number each
    variables[recorded.name] = (*dimensions, *recorded.dimensions), told, recorded.attributes
    coordinates = {
        "economy": ("economy", range(b), {"long_name": "simulated economy", "units": "index"}),
        "period": ("period", range(periods), {"long_name": "period", "units": economy.period}),
    }
    if own:
        coded = flags(economy.names_of(economy.individual_shock, economy.chain.n_eps))
        variables |= {
            name: (
                ("economy", "agent", "period"),
                own[name].cpu().numpy(),
                {"long_name": text, "units": unit} | (coded if unit == "index" else {}),
            )
            for name, (text, unit) in of_households(economy).items()
        }
        agents = next(iter(own.values())).shape[1]
        coordinates["agent"] = "agent", range(agents), {"long_name": "simulated household", "units": "index"}
    attributes["calibration"] = json.dumps(attributes["calibration"])
    return xarray.Dataset(variables, coordinates, attributes)


def save(dataset, path) -> None:
    """Write a Dataset to one compressed file that `xarray.open_dataset(path)` reads: netCDF, in gzip.

    Args:
        dataset: of `simulate`, `irf` or `transition`.
        path: of the file, which ends with .nc.gz.

    Raises:
        InputError: something that is not a Dataset or that netCDF cannot hold, a name that does not end with .nc.gz, or
            a file that cannot be written.
    """
    import xarray

    if not isinstance(dataset, xarray.Dataset):
        raise InputError(f"dataset: expected an xarray.Dataset as simulate() and irf() return, got {show(dataset)}")
    file = folder.absolute(path)
    if not file.name.endswith(".nc.gz"):
        raise InputError(f"path: expected a name that ends with .nc.gz, got {file}")
    try:
        data = gzip.compress(bytes(dataset.to_netcdf(engine="scipy")), mtime=0)
    # what its encoders raise on attributes and values of a foreign kind
    except (LookupError, TypeError, ValueError, OverflowError, AttributeError, RuntimeError) as error:
        raise InputError(f"dataset: netCDF cannot hold it ({error}); leave out what you added to it") from None
    try:
        replace(file, data)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def draw_panel(population: Population, agents: int, generator: torch.Generator) -> Population:
    """A panel (B, N) from cross-sections (B, M), by inversion at the N points (i + u) / N.

    Spreading the points evenly keeps the panel as close to its cross-section as N agents can be; a cross-section of N
    equal weights comes back unchanged.
    """
    k, device = population.k, generator.device
    offset = torch.rand((len(k), 1), generator=generator, device=device, dtype=k.dtype)
    points = (torch.arange(agents, device=device, dtype=k.dtype) + offset) / agents
    cumulated = population.weight.cumsum(1)
    index = torch.searchsorted(cumulated, points * cumulated[:, -1:], right=True).clamp_max(k.shape[1] - 1)
    return Population.panel(k.gather(1, index), population.eps.gather(1, index))


def _externality(period: Period) -> dict[str, Tensor]:
    """What a planner weighs, (B, 1), for economies that state its problem; nothing for the others."""
    economy, seen = period.world.economy, period.seen
    if not economy.planner:
        return {}
    marginal = seen.population.mean(economy.marginal_utility(period.choice, seen))
    return {"externality": 100 * externality(economy, period.choice, seen) / marginal}


def _by_group(groups: Groups | None, period: Period) -> dict[str, Tensor]:
    if groups is None:
        return {}
    people = period.panel.population
    means, _ = groups.means(people.eps, people.weight, period.consumption)
    return {f"C_group{index + 1}": mean for index, mean in enumerate(means.split(1, 1))}


def distribution(population: Population, consumption: Tensor, limit: float) -> dict[str, Tensor]:
    """Moments of wealth and consumption, shares of groups in wealth and consumption by fifths of the population: name
    -> (B, 1).

    limit: the borrowing limit, at which households are for certain and not around.
    """
    spread = population.mean((consumption - population.mean(consumption)) ** 2).sqrt()
    of_consumption = {"C_gini": gini(consumption, population.weight)[:, None], "C_sd": spread}
    k, weight = population.k, population.weight
    order = k.argsort(-1)
    k, weight, consumption = (x.gather(-1, order) for x in (k, weight, consumption))
    cumulated = weight.cumsum(-1)
    mean = (weight * k).sum(-1, keepdim=True)
    lorenz = (weight * k).cumsum(-1) / mean
    levels = quantile(k, weight, list(LEVELS.values()), atom=limit)
    below = curve_at(cumulated, lorenz, [0.5, 0.9, 0.99])
    # who is of which fifth among those who hold as much says nothing: each level of wealth has its mean
    up_to, consumed = levels_of(k, weight)[1], levels_of(k, weight * consumption)[1]
    fifths = 5 * curve_at(up_to, consumed, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]).diff(dim=-1)
    left = torch.cat([torch.zeros_like(lorenz[:, :1]), lorenz[:, :-1]], -1)
    return (
        {
            "gini": 1 - (weight * (left + lorenz)).sum(-1, keepdim=True),
            "wealth_sd": (weight * (k - mean) ** 2).sum(-1, keepdim=True).sqrt(),
            **of_consumption,
            "bottom50_share": below[:, :1],
            "top10_share": 1 - below[:, 1:2],
            "top1_share": 1 - below[:, 2:],
        }
        | dict(zip(LEVELS, levels.split(1, 1)))
        | dict(zip(FIFTHS, fifths.split(1, 1)))
    )
