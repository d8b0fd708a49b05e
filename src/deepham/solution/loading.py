"""A solution from its folder: the networks are built from their settings, and their weights filled in leaf by leaf."""

from __future__ import annotations

from dataclasses import asdict

import torch
from torch import Tensor, nn

from deepham.economics import create, names
from deepham.economics.box import Box
from deepham.economics.planner import under
from deepham.economics.registry import given, own
from deepham.errors import InputError, require
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.solution import arguments, folder
from deepham.solution.solution import Solution, objective_of
from deepham.system.precision import float32


def load(path, device=None, economy=None) -> Solution:
    """Read a solution from its folder; nothing in it is executed.

    Args:
        path: a folder that `Solution.save` or a training run wrote, or the name of a solution that ships with the
            package (`folder.shipped()` lists them); a folder of that name goes first.
        device: where to compute, as torch names it; None is the CPU.
        economy: the class of an economy of one's own, or the name under which a package registers it; None where the
            economy is one of the package, or was handed over before.

    Raises:
        InputError: one line on what is missing, damaged, newer than this deepham or not a device.
    """
    device = _device(device)
    with float32():
        return _read(path, device, None if economy is None else given(economy, {})[0])


def _read(path, device: torch.device, handed_over: str | None) -> Solution:
    contents = folder.read(path)
    try:
        _check_economy(contents, handed_over)
        leaves, name, calibration, network, policy, value = _skeleton(contents.config, objective_of(contents.meta))
        _fill({"policy": policy, "value": value}, contents.weights)
        found = sorted((leaf, str(tensor.dtype)) for leaf, tensor in contents.ergodic.items())
        if found != [(leaf, "torch.float64") for leaf in leaves]:
            raise InputError(
                f"{folder.ERGODIC}: expected {', '.join(leaves[:-1])} and {leaves[-1]} in float64, got "
                f"{arguments.show(found)}"
            )
        folder.verify(contents)
        kept = {leaf: contents.ergodic[leaf].to(device) for leaf in leaves}
        vary, grid, mass, z = contents.config.get("vary"), kept["grid"], kept["mass"], kept.get("z")
        return Solution(name, calibration, network, policy, value, grid, mass, contents.meta, z, vary)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _check_economy(contents: folder.Contents, handed_over: str | None) -> None:
    """Raise InputError where the solution is of an economy whose class nobody has handed over, or of another one."""
    name = contents.config["model"].get("name")
    if handed_over is not None:
        require(
            name == handed_over,
            f"it is a solution of {arguments.show(name)}, not of {handed_over}, which was handed over",
        )
    elif isinstance(name, str) and name not in names() and own(name) is None:
        written = arguments.show(contents.meta.get("economy", name))
        raise InputError(
            f"it is a solution of {arguments.show(name)} ({written}), which is no economy of the package; hand over "
            "its class: deepham.load(path, economy=MyEconomy), on the command line model=path/to/my_economy.yaml"
        )


def _skeleton(config: dict, objective: str) -> tuple[tuple, str, dict, dict, nn.Module, nn.Module]:
    """Names of the tensors that cross-sections are kept in; name, calibration, network settings and untrained
    networks, from the two groups of config.yaml.
    """
    calibration = dict(config["model"])
    name = calibration.pop("name", None)
    try:
        economy = under(create(name, **calibration), objective)
        missing = [key for key in economy.parameters() if key not in calibration]
        if missing:  # the shipped calibration must not fill in what this solution was solved with
            raise InputError(f"the model lacks {', '.join(missing)}")
        settings = NetworkSettings(**config["network"])
        vary = config.get("vary")
        here = Box(vary, economy).scaled(economy.parameters()) if vary else ()
        networks = build_networks(economy, settings, 0, here)
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RuntimeError) as error:
        raise InputError(f"{folder.CONFIG} describes no solution: {' '.join(str(error).split())[:300]}") from None
    leaves = ("grid", "mass", *economy.chain.kept(economy.chain.typical_z()))
    return leaves, name, calibration, asdict(settings), *networks


def _fill(networks: dict[str, nn.Module], weights: dict[str, Tensor]) -> None:
    """Put the weights into the skeleton, and name the leaf that does not fit."""
    leaves = {f"{part}.{name}": leaf for part, net in networks.items() for name, leaf in net.state_dict().items()}
    for name, leaf in leaves.items():
        wanted = f"{folder.CONFIG} asks for {leaf.dtype} of shape {tuple(leaf.shape)}"
        if name not in weights:
            raise InputError(f"{folder.WEIGHTS}: there is no {name}, {wanted}")
        found = weights[name]
        if found.shape != leaf.shape or found.dtype != leaf.dtype:
            raise InputError(f"{folder.WEIGHTS}: {name} is {found.dtype} of shape {tuple(found.shape)}, {wanted}")
        if not bool(torch.isfinite(found).all()):
            raise InputError(f"{folder.WEIGHTS}: {name} holds values that are not finite; train or copy it again")
        leaf.copy_(found)
    extra = [name for name in weights if name not in leaves]
    if extra:
        raise InputError(
            f"{folder.WEIGHTS}: there is {arguments.show(extra[0])}, which the network of {folder.CONFIG} does not have"
        )


def _device(device) -> torch.device:
    try:
        chosen = torch.device("cpu" if device is None else device)
        torch.zeros(1, dtype=torch.float64, device=chosen)
    # in the order of the names: no such device, PyTorch without CUDA, no name at all, a device that computes nothing
    # (meta)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        reason = str(error).split("\n")[0]
        raise InputError(f"device: cannot compute on {arguments.show(device)} ({reason}); use device='cpu'") from None
    return chosen
