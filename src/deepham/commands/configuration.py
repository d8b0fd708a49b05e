"""From a composed configuration to checked settings: types, ranges, and one line for whatever is wrong."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from deepham import economics, memory
from deepham.algorithm.bellman_paper import Protocol
from deepham.algorithm.evaluation import VerdictSettings, measure_names
from deepham.algorithm.settings import AlgorithmSettings
from deepham.economics.box import Box
from deepham.economics.economy import Economy, require
from deepham.economics.model_file import UsersError
from deepham.errors import InputError, show
from deepham.measures.verdict import bars_of
from deepham.networks.settings import NetworkSettings
from deepham.reference.compare import GAPS
from deepham.reference.settings import ReferenceSettings
from deepham.report.study import StudySettings
from deepham.system.paths import NAMES, check_folder
from deepham.training.overrides import key_of
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
MOST_WEIGHTS = 3000  # of a policy that second-order training moves
LEAST_HOUSEHOLDS = 0.1  # in each individual state of a batch, on average
RUN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{,199}")  # file systems take 255 letters, a sweep adds some
ALLOWED_TARGETS = ("deepham.", "lightning.")
R = TypeVar("R")
S = TypeVar("S")
KINDS = {"callbacks": "lightning.Callback", "logger": "lightning.pytorch.loggers.Logger"}  # what parts have to be


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


def _check_enough(economy: Economy, algorithm: AlgorithmSettings) -> None:
    """Raise InputError where hardly ever a household of a batch is in some individual state, so that nobody learns
    there."""
    if algorithm.agents is None:
        return
    share = economy.chain.eps_shares()
    households = algorithm.economies * algorithm.agents
    for name, number in zip(economy.names_of(economy.individual_shock, len(share)), (households * share).tolist()):
        if number == 0:  # nobody is ever there
            continue
        require(
            number >= LEAST_HOUSEHOLDS,
            f"algorithm.agents: {algorithm.economies} economies of {algorithm.agents} agents hold "
            f"{number:.1g} households in state {name} of {economy.individual_shock} on average; expected at least "
            f"{LEAST_HOUSEHOLDS * households / number / algorithm.economies:.0f} agents, or more economies",
        )


def _check_second_order(settings: Settings) -> None:
    """Raise InputError where second-order training cannot be had: another first-order condition than it knows, or
    networks too wide for it."""
    algorithm, network, economy, trainer = settings.algorithm, settings.network, settings.economy, settings.trainer
    if not algorithm.second_order:
        return
    method, first_order = f"algorithm.steps_by={algorithm.steps_by}", "train with algorithm=deepham"
    require(
        algorithm.objective == "market",
        f"{method}: the first-order condition of a planner moves with everybody's choices, which is not worked out; "
        f"{first_order}",
    )
    require(
        economy.choices == ("c",) and type(economy).outcomes is Economy.outcomes,
        f"{method}: expected an economy whose policy decides consumption alone and which states no outcomes of "
        f"everybody's choices, got {type(economy).__name__}; {first_order}",
    )
    require(
        not network.learned,
        f"{method}: its policy decides consumption alone, got network.learned=[{', '.join(network.learned)}]; set "
        f"network.learned=[], or {first_order}",
    )
    require(
        network.moments == 0,
        f"{method}: moments that learn are not moved by its steps, network.moments={network.moments}; set "
        f"network.moments=0, or {first_order}",
    )
    require(
        network.ensemble == 1,
        f"{method}: its value function is one network, got network.ensemble={network.ensemble}; set network.ensemble=1",
    )
    require(
        trainer.ranks == 1 and not trainer.cuda_graphs,
        f"{method}: its steps are those of one process, got {trainer.ranks} and trainer.cuda_graphs="
        f"{str(trainer.cuda_graphs).lower()}; set trainer.gpus=0 or 1, trainer.processes=1, trainer.nodes=1 and "
        f"trainer.cuda_graphs=false, or {first_order}",
    )
    weights = network.policy_weights(economy, len(settings.box.sides) if settings.box else 0)
    require(
        weights <= MOST_WEIGHTS,
        f"{method}: a network of {weights} weights is too wide for it, whose equations are as many squared; expected "
        f"at most {MOST_WEIGHTS}, such as network.width=24, or {first_order}",
    )


def _box(cfg: DictConfig, economy: Economy) -> Box | None:
    """The calibrations to learn, of the market's economy; None where no parameter varies."""
    vary = _plain(cfg.vary) if isinstance(cfg.vary, DictConfig) else cfg.vary
    return None if vary in (None, {}) else Box(vary, economy)


def _check_box(settings: Settings) -> None:
    """Raise InputError where there is no economy in a corner of the box, or its networks cannot be had there."""
    box, trainer = settings.box, settings.trainer
    if box is None:
        return
    require(
        trainer.ranks == 1 and not trainer.cuda_graphs,
        f"vary: calibrations are learned in one process, got {trainer.ranks} and trainer.cuda_graphs="
        f"{str(trainer.cuda_graphs).lower()}; set trainer.gpus=0 or 1, trainer.processes=1, trainer.nodes=1 and "
        "trainer.cuda_graphs=false",
    )
    require(
        settings.algorithm.calibrations >= 2,
        "algorithm.calibrations: expected at least 2 where parameters vary, the model's own and others, got "
        f"{settings.algorithm.calibrations}",
    )
    require(
        settings.economy.at_rest() is None,
        f"vary: {settings.economy_name} is trained from its own economy at rest, and the calibrations of a box have "
        "none in common; leave out vary",
    )
    for corner in box.corners():
        settings.network.check_base(corner)


def _check_memory(settings: Settings) -> None:
    """Raise InputError where the training or the verdict after it needs more memory than there is."""
    trainer, gpus = settings.trainer, settings.trainer.gpus
    training = memory.training(
        settings.economy, settings.algorithm, settings.network, trainer.ranks if gpus else trainer.nodes
    )
    for device in [f"cuda:{card}" for card in range(gpus)] or ["cpu"]:
        memory.require_memory(training, device)
    number = "trainer.gpus" if gpus else "trainer.processes"
    memory.require_memory([((trainer.on_a_node - 1) * memory.LOADED, {number: trainer.on_a_node})])
    verdict = memory.verdict(settings.economy, settings.verdict, settings.network.width)
    memory.require_memory(verdict, "cuda" if gpus else "cpu")


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
    unknown = sorted(set(cfg) - {*KEYS, "calibration"})  # of which typed_model says what is wrong
    require(not unknown, f"{', '.join(unknown)}: unknown key; there is {', '.join(KEYS)}")
    name, economy = _economy(cfg)
    algorithm = _object("algorithm", cfg.algorithm, AlgorithmSettings)
    settings = Settings(
        economy_name=name,
        economy=_under(economy, algorithm.objective),
        network=_object("network", cfg.network, NetworkSettings),
        algorithm=algorithm,
        trainer=_object("trainer", cfg.trainer, TrainerSettings),
        verdict=_object("verdict", cfg.verdict, VerdictSettings),
        reference=_object("reference", cfg.reference, ReferenceSettings),
        seed=_seed(cfg.seed),
        box=_box(cfg, economy),
    )
    for group in (settings.network, settings.algorithm, settings.trainer, settings.verdict, settings.reference):
        group.validate()
    bars_of(settings.verdict.bars, settings.verdict.own_bars)
    settings.network.check_states(economy)
    settings.network.check_base(economy)
    settings.network.check_learned(economy)
    require(
        not (economy.unknowns and settings.trainer.cuda_graphs),
        f"trainer.cuda_graphs: {', '.join(economy.unknowns)} is found by a search whose steps the host decides on; set "
        "trainer.cuda_graphs=false",
    )
    require(
        settings.algorithm.second_order or not economy.foreseen,
        f"algorithm: {', '.join(economy.foreseen)} looks ahead, which Newton steps alone teach; set "
        "algorithm=euler_newton",
    )
    _check_box(settings)
    _check_enough(economy, settings.algorithm.of_stream())
    _check_second_order(settings)
    settings.algorithm.share(settings.trainer.ranks)  # it can be split
    _check_memory(settings)
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
    return settings


@input_errors
def read_reference(cfg: DictConfig) -> tuple[str, Economy, ReferenceSettings]:
    """Name, economy and settings of a grid solution. Raises InputError as `read` does."""
    check_folder("store", cfg.store)
    _check_group("algorithm", cfg.get("algorithm"))  # of no use here, and part of the files of economies
    settings = _object("reference", cfg.reference, ReferenceSettings)
    settings.validate()
    name, economy = _economy(cfg)
    return name, economy.under(cfg.objective), settings


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
    """The configuration with what the economy's model file says of verdict and reference, where the command
    line says nothing: a script that is given a solution knows its economy only then.
    """
    sizes = OmegaConf.create(economics.settings(economy_name))
    said = OmegaConf.create()
    for key in map(key_of, HydraConfig.get().overrides.task):
        if key.startswith(("verdict.", "reference.")):
            OmegaConf.update(said, key, OmegaConf.select(cfg, key), force_add=True)
    sized = {group: sizes[group] for group in ("verdict", "reference") if group in sizes}
    whole = copy.deepcopy(cfg)
    OmegaConf.set_struct(whole, False)  # bars of an economy's own are keys that the script's file does not have
    merged = OmegaConf.merge(whole, sized, said)
    assert isinstance(merged, DictConfig)
    OmegaConf.set_struct(merged, True)
    return merged


def _groups(cfg: DictConfig, **schemas: type[Any]) -> list[Any]:
    """Groups of settings, typed and validated, in the order given."""
    groups = [_object(name, cfg[name], schema) for name, schema in schemas.items()]
    for group in groups:
        group.validate()
        if isinstance(group, VerdictSettings):
            bars_of(group.bars, group.own_bars)
    return groups


def typed_model(cfg: DictConfig) -> tuple[str, DictConfig]:
    """Name of the economy of a whole configuration, and its parameters with their types.

    Raises:
        InputError: a wrong type, parameters that are missing or those of another economy.
    """
    require("calibration" not in cfg, "calibration: its file has to begin with the line # @package model")
    _check_group("model", cfg.get("model"))
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


def _economy(cfg: DictConfig) -> tuple[str, Economy]:
    name, typed = typed_model(cfg)
    try:
        return name, economics.create(name, **_plain(typed))
    except UsersError:
        raise
    except InputError as error:
        raise InputError(f"model.{error}") from error


def _under(economy: Economy, objective: str) -> Economy:
    try:
        return economy.under(objective)
    except InputError as error:
        raise InputError(f"algorithm.{error}") from error


def check_targets(group: str, cfg: DictConfig | None) -> None:
    """Raise InputError unless every _target_ of the group, however deep, is a callback or logger of ours or
    Lightning's.

    Looked at both as they are written and with interpolations resolved: a text can become a mapping, and a name that
    is interpolated could be another one when the part is built.
    """
    if cfg is not None:
        _check_group(group, cfg)
    for name, part in (cfg or {}).items():
        if part is None:
            continue
        require(
            isinstance(part, DictConfig) and isinstance(part.get("_target_"), str),
            f"{group}.{name}: expected a mapping with a _target_, or null to switch it off, got {part!r}",
        )
        for resolve in (False, True):
            for key, value in _own_keys(OmegaConf.to_container(part, resolve=resolve)):
                require(
                    key == "_target_",
                    f"{group}.{name}: {show(key)} is refused; of Hydra's own keys only _target_ is read",
                )
                _check_target(group, f"{group}.{name}", str(value))


def _check_target(group: str, name: str, target: str) -> None:
    require(
        target.startswith(ALLOWED_TARGETS) and "$" not in target,
        f"{name}: _target_ {show(target)} is refused; allowed are {', '.join(ALLOWED_TARGETS)}",
    )
    try:
        found = get_class(target)
    except Exception as error:  # whatever the import of a wrong name raises
        raise InputError(f"{name}: no class {show(target)}") from error
    # deepham.x.os.system begins as it should, too: where a class is from and what it is decides
    require(
        found.__module__.startswith(ALLOWED_TARGETS),
        f"{name}: _target_ {target} is refused; it is from {found.__module__}",
    )
    require(
        issubclass(found, get_class(KINDS[group])), f"{name}: _target_ {target} is refused; expected a {KINDS[group]}"
    )


def _own_keys(node):
    """What Hydra reads of a part, however deep: keys like _target_, with their values."""
    if isinstance(node, dict):
        for key, value in node.items():
            if str(key).startswith("_") and str(key).endswith("_"):
                yield key, value
            else:
                yield from _own_keys(value)
    elif isinstance(node, list):
        for value in node:
            yield from _own_keys(value)


def _check_group(group: str, cfg) -> None:
    require(isinstance(cfg, DictConfig), f"{group}: expected a group of settings, got {show(cfg)}")


def typed_group(group: str, cfg, schema: type) -> DictConfig:
    """The group with the types of the dataclass `schema`."""
    _check_group(group, cfg)
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
    assert isinstance(typed, DictConfig)
    return typed


def _object(group: str, cfg: DictConfig, schema: type[S]) -> S:
    """The group as one of the dataclass `schema`."""
    found = OmegaConf.to_object(typed_group(group, cfg, schema))
    assert isinstance(found, schema)
    return found


def _plain(cfg: DictConfig) -> Any:
    """As plain data."""
    return OmegaConf.to_container(cfg)


def _seed(seed) -> int:
    require(
        isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 2**63,
        f"seed: expected a whole number that is not negative, got {seed!r}",
    )
    return seed
