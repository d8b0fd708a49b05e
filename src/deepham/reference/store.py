"""Grid solutions on disk, one file per equations, calibration and settings; the one of ks98 ships with the package."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from deepham.economics.economy import Economy
from deepham.economics.planner import under
from deepham.errors import InputError
from deepham.reference.equations import equations
from deepham.reference.families import family_of
from deepham.reference.grid import Grid, GridFunction
from deepham.reference.grid_solution import GridSolution
from deepham.reference.law_of_motion import Progress
from deepham.reference.settings import ReferenceSettings
from deepham.reference.solve import solve_reference
from deepham.system.entry import called
from deepham.system.files import replace

SHIPPED = Path(__file__).parent / "shipped"
# 2: before the digest covered measures, calibration, shapes and types; 3: before a solution named its equations; 4:
# before cross-sections were kept by aggregate state; 5: before functions between nodes were cubics
SCHEMA = 6
# what reading a file that is missing, damaged or of another version raises
UNREADABLE = (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError)


def file_name(economy_name: str, economy: Economy, settings: ReferenceSettings) -> str:
    """Name of the file for this economy and these settings: the economy's name, and a hash of its equations, its
    calibration, who chooses in it, the settings, and the version of the file.
    """
    said = {name: value for name, value in asdict(settings).items() if value is not None}
    identity = [SCHEMA, economy_name, economy.parameters(), said, equations(economy), economy.objective]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return f"{economy_name}-{digest[:12]}.safetensors"


def find(economy_name: str, economy: Economy, settings: ReferenceSettings, store: Path | None) -> GridSolution | None:
    """The stored or shipped solution, or None where there is none that can be read: a damaged file is not trusted."""
    found = where(economy_name, economy, settings, store)
    return None if found is None else found[1]


def where(
    economy_name: str, economy: Economy, settings: ReferenceSettings, store: Path | None
) -> tuple[Path, GridSolution] | None:
    """`find`, with the file that it lies in."""
    name = file_name(economy_name, economy, settings)
    for folder in (SHIPPED,) if store is None else (store, SHIPPED):
        try:
            return folder / name, _parse(folder / name, economy_name, economy)
        except UNREADABLE:
            continue
    return None


def read(path: Path, economy_name: str, economy: Economy) -> GridSolution:
    """The solution in one file of a store, of this economy and any of its calibrations.

    Raises:
        InputError: no such file, or a damaged one.
    """
    try:
        return _parse(path, economy_name, economy)
    except UNREADABLE as error:
        reason = (
            "does not exist" if not path.exists() else "is no grid solution of this economy and version, or damaged"
        )
        raise InputError(f"reference: {path} {reason}; make it with {called('reference')}") from error


def obtain(
    economy_name: str,
    economy: Economy,
    settings: ReferenceSettings,
    store: Path,
    again: bool = False,
    progress: Progress | None = None,
) -> GridSolution:
    """The stored solution or a new one, which is stored under `file_name`.

    Raises:
        InputError, NotConverged: as `solve_reference`, of a new one.
    """
    stored = None if again else find(economy_name, economy, settings, store)
    if stored is not None:
        return stored
    reference = solve_reference(economy, settings, progress, economy_name)
    store.mkdir(parents=True, exist_ok=True)
    replace(store / file_name(economy_name, economy, settings), _bytes(reference))
    return reference


def _bytes(reference: GridSolution) -> bytes:
    policy, economy = reference.policy_function, reference.economy
    tensors = {
        "r_squared": reference.r_squared,
        "grid.k": policy.grid.k,
        "grid.K": policy.grid.K,
        "policy": policy.values,
        "value": reference.value_function.values,
        "nodes": reference.grid,
        "start": reference.start.weight,
        "mass": reference.mass,
        **reference.law.tensors(),
        **economy.chain.kept(reference.z),
    }
    if policy.grid.z is not None:
        tensors["grid.z"] = policy.grid.z
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    said = {
        "measures": reference.measures,
        "calibration": reference.calibration,
        "equations": reference.equations,
        "objective": economy.objective,
    }
    metadata = {name: json.dumps(value) for name, value in said.items()}
    return safetensors.torch.save(tensors, metadata | {"digest": _digest(tensors, metadata)})


def _parse(path: Path, economy_name: str, economy: Economy) -> GridSolution:
    if not path.is_file():  # a pipe would be waited for
        raise FileNotFoundError(path)
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}
        metadata = file.metadata()
    if metadata.pop("digest") != _digest(tensors, metadata):
        raise ValueError(f"{path} is damaged")
    said = {key: json.loads(text) for key, text in metadata.items()}
    _check(tensors, said, economy)
    solved = _solved_for(economy, said)
    grid = Grid.of(solved, tensors["grid.k"], tensors["grid.K"], tensors.get("grid.z"))
    return GridSolution(
        name=economy_name,
        economy=solved,
        law=family_of(economy).law.from_tensors(tensors),
        r_squared=tensors["r_squared"],
        policy=GridFunction(grid, tensors["policy"], solved.spendable),
        value=GridFunction(grid, tensors["value"], None),
        grid=tensors["nodes"],
        start=tensors["start"],
        measures=said["measures"],
        equations=said["equations"],
        mass=tensors["mass"],
        z=tensors.get("z"),
    )


def _solved_for(economy: Economy, said: dict) -> Economy:
    """The economy with the calibration and the objective of the file: mostly the one that is asked about."""
    if (said["calibration"], said["objective"]) == (economy.parameters(), economy.objective):
        return economy
    return under(type(under(economy, "market"))(**said["calibration"]), said["objective"])


def _check(tensors: dict[str, torch.Tensor], said: dict, economy: Economy) -> None:
    """Raise ValueError for content that is no grid solution of the economy, however right its digest."""
    n_z, n_eps, family = economy.chain.n_z, economy.chain.n_eps, family_of(economy)
    increasing = ["grid.k", "grid.K", "nodes", *family.z_tensors]
    G, J, nodes, *of_z = (tensors[key].numel() for key in increasing)
    function = (*(of_z or (n_z,)), n_eps, J, G)
    shapes = {
        "r_squared": (n_z,),
        "grid.k": (G,),
        "grid.K": (J,),
        "policy": function,
        "value": function,
        "nodes": (nodes,),
        "start": (1, n_eps * nodes),
        "mass": (n_z, n_eps * nodes),
        **family.shapes(tensors),
    }
    if {key: (tuple(x.shape), x.dtype) for key, x in tensors.items()} != {
        key: (shape, torch.float64) for key, shape in shapes.items()
    }:
        raise ValueError("expected the tensors of a grid solution")
    if not all(bool(x.isfinite().all()) for key, x in tensors.items() if key != "r_squared"):
        raise ValueError("expected finite numbers")
    if min(G, J, nodes, *of_z) < 2 or not all(bool((tensors[key].diff() > 0).all()) for key in increasing):
        raise ValueError("expected increasing nodes")
    start = tensors["start"]
    if not bool((start >= 0).all()) or abs(float(start.sum()) - 1) > 1e-6 or float(tensors["grid.K"][0]) <= 0:
        raise ValueError("expected masses of at least 0 that sum to 1, and positive capital")
    if not isinstance(said["equations"], str) or not isinstance(said["objective"], str):
        raise ValueError("expected the equations' digest and an objective")
    if (
        not isinstance(said["calibration"], dict)
        or not isinstance(said["measures"], dict)
        or not all(isinstance(x, int | float) for x in said["measures"].values())
    ):
        raise ValueError("expected a calibration, and numbers for measures")


def _digest(tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> str:
    """SHA-256 of everything: names, types, shapes and bytes of the tensors, and what is said of them."""
    digest = hashlib.sha256()
    for key, tensor in sorted(tensors.items()):
        digest.update(json.dumps([key, str(tensor.dtype), tensor.shape]).encode())
        digest.update(tensor.numpy().tobytes())
    digest.update(json.dumps(metadata, sort_keys=True).encode())
    return digest.hexdigest()
