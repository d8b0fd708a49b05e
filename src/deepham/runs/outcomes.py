"""What runs have left on the disk: their settings, their measures, and why there are none."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import NotRequired, TypedDict

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from deepham import economics
from deepham.algorithm.business_cycle import flat
from deepham.errors import InputError
from deepham.measures.verdict import Bars
from deepham.runs.by_setting import SweepRun, as_number
from deepham.runs.folders import status_of
from deepham.runs.overrides import key_of
from deepham.solution.folder import plain_yaml
from deepham.system.entry import called

SOURCES = ("evaluation.json", "metrics.json")  # of measures; the first goes first


def outcomes(folders: list[Path]) -> list[SweepRun]:
    """The runs as they ended, each with those settings that were typed for any of them as the job of a sweep; of one
    that was no job, all of calibration, network and algorithm.

    Raises:
        InputError: a folder that is no run's, or damaged.
    """
    ended = [folder for folder in folders if status_of(folder).get("state", "finished") == "finished"]
    source = source_of(ended)
    runs = [_outcome(folder, source) for folder in folders]
    keys = {key for run in runs for key in run.settings}
    return [
        replace(run, settings=_more(folder, keys - run.settings.keys()) | run.settings)
        for folder, run in zip(folders, runs)
    ]


def source_of(folders: list[Path]) -> str:
    """The file that all of these finished runs have their measures in: what scripts/evaluate.py measured, else their
    own verdicts.

    Raises:
        InputError: some have the one file only, and some the other.
    """
    lacking = {name: [folder for folder in folders if not (folder / name).exists()] for name in SOURCES}
    for name in SOURCES:
        if not lacking[name]:
            return name
    evaluation, verdict = (lacking[name][0] for name in SOURCES)
    neither = next((folder for folder in lacking[SOURCES[0]] if folder in lacking[SOURCES[1]]), None)
    if neither is not None:
        raise InputError(f"runs: {neither} has neither {' nor '.join(SOURCES)}; is it a finished run?")
    raise InputError(
        f"runs: {evaluation} has only {SOURCES[1]} and {verdict} only {SOURCES[0]}, which are measured differently; "
        f"evaluate that one, too: {called('evaluate')} solution={evaluation}"
    )


def _outcome(folder: Path, source: str) -> SweepRun:
    status = status_of(folder)
    state = status.get("state", "finished")
    if state != "finished":
        why = status.get("why") or status.get("signal")
        return SweepRun(folder.name, typed(status), None, f"{state}: {why}" if why else state)
    settings = typed(status) or _saved(folder)
    return SweepRun(
        folder.name,
        settings,
        stopped=stop_of(status),
        meanings=_meanings(folder, settings),
        **measures_of(folder / source),
    )


def _meanings(folder: Path, settings: dict[str, str]) -> dict[str, str]:
    """What those of the settings mean that are parameters of the run's economy; empty where it cannot be told."""
    try:
        economy = economics.economy_class(_saved(folder)["model.name"])
    except (KeyError, InputError):
        return {}
    told = {f"model.{each.name}": each.metadata.get("meaning", "").split(";")[0] for each in fields(economy)}
    return {key: told[key] for key in settings if told.get(key)}


def _more(folder: Path, keys: set[str]) -> dict[str, str]:
    """Of the settings that were not typed, those that the solution in the folder knows; of a group, its option."""
    saved = _saved(folder) if keys else {}
    known = {key: saved.get(key, saved.get(f"{key}.name")) for key in sorted(keys)}
    return {key: value for key, value in known.items() if value is not None}


def stop_of(status: dict, why: bool = False) -> str:
    """Where training was stopped early, and on request why; empty where it was not."""
    stop = status.get("stopped_early")
    if not isinstance(stop, dict):
        return ""
    return f"stopped after {stop.get('outer_iteration')} of {stop.get('of')}" + (f": {stop.get('why')}" if why else "")


def typed(status: dict) -> dict[str, str]:
    """Setting -> value, of the overrides of a job."""
    overrides = status.get("overrides")
    texts = [text for text in overrides if isinstance(text, str)] if isinstance(overrides, list) else []
    return {key_of(text): _spelled(_value(text)) for text in texts}


def _value(text: str):
    """What an override sets, as Hydra reads it; the text itself where it does not."""
    try:
        override = OverridesParser.create().parse_override(text)
        value = override.value()
        return text.partition("=")[2] if override.is_sweep_override() or isinstance(value, dict) else value
    except (HydraException, ValueError, RecursionError):
        return text.partition("=")[2]


class Taken(TypedDict):
    """What a SweepRun has of its measures."""

    measures: dict[str, float]
    grid: dict[str, float]
    measured: dict[str, float]
    bars: NotRequired[Bars]


def measures_of(file: Path) -> Taken:
    """Of evaluation.json or metrics.json what a SweepRun has: the `measures`, business-cycle moments among them; those
    of the `grid` solution, empty where there was none; the numbers that they were taken with, `measured`, empty in a
    file that does not say; and the `bars`. Raises InputError.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        taken = {
            key: value
            for key, value in (found.get("verdict_settings") or {}).items()
            if key not in ("bars", "own_bars")
        }
        bars = {
            row["measure"]: (row["bar"], row["goal"]) for row in found.get("verdict") or [] if row["bar"] is not None
        }
        known: Taken = {
            "measures": _numbers(found["measures"]) | _numbers(flat(found.get("cycle") or {})),
            "grid": _numbers(found.get("reference") or {}) | _numbers(flat(found.get("cycle_reference") or {})),
            "measured": _numbers(taken),
        }
        return {**known, "bars": bars} if bars else known
    # the last three: no mapping, numbers beyond those of a computer, lists within lists without end
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(
            f"runs: {file} is damaged; expected a number for each name under measures, and under reference and "
            "verdict_settings where they are there"
        ) from error


def _numbers(measures: dict) -> dict[str, float]:
    """NaN for null. Raises TypeError or AttributeError."""
    if not all(value is None or type(value) in (int, float) for value in measures.values()):
        raise TypeError("expected numbers")
    return {key: float("nan") if value is None else float(value) for key, value in measures.items()}


def _saved(folder: Path) -> dict[str, str]:
    """Setting -> value, of the solution in the folder; empty where it cannot be read."""
    try:
        config = plain_yaml((folder / "config.yaml").read_bytes())
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        return dict(
            _flat(
                {
                    "model": config["model"],
                    "network": config["network"],
                    "algorithm": meta["algorithm"],
                    "seed": meta["seed"],
                }
            )
        )
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError, RecursionError):
        return {}


def _flat(node, prefix: str = ""):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, _spelled(node)


def _spelled(value) -> str:
    """A value in one spelling, however it was typed and from wherever it was read: 0.001 for 1e-3, [1, 2] for
    [1.0,2]."""
    if isinstance(value, list):
        return f"[{', '.join(map(_spelled, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    number = as_number(str(value))
    return str(value) if number is None else f"{number:.12g}"
