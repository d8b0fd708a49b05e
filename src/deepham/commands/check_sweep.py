"""A sweep, looked at before its first job: one wrong value would otherwise be found hours later."""

from __future__ import annotations

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from deepham import economics
from deepham.algorithm.ergodic import VerdictSettings
from deepham.algorithm.evaluation import measure_names
from deepham.algorithm.settings import AlgorithmSettings
from deepham.commands.composing import check_files, composing
from deepham.commands.typed import input_errors, typed_group, typed_model
from deepham.commands.unread import check_read
from deepham.economics.economy import require
from deepham.networks.settings import NetworkSettings
from deepham.reference.compare import GAPS
from deepham.reference.settings import ReferenceSettings
from deepham.runs.plan import plan
from deepham.training.settings import TrainerSettings

SCHEMAS = {
    "network": NetworkSettings,
    "algorithm": AlgorithmSettings,
    "trainer": TrainerSettings,
    "verdict": VerdictSettings,
    "reference": ReferenceSettings,
}


def check_sweep(config_name: str, overrides: list[str], config_dir: str | None = None) -> None:
    """Compose each value of each setting once, beside the first of the others, and look at its files and, for training,
    at its type.

    Raises:
        InputError: a file that is more than data, a wrong type, a setting that nothing reads, or a measure that there
            is not. What is out of range is left to the job that has it.
        HydraException, OmegaConfBaseException: an unknown key or option.
    """

    def check(settings: list[str]) -> None:
        check_files(loader, config_name, settings)
        if config_name == "train":
            cfg = compose(config_name, overrides=settings)
            _check_types(cfg)
            check_read(cfg.algorithm.get("steps_by", "gradient"), settings)

    with composing(config_dir) as loader:
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
        single = [
            override.input_line or ""
            for override in parser.parse_overrides(overrides)
            if not override.is_sweep_override()
        ]
        check_files(loader, config_name, single)
        composed = compose(config_name, overrides=single, return_hydra_config=True)
        swept = plan(overrides, composed.hydra.sweeper).values
        first = {key: texts[0] for key, texts in swept.items()}
        require(composed.hydra.sweeper.get("n_trials", 1) >= 1, "hydra.sweeper.n_trials: expected at least 1")
        check(list(first.values()))
        for key, texts in swept.items():
            for text in texts[1:]:
                check(list((first | {key: text}).values()))


@input_errors
def _check_types(cfg: DictConfig) -> None:
    for group, schema in SCHEMAS.items():
        typed_group(group, cfg.get(group), schema)
    name, _ = typed_model(cfg)
    require(
        cfg.trainer.nodes == 1,
        f"trainer.nodes={cfg.trainer.nodes}: a run over nodes is no job of a sweep; start each run by "
        "itself, see docs/cluster.md",
    )
    require(
        type(cfg.get("seed")) is int, f"seed: expected a whole number that is not negative, got {cfg.get('seed')!r}"
    )
    measures = [*measure_names(economics.create(name)), *GAPS]
    require(
        cfg.get("optimized_metric") in measures,
        f"optimized_metric: no measure {cfg.get('optimized_metric')!r}; there is {', '.join(measures)}",
    )
