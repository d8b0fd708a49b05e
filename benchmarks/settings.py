"""Settings of the benchmark; each is explained in conf/benchmark.yaml."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from omegaconf import DictConfig, OmegaConf

from deepham import economics
from deepham.commands.typed import input_errors, typed_group
from deepham.economics.economy import require
from deepham.system.paths import check_folder, conf_folder

PARTS = ("start_up", "simulation", "steps", "time_to_bar", "growth", "shocks", "processes")


@dataclass
class BenchmarkSettings:
    """What is measured, how often, and where."""

    parts: list[str]
    repeats: int
    seeds: list[int]
    gpus: int
    small: bool
    to_the_bar: str
    solution: str

    def validate(self) -> None:
        """Raise InputError for a part, an experiment or a number that is none."""
        require(len(self.parts) > 0, f"parts: expected some of {', '.join(PARTS)}, got none")
        for part in self.parts:
            require(part in PARTS, f"parts: there is no {part!r}; expected some of {', '.join(PARTS)}")
        require(1 <= self.repeats <= 1000, f"repeats: expected 1 to 1000, got {self.repeats}")
        require(
            len(self.seeds) > 0 and all(0 <= seed < 2**63 for seed in self.seeds),
            f"seeds: expected whole numbers that are not negative, got {self.seeds}",
        )
        seen = torch.cuda.device_count()
        require(
            0 <= self.gpus <= min(seen, 1),
            f"gpus: expected 0 (the CPU) or 1, got {self.gpus}; torch {torch.__version__} sees {seen} GPUs",
        )
        experiments = sorted(path.stem for path in (conf_folder() / "experiment").glob("*.yaml"))
        require(
            self.to_the_bar in experiments,
            f"to_the_bar: there is no experiment {self.to_the_bar!r}; expected one of {', '.join(experiments)}",
        )
        require(
            self.solution in economics.names(),
            f"solution: expected a solution that ships with the package, got {self.solution!r}",
        )


@input_errors
def read(cfg: DictConfig) -> BenchmarkSettings:
    """Check a composed configuration. Raises InputError for a wrong type or a value out of range."""
    keys = [field.name for field in fields(BenchmarkSettings)]
    settings = OmegaConf.to_object(typed_group("", OmegaConf.masked_copy(cfg, keys), BenchmarkSettings))
    assert isinstance(settings, BenchmarkSettings)
    settings.validate()
    if cfg.output is not None:
        check_folder("output", cfg.output)
    return settings
