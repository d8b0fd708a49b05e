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
from deepham.errors import InputError
from deepham.files import replace
from deepham.reference.equations import equations
from deepham.reference.families import family_of
from deepham.reference.grid import Grid, GridFunction
from deepham.reference.law_of_motion import Progress
from deepham.reference.settings import ReferenceSettings
from deepham.reference.solve import Reference, solve_reference
from deepham.simulation.population import Population

SHIPPED = Path(__file__).parent / "shipped"
SAID = ("measures", "calibration", "equations", "objective")  # of a Reference, beside its tensors
# 2: before the digest covered measures, calibration, shapes and types; 3: before a solution named its equations
SCHEMA = 4
# what reading a file that is missing, damaged or of another version raises
UNREADABLE = (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError, RuntimeError)


def file_name(economy_name: str, economy: Economy, settings: ReferenceSettings) -> str:
    """Name of the file for this economy and these settings: the economy's name, and a hash of its equations, its
    calibration, who chooses in it, and the settings.
    """
    said = {name: value for name, value in asdict(settings).items() if value is not None}
    identity = [SCHEMA, economy_name, economy.parameters(), said, equations(economy), economy.objective]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return f"{economy_name}-{digest[:12]}.safetensors"


def find(economy_name: str, economy: Economy, settings: ReferenceSettings, store: Path | None) -> Reference | None:
    """The stored or shipped solution, or None where there is none that can be read: a damaged file is not trusted."""
    name = file_name(economy_name, economy, settings)
    for folder in (SHIPPED,) if store is None else (store, SHIPPED):
        try:
            return _parse(folder / name, economy)
        except UNREADABLE:
            continue
    return None


def read(path: Path, economy: Economy) -> Reference:
    """The solution in one file of a store.

    Raises:
        InputError: no such file, or a damaged one.
    """
    try:
        return _parse(path, economy)
    except UNREADABLE as error:
        reason = (
            "does not exist" if not path.exists() else "is no grid solution of this economy and version, or damaged"
        )
        raise InputError(f"reference: {path} {reason}; make it with scripts/reference.py") from error


def obtain(
    economy_name: str,
    economy: Economy,
    settings: ReferenceSettings,
    store: Path,
    again: bool = False,
    progress: Progress | None = None,
) -> Reference:
    """The stored solution or a new one, which is stored under `file_name`.

    Raises:
        InputError, NotConverged: as `solve_reference`, of a new one.
    """
    name = file_name(economy_name, economy, settings)
    stored = None if again else find(economy_name, economy, settings, store)
    if stored is not None:
        return stored
    reference = solve_reference(economy, settings, progress)
    store.mkdir(parents=True, exist_ok=True)
    replace(store / name, _bytes(reference))
    return reference


def _bytes(reference: Reference) -> bytes:
    tensors = {
        "r_squared": reference.r_squared,
        "grid.k": reference.policy.grid.k,
        "grid.K": reference.policy.grid.K,
        "policy": reference.policy.values,
        "value": reference.value.values,
        "nodes": reference.nodes,
        "start": reference.start.weight,
    }
    of_a_number = {"grid.z": reference.policy.grid.z, "z": reference.z}
    tensors |= reference.law.tensors() | {key: tensor for key, tensor in of_a_number.items() if tensor is not None}
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    metadata = {name: json.dumps(getattr(reference, name)) for name in SAID}
    return safetensors.torch.save(tensors, metadata | {"digest": _digest(tensors, metadata)})


def _parse(path: Path, economy: Economy) -> Reference:
    if not path.is_file():  # a pipe would be waited for
        raise FileNotFoundError(path)
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}
        metadata = file.metadata()
    if metadata.pop("digest") != _digest(tensors, metadata):
        raise ValueError(f"{path} is damaged")
    said = {key: json.loads(text) for key, text in metadata.items()}
    _check(tensors, said, economy)
    grid = Grid(tensors["grid.k"], tensors["grid.K"], tensors.get("grid.z"), economy.mean_assets)
    nodes = tensors["nodes"]
    limit = economy.borrowing_limit
    return Reference(
        calibration=said["calibration"],
        law=family_of(economy).law.from_tensors(tensors),
        r_squared=tensors["r_squared"],
        policy=GridFunction(grid, tensors["policy"], True, limit),
        value=GridFunction(grid, tensors["value"], False, limit),
        nodes=nodes,
        start=Population.histogram(nodes, tensors["start"].reshape(1, economy.chain.n_eps, -1)),
        measures=said["measures"],
        equations=said["equations"],
        objective=said["objective"],
        z=tensors.get("z"),
    )


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
