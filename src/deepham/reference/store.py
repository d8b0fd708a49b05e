"""Grid solutions on disk, one file per calibration and settings; the one of ks98 ships with the package."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from deepham.economics.economy import Economy
from deepham.reference.grid import Grid, GridFunction
from deepham.reference.household import LawOfMotion
from deepham.reference.solve import Reference, ReferenceSettings, solve_reference
from deepham.simulation.population import Population

SHIPPED = Path(__file__).parent / "shipped"
SCHEMA = 1


def file_name(economy_name: str, economy: Economy, settings: ReferenceSettings) -> str:
    """Name of the file for this calibration and these settings: the economy, and a hash of everything."""
    identity = [SCHEMA, economy_name, economy.parameters(), asdict(settings)]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return f"{economy_name}-{digest[:12]}.safetensors"


def find(economy_name: str, economy: Economy, settings: ReferenceSettings, store: Path | None) -> Reference | None:
    """The stored or shipped solution, or None where there is none that can be read: a damaged file is not trusted."""
    name = file_name(economy_name, economy, settings)
    for folder in (SHIPPED,) if store is None else (store, SHIPPED):
        try:
            return _read(folder / name, economy)
        except (OSError, safetensors.SafetensorError, KeyError, ValueError, RuntimeError):
            continue
    return None


def obtain(
    economy_name: str, economy: Economy, settings: ReferenceSettings, store: Path, again: bool = False,
    progress: Callable[[int, float, float], None] | None = None,
) -> tuple[Reference, Path]:
    """The stored solution or a new one, which is stored; and the file it is in."""
    name = file_name(economy_name, economy, settings)
    stored = None if again else find(economy_name, economy, settings, store)
    if stored is not None:
        return stored, next(folder / name for folder in (store, SHIPPED) if (folder / name).is_file())
    reference = solve_reference(economy, settings, progress)
    store.mkdir(parents=True, exist_ok=True)
    beside = store / f".{name}.{os.getpid()}.tmp"
    beside.write_bytes(_bytes(reference))
    os.replace(beside, store / name)
    return reference, store / name


def _bytes(reference: Reference) -> bytes:
    tensors = {
        "law.intercept": reference.law.intercept, "law.slope": reference.law.slope, "r_squared": reference.r_squared,
        "grid.k": reference.policy.grid.k, "grid.K": reference.policy.grid.K, "policy": reference.policy.values,
        "value": reference.value.values, "nodes": reference.nodes, "start": reference.start.weight,
    }
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    digest = _digest(tensors)
    metadata = {"measures": json.dumps(reference.measures), "digest": digest}
    return safetensors.torch.save(tensors, metadata)


def _read(path: Path, economy: Economy) -> Reference:
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}
        metadata = file.metadata()
    if metadata["digest"] != _digest(tensors):
        raise ValueError(f"{path} is damaged")
    grid = Grid(tensors["grid.k"], tensors["grid.K"])
    nodes = tensors["nodes"]
    limit = economy.borrowing_limit
    return Reference(
        law=LawOfMotion(tensors["law.intercept"], tensors["law.slope"]),
        r_squared=tensors["r_squared"],
        policy=GridFunction(grid, tensors["policy"], True, limit),
        value=GridFunction(grid, tensors["value"], False, limit),
        nodes=nodes,
        start=Population.histogram(nodes, tensors["start"].reshape(1, economy.chain.n_eps, -1)),
        measures=json.loads(metadata["measures"]),
    )


def _digest(tensors: dict[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for key in sorted(tensors):
        digest.update(key.encode())
        digest.update(tensors[key].numpy().tobytes())
    return digest.hexdigest()
