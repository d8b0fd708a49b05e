"""The callbacks and loggers of a run, from their checked configuration."""

from __future__ import annotations

import lightning
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig

from deepham.economics.economy import require
from deepham.errors import InputError

EXTRAS = ("mlflow", "wandb")  # loggers whose package comes with `pip install "deepham[<name>]"` only


def instantiate_all(group: str, cfg: DictConfig | dict | None) -> list:
    """The callbacks or loggers of a checked group that are not switched off.

    Raises:
        InputError: wrong arguments, or a logger whose package is not installed.
    """
    built = [_built(group, str(name), part) for name, part in (cfg or {}).items() if part is not None]
    expected = lightning.Callback if group == "callbacks" else Logger
    for part in built:
        require(isinstance(part, expected), f"{group}: expected a {expected.__name__} of Lightning, got {part!r}")
    return built


def _built(group: str, name: str, part: DictConfig):
    try:
        return instantiate(part)
    except InstantiationException as error:
        cause = error.__cause__
        require(
            name not in EXTRAS or not isinstance(cause, ModuleNotFoundError),
            f'{group}: {name} is not installed; install it with: pip install "deepham[{name}]"',
        )
        reason = cause if isinstance(cause, InputError) else error
        raise InputError(f"{group}: {' '.join(str(reason).splitlines()[:2])}") from error
