"""From a composed configuration to checked settings: types, ranges, and one line for whatever is wrong."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from deepham import economics
from deepham.algorithm.bellman_paper import Protocol
from deepham.algorithm.ergodic import VerdictSettings
from deepham.algorithm.evaluation import measure_names
from deepham.algorithm.settings import AlgorithmSettings
from deepham.commands.fitting import check_fit
from deepham.commands.targets import check_targets
from deepham.commands.typed import check_group, input_errors, settings_of, typed_economy
from deepham.economics.box import Box
from deepham.economics.economy import Economy, require
from deepham.economics.planner import under
from deepham.errors import InputError, show
from deepham.measures.verdict import bars_of
from deepham.networks.settings import NetworkSettings
from deepham.reference.compare import GAPS
from deepham.reference.settings import ReferenceSettings
from deepham.report.study import StudySettings
from deepham.runs.overrides import key_of
from deepham.system.paths import NAMES, check_folder
from deepham.training.settings import Settings, TrainerSettings

KEYS = (
    "model",
    "vary",
    "network",
    "algorithm",
    "trainer",
    "callbacks",
    "logger",
    "verdict",
    "reference",
    "run",
    "seed",
    "figures",
    "init_from",
    "solve_reference",
    "ckpt_path",
    "log_dir",
    "checkpoint_dir",
    "optimized_metric",
)
SIZED = (
    "verdict",
    "reference",
    "study",
)  # groups that a script takes from the economy's file once it knows which it is
RUN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{,199}")  # file systems take 255 letters, a sweep adds some


def check_run_name(name) -> None:
    """Raise InputError unless the name is fit for a folder."""
    require(isinstance(name, str) and RUN_NAME.fullmatch(name) is not None, f"run: {NAMES}, got {show(name)}")


@input_errors
def read(cfg: DictConfig) -> Settings:
    """Check a composed configuration of a run.

    Raises:
        InputError: a wrong type, a value out of range, a GPU that is not there, a foreign target, more than the memory
        holds.
    """
    for key in KEYS:
        require(key in cfg, f"{key}: missing; leave out the override ~{key}")
    # of a calibration typed_model says what is wrong; how long studies are is for reports, in the file of an economy
    unknown = sorted(set(cfg) - {*KEYS, "calibration", "study"})
    require(not unknown, f"{', '.join(unknown)}: unknown key; there is {', '.join(KEYS)}")
    settings, economy = _settings(cfg)
    check_fit(settings, economy)
    _check_run(cfg, economy)
    return settings


def _settings(cfg: DictConfig) -> tuple[Settings, Economy]:
    """All settings of a run, each group valid by itself, and the market's economy."""
    name, economy = typed_economy(cfg)
    algorithm = settings_of("algorithm", cfg.algorithm, AlgorithmSettings)
    settings = Settings(
        economy_name=name,
        economy=_solved_for(economy, algorithm.objective),
        network=settings_of("network", cfg.network, NetworkSettings),
        algorithm=algorithm,
        trainer=settings_of("trainer", cfg.trainer, TrainerSettings),
        verdict=settings_of("verdict", cfg.verdict, VerdictSettings),
        reference=settings_of("reference", cfg.reference, ReferenceSettings),
        seed=_seed(cfg.seed),
        box=_box(cfg, economy),
    )
    for group in (settings.network, settings.algorithm, settings.trainer, settings.verdict, settings.reference):
        group.validate()
    bars_of(settings.verdict.bars, settings.verdict.own_bars)
    return settings, economy


def _check_run(cfg: DictConfig, economy: Economy) -> None:
    """Raise InputError for a value beside the groups of settings that is wrong."""
    if cfg.run is not None:
        check_run_name(cfg.run)
    measures = [*measure_names(economy), *GAPS]
    require(
        cfg.optimized_metric in measures,
        f"optimized_metric: no measure {cfg.optimized_metric!r}; there is {', '.join(measures)}",
    )
    for group in ("callbacks", "logger"):
        check_targets(group, cfg[group])
    require(
        cfg.init_from is None or cfg.ckpt_path in (None, "auto"),
        "init_from and ckpt_path: a resumed run has its own networks; leave out one of them",
    )
    for switch in ("figures", "solve_reference"):
        require(isinstance(cfg[switch], bool), f"{switch}: expected true or false, got {cfg[switch]!r}")
    for folder in ("log_dir", "checkpoint_dir"):
        check_folder(folder, cfg[folder])
    require(
        Path(cfg.log_dir).resolve() != Path(cfg.checkpoint_dir).resolve(),
        f"log_dir and checkpoint_dir: expected two folders, got {cfg.log_dir} for both",
    )


@input_errors
def read_reference(cfg: DictConfig) -> tuple[str, Economy, ReferenceSettings]:
    """Name, economy and settings of a grid solution. Raises InputError as `read` does."""
    check_folder("store", cfg.store)
    check_group("algorithm", cfg.get("algorithm"))  # of no use here, and part of the files of economies
    settings = settings_of("reference", cfg.reference, ReferenceSettings)
    settings.validate()
    name, economy = typed_economy(cfg)
    return name, under(economy, cfg.objective), settings


@input_errors
def read_evaluation(cfg: DictConfig) -> tuple[VerdictSettings, ReferenceSettings, Protocol, int]:
    """Settings of the verdict, the grid solution and the published protocol, and the seed. Raises as `read` does."""
    require(not OmegaConf.is_missing(cfg, "solution"), "solution: give a run's folder, solution=checkpoints/<run>")
    _check_output(cfg)
    return *_groups(cfg, verdict=VerdictSettings, reference=ReferenceSettings, bellman_paper=Protocol), _seed(cfg.seed)


@input_errors
def read_report(cfg: DictConfig) -> tuple[VerdictSettings, ReferenceSettings, StudySettings, int]:
    """Settings of the verdict, the grid solution and the simulations, and the seed. Raises as `read` does."""
    _check_output(cfg)
    return *_groups(cfg, verdict=VerdictSettings, reference=ReferenceSettings, study=StudySettings), _seed(cfg.seed)


def _check_output(cfg: DictConfig) -> None:
    check_folder("store", cfg.store)
    if cfg.output is not None:
        check_folder("output", cfg.output)


def sized_for(cfg: DictConfig, economy_name: str) -> DictConfig:
    """The configuration with what the economy's model file says of verdict, reference and study, where the command
    line says nothing: a script that is given a solution knows its economy only then.
    """
    sizes = OmegaConf.create(economics.settings(economy_name))
    said = OmegaConf.create()
    for key in map(key_of, HydraConfig.get().overrides.task):
        if key.startswith(tuple(f"{group}." for group in SIZED)):
            OmegaConf.update(said, key, OmegaConf.select(cfg, key), force_add=True)
    sized = {group: sizes[group] for group in SIZED if group in sizes and group in cfg}
    whole = copy.deepcopy(cfg)
    OmegaConf.set_struct(whole, False)  # bars of an economy's own are keys that the script's file does not have
    merged = OmegaConf.merge(whole, sized, said)
    assert isinstance(merged, DictConfig)
    OmegaConf.set_struct(merged, True)
    return merged


def _groups(cfg: DictConfig, **schemas: type[Any]) -> list[Any]:
    """Groups of settings, typed and validated, in the order given."""
    groups = [settings_of(name, cfg[name], schema) for name, schema in schemas.items()]
    for group in groups:
        group.validate()
        if isinstance(group, VerdictSettings):
            bars_of(group.bars, group.own_bars)
    return groups


def _box(cfg: DictConfig, economy: Economy) -> Box | None:
    """The calibrations to learn, of the market's economy; None where no parameter varies."""
    vary: Any = OmegaConf.to_container(cfg.vary) if isinstance(cfg.vary, DictConfig) else cfg.vary
    return None if vary in (None, {}) else Box(vary, economy)


def _solved_for(economy: Economy, objective: str) -> Economy:
    try:
        return under(economy, objective)
    except InputError as error:
        raise InputError(f"algorithm.{error}") from error


def _seed(seed) -> int:
    require(
        isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 2**63,
        f"seed: expected a whole number that is not negative, got {seed!r}",
    )
    return seed
