"""Time of an update per household: python -m benchmarks.update_by_household ks98 life_cycle.

A name is that of an experiment, or of an economy. All that an update does is timed: the economies move on, and the
policy takes its Newton step. It is counted by the points of the cross-sections that move and are looked ahead from
(economies x points of the histogram), and by the households whose Euler equations are solved. Medians over updates, one
of each training after the other, so that a busy machine slows all of them.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from hydra import compose

from deepham.commands.composing import composing
from deepham.commands.configuration import read
from deepham.system.paths import conf_folder
from deepham.system.precision import float32
from deepham.system.threads import one_thread
from deepham.training.by_newton import ByNewton
from deepham.training.module import DeepHAM
from deepham.training.stream import PanelStream

WARM_UP = 2  # updates


class Updates:
    """A training by Newton steps that is taken one update at a time.

    Attributes:
        seconds: of the processor, that each has taken.
        points, households: that an update looks at.
    """

    def __init__(self, name: str):
        group = "experiment" if (conf_folder() / "experiment" / f"{name}.yaml").is_file() else "model"
        with composing():
            settings = read(compose("train", overrides=[f"{group}={name}", "logger=none"]))
        self.name, self.module, self.seconds = name, DeepHAM(**settings.hyperparameters()), []
        world, algorithm = self.module.world, self.module.settings.of_stream()
        self.stream = PanelStream(world.economy, world.policy, algorithm, torch.Generator().manual_seed(1))
        self.batches = iter(self.stream)
        learner = self.module.learner
        assert isinstance(learner, ByNewton) and self.stream.grid is not None
        economies, sampling = self.module.settings.newton.economies, learner.sampling
        self.points = economies * world.economy.chain.n_eps * len(self.stream.grid)
        self.households = economies * (sampling.households + sampling.spread)

    def take(self) -> None:
        """The next one; outer iterations follow on each other."""
        began = time.process_time()
        batch = next(self.batches, None)
        if batch is None:
            self.batches = iter(self.stream)
            batch = next(self.batches)
        self.module.learner.step(batch)
        self.seconds.append(time.process_time() - began)

    def line(self) -> str:
        median = statistics.median(self.seconds[WARM_UP:])
        return (
            f"{self.name:<16}{median:8.3f} s{self.points:10d}{1e6 * median / self.points:10.2f} us"
            f"{self.households:10d}{1e6 * median / self.households:10.1f} us"
        )


@one_thread()
@float32()
def main() -> None:
    parser = argparse.ArgumentParser(description="Time of an update per household.")
    parser.add_argument("names", nargs="+", help="experiments or economies, trained by Newton steps")
    parser.add_argument("--updates", type=int, default=10)
    given = parser.parse_args()
    each = [Updates(name) for name in given.names]
    for _ in range(WARM_UP + given.updates):
        for one in each:
            one.take()
    print(f"{'':<16}{'update':>10}{'points':>10}{'each':>13}{'equations':>10}{'each':>13}")
    print("\n".join(one.line() for one in each))


if __name__ == "__main__":
    main()
