"""What a sweep is going to run, from what was typed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from omegaconf import DictConfig

from deepham.economics.economy import require


@dataclass(frozen=True)
class SweepPlan:
    """What is swept.

    Attributes:
        values: setting -> overrides, each of which sets one of its values; of an interval, its ends.
        jobs: how many there are going to be.
    """

    values: dict[str, list[str]]
    jobs: int


def plan(overrides: list[str], sweeper: DictConfig) -> SweepPlan:
    """Of the sweeper's own settings and the command line, which comes last. Hydra has to be initialised."""
    params = [f"{key}={value}" for key, value in (sweeper.get("params") or {}).items()]
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    values = {
        override.get_key_element(): _values(override) for override in parser.parse_overrides([*params, *overrides])
    }
    return SweepPlan(values, sweeper.get("n_trials") or math.prod(map(len, values.values())))


def _values(override: Override) -> list[str]:
    key, typed = override.get_key_element(), override.input_line
    assert typed is not None  # it was read from a line
    if not override.is_sweep_override():
        return [typed]
    if override.is_discrete_sweep():
        texts = [f"{key}={value}" for value in override.sweep_string_iterator()]
        require(bool(texts), f"{typed}: no value to sweep over")
        return texts
    interval = override.value()
    assert isinstance(interval, IntervalSweep)
    return [f"{key}={interval.start}", f"{key}={interval.end}"]
