"""Parameters estimated by simulated moments, with the solution of a box of calibrations: tables and figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from deepham.commands.configuration import input_errors
from deepham.economics.economy import require
from deepham.errors import show
from deepham.estimation.estimate import estimate
from deepham.presentation.saying import say
from deepham.solution.loading import load
from deepham.system.paths import check_folder


def run(cfg: DictConfig) -> float:
    """Estimate, print the summary and write tables and figures. Returns the J statistic.

    Raises:
        InputError: no solution of a box there, data or moments that do not fit, bad settings.
        OutOfDomain: a calibration of the box leaves its economy's domain.
    """
    options = read(cfg)
    path = str(cfg.solution)
    found = estimate(load(path), **options)
    say(found.summary().rstrip())
    output = found.save(cfg.output or Path("logs") / Path(path).resolve().name / "estimate")
    say(f"{output}/summary.md, with tables and figures beside it")
    return found.j


@input_errors
def read(cfg: DictConfig) -> dict[str, Any]:
    """What `deepham.estimate` is given. Raises InputError for what is missing or of a wrong kind."""
    for key, advice in (("solution", "checkpoints/<run>"), ("moments", "'[sd.Y,ratio.K]'")):
        require(not OmegaConf.is_missing(cfg, key), f"{key}: is missing; give {key}={advice}")
    if cfg.output is not None:
        check_folder("output", cfg.output)
    given = cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))
    require(
        given["data"] is None or isinstance(given["data"], str),
        f"data: expected the name of a CSV file, got {show(given['data'])}",
    )
    names = ("moments", "periods", "fixed", "covariance", "weights", "trend", "samples", "points", "seed", "method")
    return {name: given[name] for name in names} | {"series": given["data"]}
