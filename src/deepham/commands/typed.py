"""Groups of a composed configuration with the types of their settings, and the economy that one is of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import TypeVar

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from deepham import economics
from deepham.economics.economy import Economy, require
from deepham.economics.model_file import UsersError
from deepham.errors import InputError, show

R = TypeVar("R")
S = TypeVar("S")


def input_errors(reader: Callable[[DictConfig], R]) -> Callable[[DictConfig], R]:
    """Whatever a broken configuration raises becomes an InputError."""

    @wraps(reader)
    def checked(cfg: DictConfig) -> R:
        try:
            return reader(cfg)
        except InputError:
            raise
        except (OmegaConfBaseException, ValueError, TypeError, OverflowError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"configuration: {reason}") from error

    return checked


def check_group(group: str, cfg) -> None:
    """Raise InputError for what is no group of settings."""
    require(isinstance(cfg, DictConfig), f"{group}: expected a group of settings, got {show(cfg)}")


def typed_group(group: str, cfg, schema: type) -> DictConfig:
    """The group with the types of the dataclass `schema`."""
    check_group(group, cfg)
    try:
        typed = OmegaConf.merge(OmegaConf.structured(schema), cfg)
        missing = sorted(str(key) for key in OmegaConf.missing_keys(typed))
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        if "is not a ListConfig" in reason:
            reason = "expected a list"
        key = ".".join(part for part in (group, error.full_key) if part)
        raise InputError(f"{key}: {reason}") from error
    require(not missing, f"{group or 'configuration'}: no value for {', '.join(missing)}")
    assert isinstance(typed, DictConfig)  # as both are that were merged
    return typed


def settings_of(group: str, cfg: DictConfig, schema: type[S]) -> S:
    """The group as an object of the dataclass `schema`. Raises InputError."""
    found = OmegaConf.to_object(typed_group(group, cfg, schema))
    assert isinstance(found, schema)
    return found


def typed_model(cfg: DictConfig) -> tuple[str, DictConfig]:
    """Name of the economy of a whole configuration, and its parameters with their types.

    Raises:
        InputError: a wrong type, parameters that are missing or those of another economy.
    """
    require("calibration" not in cfg, "calibration: its file has to begin with the line # @package model")
    check_group("model", cfg.get("model"))
    name = cfg.model.get("name")
    schema = economics.economy_class(name)
    known = [each.name for each in fields(schema)]
    parameters = OmegaConf.masked_copy(cfg.model, [key for key in cfg.model if key != "name"])
    strange = next((key for key in parameters if key not in known), None)
    require(
        strange is None,
        f"model.{strange}: no parameter of {name}, which has {', '.join(known)}; model=... and "
        "calibration=... have to be of one economy",
    )
    return name, typed_group("model", parameters, schema)


def typed_economy(cfg: DictConfig) -> tuple[str, Economy]:
    """Name of the economy of a whole configuration, and the economy. Raises InputError."""
    name, typed = typed_model(cfg)
    parameters = OmegaConf.to_container(typed)
    assert isinstance(parameters, dict)  # as a group is
    try:
        return name, economics.create(name, **{str(key): value for key, value in parameters.items()})
    except UsersError:
        raise
    except InputError as error:
        raise InputError(f"model.{error}") from error
