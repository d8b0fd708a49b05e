"""A trained solution: what a user keeps, asks and passes on. Needs neither Hydra nor Lightning nor a GPU.

solution = deepham.load("checkpoints/<run>")
solution.consumption(k=[1.0, 40.0], eps="employed", z="good")     # NumPy in, NumPy out
solution.simulate(periods=400, seed=1)                            # an xarray.Dataset
"""

from __future__ import annotations

import copy
import json
from dataclasses import fields
from datetime import UTC, datetime
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from deepham.algorithm.refine import refine_value
from deepham.economics import create
from deepham.economics.box import Box
from deepham.economics.planner import under
from deepham.economics.registry import own, written
from deepham.errors import InputError, show
from deepham.networks.settings import NetworkSettings
from deepham.presentation.rich import solution_html
from deepham.solution import arguments, folder, signatures
from deepham.solution.calibrated import calibrated, derivatives, refining
from deepham.solution.solved import SolvedEconomy
from deepham.solution.summary import brief, summary, with_unit
from deepham.system.threads import one_thread
from deepham.system.version import __version__

if TYPE_CHECKING:
    import pandas

DATES = 12  # of the path of a calibration of a box, from which its V is found
MOST_KEPT = 16  # calibrations of a box whose solutions are kept

# what a notebook shows; `summary` has all of them
SHOWN = ("euler.mean", "euler.p99", "bellman_policy.mean", "mean_K_gap", "path_gap.mean", "wealth_w1", "mean_K", "gini")


varied = signatures.keywords_from(lambda self: self._varied())


class Solution(SolvedEconomy):
    """A SolvedEconomy whose policy and value function are networks, with what was measured of it, and its folder.

    Args:
        economy_name: as in conf/model/.
        calibration: the economy's parameters.
        network: the fields of NetworkSettings, from which `load` builds the networks again.
        policy, value: trained networks. Copies are taken: their float32 weights, evaluated in float64.
        grid: (G,) wealth nodes of the continuum; everything is computed on its device.
        mass: (n_z, n_eps * G) ergodic cross-section in each aggregate state, as Population.histogram lays it out.
        z: mean of the aggregate state where it is numbers, else None, as in SolvedEconomy.
        vary: parameters that vary and their bounds, of networks that are told where in this box they are; None: they
            are of one calibration.
        meta: plain data: seed, measures, ... ; versions and date are added where missing.

    Attributes:
        network: as given.
        meta: as given, with versions and date; "measures" has the errors and moments that were measured.
        networks: policy_function and value_function, as modules by the names "policy" and "value".
        box: the calibrations that `at` gives, or None.

    Raises:
        InputError: one line on what does not fit.
    """

    def __init__(
        self,
        economy_name: str,
        calibration: dict,
        network: dict,
        policy: nn.Module,
        value: nn.Module,
        grid: Tensor,
        mass: Tensor,
        meta: dict | None = None,
        z: Tensor | None = None,
        vary: dict | None = None,
    ):
        self.networks = {"policy": _frozen(policy, grid.device), "value": _frozen(value, grid.device)}
        super().__init__(
            economy_name,
            create(economy_name, **calibration).to(device=grid.device),
            self.networks["policy"],
            self.networks["value"],
            grid,
            mass,
            z,
        )
        self.network = dict(network)
        made = {
            "deepham": __version__,
            "torch": str(torch.__version__),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            self.meta = made | json.loads(json.dumps(meta or {})) | {"schema_version": folder.SCHEMA_VERSION}
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"meta: expected plain data for JSON, got {show(meta)} ({error})") from None
        check_meta(self.meta)
        if own(economy_name) is not None:  # for whoever has to find the class; never imported
            self.meta["economy"] = written(type(self.economy))
        self.economy = under(self.economy, objective_of(self.meta))
        self.box = Box(vary, self.economy) if vary else None
        self._found: dict[str, Solution] = {}  # by calibration, the last that `at` was asked for

    # -- other calibrations ----------------------------------------------------------------------------------------

    @varied
    @one_thread()
    def at(self, **parameters) -> Solution:
        """The solution of another calibration of the box that the networks were trained in (`vary=`): a Solution like
        any other. Networks are refined there and its ergodic cross-sections simulated, which takes some seconds; the
        last sixteen are kept.

        Args:
            parameters: those that differ from `calibration`, such as beta=0.985; for a list, all its numbers.

        Raises:
            InputError: the networks were trained for one calibration only, a parameter does not vary, or a value lies
                outside of the box.
            OutOfDomain: the economy reaches an aggregate state in which the model has no meaning.
            NotConverged: networks cannot be made more exact there.
        """
        calibration = self._whole_box("at").moved(parameters)
        key = json.dumps(calibration, sort_keys=True)
        if key not in self._found:
            latest = list(self._found.items())[1 - MOST_KEPT :]
            self._found = dict(latest) | {key: self._of(calibration)}
        return self._found[key]

    @varied
    @one_thread()
    def sensitivity(self, *names: str, **parameters) -> pandas.DataFrame:
        """Comparative statics: derivatives of long-run means in every parameter that varies.

        Args:
            names: variables of the economy, such as "K" or "r", and moments: gini, wealth_sd, bottom50_share,
                top10_share, top1_share, sd_K, welfare.
            parameters: the calibration at which they are taken, as in `at`.

        Returns:
            pandas.DataFrame with one row per name and one column per parameter, in the unit of the one per unit of the
            other. It takes some seconds per parameter.

        Raises:
            InputError: as in `at`, or an unknown name.
            OutOfDomain: as in `at`.
        """
        import pandas as pd

        box = self._whole_box("sensitivity")
        shape = NetworkSettings(**self.network)
        found = derivatives(self, box, box.moved(parameters), shape, refining(self.meta, self.economy), names)
        return pd.DataFrame(found, index=pd.Index(names))

    def _varied(self) -> list[Parameter]:
        return signatures.calibration({name: self.calibration[name] for name in self.box.vary} if self.box else {})

    def _whole_box(self, call: str) -> Box:
        if self.box is None:
            raise InputError(
                f"{call}: this is the solution of one calibration; to have others train with vary=..., say "
                f'deepham.solve("{self.name}", vary={{...}})'
            )
        return self.box

    def _of(self, calibration: dict) -> Solution:
        box, shape = self._whole_box("at"), NetworkSettings(**self.network)
        settings = refining(self.meta, self.economy)
        found = calibrated(self, box, calibration, shape, settings, dates=DATES)
        if settings is not None:
            refine_value(found.economy, found.policy, found.value, found.ergodic.dates, found.ergodic.grid, settings, 1)
        made = {name: self.meta[name] for name in ("seed", "algorithm") if name in self.meta}
        z = found.economy.chain.kept(found.ergodic.mean_z).get("z")
        grid, mass = found.ergodic.grid, found.ergodic.mean_mass
        return Solution(self.name, calibration, self.network, found.policy, found.value, grid, mass, made, z)

    # -- on disk and in words --------------------------------------------------------------------------------------

    def save(self, path, overwrite: bool = False) -> Path:
        """Write the solution to a folder (see `deepham.solution.folder`) that `load` reads back bit for bit.

        A new or empty folder is filled. One that holds anything is refused, unless overwrite=True: then the solution's
        four files are replaced and all others stay.

        Args:
            path: the folder.
            overwrite: replace the solution that is there.

        Returns:
            The folder.

        Raises:
            InputError: the folder is refused or cannot be written.
        """
        weights = {
            f"{part}.{name}": leaf.float().cpu().contiguous()
            for part, network in self.networks.items()
            for name, leaf in network.state_dict().items()
        }
        ergodic = {"grid": self.grid.cpu().contiguous(), "mass": self.mass.cpu().contiguous()}
        ergodic |= self.economy.chain.kept(self.z.cpu().contiguous())
        config = {"model": {"name": self.name} | self.calibration, "network": self.network}
        config |= {"vary": self.box.vary} if self.box else {}
        return folder.write(
            path, folder.Contents(weights, ergodic, config, self.meta), arguments.flag("overwrite", overwrite)
        )

    def summary(self) -> str:
        """Economy, calibration, networks, distribution, how it was made and the measures, over several lines."""
        return summary(self)

    def _repr_html_(self) -> str:
        """The same in a notebook, for the reader who has just solved it."""
        economy, measures = self.economy, self.meta.get("measures") or {}
        meanings = {each.name: str(each.metadata.get("meaning", "")) for each in fields(economy)}
        household = f"{economy.asset}=..., {economy.individual_shock}=..., {economy.aggregate_shock}=..."
        asked = (f"consumption({household})", "simulate(periods=200, seed=1)", "errors()", 'save("my-solution")')
        return solution_html(
            self.name,
            economy.period,
            {name: (brief(value), meanings.get(name, "")) for name, value in self.calibration.items()},
            {name: with_unit(name, float(f"{measures[name]:.4g}")) for name in SHOWN if name in measures},
            [f"solution.{call}" for call in asked],
        )

    def __repr__(self) -> str:
        return (
            f"Solution({self.name!r}, network {self.network.get('name')!r}, {len(self.grid)} wealth nodes, "
            f"made {self.meta['created']})"
        )


def objective_of(meta: dict) -> str:
    """Whose problem the solution solves."""
    made_with = meta.get("algorithm")
    return made_with.get("objective", "market") if isinstance(made_with, dict) else "market"


def check_meta(meta: dict) -> None:
    """Raise InputError where an entry that this package reads is not of its kind; all others are free."""
    made = meta.get("made_by")
    said = meta | {f"made_by.{name}": value for name, value in (made.items() if isinstance(made, dict) else ())}
    for names, expected, right in (
        (("deepham", "torch"), "a text of one line", lambda x: isinstance(x, str) and x.isprintable()),
        (("created",), "a date and time in ISO format", _is_date),
        (("seed",), "a whole number", lambda x: x is None or isinstance(x, int)),
        (("algorithm", "made_by"), "named entries", lambda x: isinstance(x, dict)),
        (
            ("measures", "standard_errors", "made_by.seconds"),
            "a number for each name",
            lambda x: isinstance(x, dict) and all(map(_is_number, x.values())),
        ),
        (("made_by.peak_memory_mb",), "a number", _is_number),
        (("history",), "a list of numbers for each name, all of one length", _is_table),
    ):
        for name in names:
            if name in said and not right(said[name]):
                raise InputError(f"meta: expected {expected} under {name}, got {show(said[name])}")


def _is_number(value) -> bool:
    return isinstance(value, float) or isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**1023


def _is_date(value) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value) is not None
    except ValueError:
        return False


def _is_table(value) -> bool:
    columns = list(value.values()) if isinstance(value, dict) else None
    return columns is not None and all(
        isinstance(column, list) and len(column) == len(columns[0]) and all(x is None or _is_number(x) for x in column)
        for column in columns
    )


def _frozen(network: nn.Module, device) -> nn.Module:
    """A copy for evaluation: float32 weights, as they are saved, in float64 arithmetic."""
    return copy.deepcopy(network).float().to(device=device, dtype=torch.float64).eval().requires_grad_(False)
