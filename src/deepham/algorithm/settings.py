"""Settings of the algorithm: the published procedure and ours are two settings of one implementation."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from deepham.economics.economy import require

FEWEST = 2  # households in a sample for each weight of the network
STEPS = ("gradient", "euler_newton")
METHODS = ("SOAP", "Adam", "AdamW", "NAdam", "RAdam")


@dataclass
class OptimizerSettings:
    """A method of the Adam family, with a learning rate that is constant or falls along a half cosine to a hundredth.

    SOAP (Vyas et al., 2024) is Adam in the eigenbasis of Shampoo's preconditioner; the others are those of torch.optim.
    """

    method: str
    learning_rate: float
    beta1: float
    beta2: float
    schedule: str

    def validate(self, name: str) -> None:
        """Raise InputError for a value out of range; `name` of the optimizer among the settings."""
        require(
            0 < self.learning_rate < 1,
            f"algorithm.{name}.learning_rate: expected a number in (0, 1), got {self.learning_rate}",
        )
        for moment in ("beta1", "beta2"):
            require(
                0 <= getattr(self, moment) < 1,
                f"algorithm.{name}.{moment}: expected a number in [0, 1), got {getattr(self, moment)}",
            )
        require(
            self.method in METHODS,
            f"algorithm.{name}.method: expected one of {', '.join(METHODS)}, got {self.method!r}",
        )
        require(
            self.schedule in ("constant", "cosine"),
            f"algorithm.{name}.schedule: expected constant or cosine, got {self.schedule!r}",
        )


@dataclass
class NewtonSettings:
    """Second-order training: economies of the continuum, and the households in them at which the conditions are taken;
    each field is explained in conf/algorithm/euler_newton.yaml.
    """

    economies: int = 24
    households: int = 110
    late: float = 1.0
    spread: int = 20
    spread_weight: float = 0.1
    spread_z: float = 1.0
    early: float = 0.33
    scale_early: float = 0.15
    scale_late: float = 0.05
    spread_of_wealth: float = 0.0
    memory_early: float = 0.5
    memory_late: float = 0.9
    memory_of_value: float = 0.9
    memory_at_last: float = 0.95
    least_squares: float = 1.0
    together: float = 0.0
    outlier: float = 0.05
    damping: float = 0.25
    relaxation: float = 0.0
    largest_step: float = 0.3
    resting: int = 16
    fine_updates: int = 0
    outlook_updates: int = 0
    last_nodes: int = 0
    spread_of_value: float = 1.0
    settling: int = 0
    value_updates: int = 12
    level_weight: float = 100.0

    def drawn(self, weights: int) -> int:
        """Households that are drawn of each economy for a network of so many weights."""
        return max(self.households, math.ceil(FEWEST * weights / self.economies) - self.spread)

    def sampled(self, weights: int) -> int:
        """Households in a sample."""
        return self.economies * (self.drawn(weights) + self.spread)

    def validate(self) -> None:
        """Raise InputError for a value out of range."""
        for name, least, most in (
            ("economies", 1, 10**4),
            ("households", 1, 10**5),
            ("spread", 0, 10**5),
            ("resting", 0, 10**6),
            ("fine_updates", 0, 10**6),
            ("outlook_updates", 0, 10**6),
            ("last_nodes", 0, 10**5),
            ("settling", 0, 10**6),
            ("value_updates", 1, 10**6),
        ):
            given = getattr(self, name)
            require(least <= given <= most, f"algorithm.newton.{name}: expected {least} to {most}, got {given}")
        require(0 < self.late <= 1, f"algorithm.newton.late: expected a number in (0, 1], got {self.late}")
        for name, most in (
            ("spread_weight", 1),
            ("early", 1),
            ("scale_early", 0.9),
            ("scale_late", 0.9),
            ("spread_of_wealth", 0.9),
            ("memory_early", 0.999),
            ("memory_late", 0.999),
            ("memory_of_value", 0.999),
            ("memory_at_last", 0.999),
            ("least_squares", 1e6),
            ("together", 1e6),
            ("damping", 1e6),
            ("relaxation", 1e6),
            ("level_weight", 1e9),
        ):
            given = getattr(self, name)
            require(0 <= given <= most, f"algorithm.newton.{name}: expected a number from 0 to {most:g}, got {given}")
        for name in ("spread_z", "spread_of_value"):
            given = getattr(self, name)
            require(1 <= given <= 10, f"algorithm.newton.{name}: expected a number from 1 to 10, got {given}")
        for name in ("outlier", "largest_step"):
            given = getattr(self, name)
            require(0 < given <= 1e6, f"algorithm.newton.{name}: expected a positive number, got {given}")


@dataclass
class AlgorithmSettings:
    """How policy and value are learned; each field is explained where it is set, in conf/algorithm/."""

    name: str
    outer_iterations: int
    policy_steps: int
    value_steps: int
    # objective
    objective: str
    horizon: int
    price_taking: bool
    players: str
    expectation: str
    # value
    slope: bool
    level_weight: float
    realised_periods: int
    # panels
    economies: int
    value_economies: int
    agents: int | None
    fresh: str
    restart: bool
    move: int
    burn_in: int
    dates: int
    spacing: int
    # where the error goes
    rich_weight: float
    poor_weight: float
    # optimisation
    average: float
    policy_optimizer: OptimizerSettings
    value_optimizer: OptimizerSettings
    # of the continuum
    nodes: int = 150
    top: float = 8.0
    # of parameters that vary
    calibrations: int = 24
    # of economies whose markets clear
    off_equilibrium: float = 0.0
    # how weights are found
    steps_by: str = "gradient"
    newton: NewtonSettings = field(default_factory=NewtonSettings)

    @property
    def second_order(self) -> bool:
        return self.steps_by != "gradient"

    @property
    def starts_at_rest(self) -> bool:
        """Whether training of an economy that says how it rests begins there."""
        return self.second_order and self.newton.resting > 0 and not self.restart

    def of_stream(self) -> AlgorithmSettings:
        """As the economies are simulated: second-order training has its own of the continuum."""
        if not self.second_order:
            return self
        return replace(self, economies=self.newton.economies, agents=None, value_steps=0, fresh="step")

    @property
    def steps(self) -> int:
        """Gradient batches in one outer iteration."""
        return self.value_steps + self.policy_steps

    def share(self, processes: int) -> AlgorithmSettings:
        """What one of so many processes does, of which each simulates as many of the economies.

        Raises:
            InputError: they cannot be split evenly.
        """
        if processes == 1:
            return self
        split = ("economies", "value_economies") if self.value_steps else ("economies",)
        for name in split:
            number = getattr(self, name)
            require(
                number % processes == 0,
                f"algorithm.{name}: {number} economies cannot be split evenly over {processes} processes; expected a "
                f"multiple of {processes}, such as algorithm.{name}={-(-number // processes) * processes}",
            )
        return replace(self, **{name: getattr(self, name) // processes for name in split})

    def validate(self) -> None:
        """Raise InputError for a value out of range or a combination that cannot run."""
        positive = (
            "outer_iterations",
            "policy_steps",
            "horizon",
            "realised_periods",
            "economies",
            "value_economies",
            "agents",
            "nodes",
            "calibrations",
            "dates",
            "spacing",
        )
        not_negative = ("value_steps", "move", "burn_in", "rich_weight", "poor_weight", "level_weight")
        positive = tuple(name for name in positive if getattr(self, name) is not None)
        for name in positive:
            require(getattr(self, name) >= 1, f"algorithm.{name}: expected at least 1, got {getattr(self, name)}")
        for name in (*positive, *not_negative):
            require(getattr(self, name) <= 10**9, f"algorithm.{name}: expected at most 10^9, got {getattr(self, name)}")
        for name in not_negative:
            require(
                0 <= getattr(self, name) < float("inf"),
                f"algorithm.{name}: expected a number that is not negative, got {getattr(self, name)}",
            )
        for name, choices in (
            ("players", ("all", "first")),
            ("expectation", ("exact", "drawn")),
            ("fresh", ("step", "epoch")),
            ("steps_by", STEPS),
        ):
            require(
                getattr(self, name) in choices,
                f"algorithm.{name}: expected {' or '.join(choices)}, got {getattr(self, name)!r}",
            )
        self.newton.validate()
        self._check_combinations()
        for name in ("policy_optimizer", "value_optimizer"):
            getattr(self, name).validate(name)

    def _check_combinations(self) -> None:
        """Raise InputError for settings that cannot run together, and shares that are none."""
        if self.agents is None:
            require(
                self.players == "all" and self.fresh == "step" and self.value_steps == 0,
                "algorithm.agents: the continuum, null, has no first player and no agent's path to follow; expected a "
                "number of agents, or players=all, fresh=step and value_steps=0",
            )
            require(self.nodes >= 10, f"algorithm.nodes: expected at least 10, got {self.nodes}")
            require(2 <= self.top < float("inf"), f"algorithm.top: expected a number from 2 on, got {self.top}")
        require(
            0 <= self.off_equilibrium < 1,
            f"algorithm.off_equilibrium: expected a share in [0, 1), got {self.off_equilibrium}",
        )
        require(
            self.off_equilibrium == 0 or self.horizon == 1,
            "algorithm.off_equilibrium: prices are moved in the first period only; set algorithm.horizon=1, or "
            "algorithm.off_equilibrium=0",
        )
        require(0 <= self.average < 1, f"algorithm.average: expected a rate in [0, 1), got {self.average}")
        require(
            self.fresh == "epoch" or self.move >= 1,
            "algorithm.move: a panel that is fresh at every step has to move, expected at least 1, got 0",
        )
        require(
            not (self.slope and not self.price_taking),
            "algorithm.slope: the envelope theorem holds for price-takers; set algorithm.price_taking=true or "
            "algorithm.slope=false",
        )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> AlgorithmSettings:
        """Settings from plain data, as `dataclasses.asdict` gives it."""
        parts: dict[str, Any] = {
            name: OptimizerSettings(**values[name]) for name in ("policy_optimizer", "value_optimizer")
        }
        parts["newton"] = NewtonSettings(**values.get("newton", {}))
        return cls(**values | parts)
