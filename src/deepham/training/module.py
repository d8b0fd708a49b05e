"""The LightningModule: policy, value, and one training step from a simulated panel to two gradients."""

from __future__ import annotations

import copy

import lightning
import torch
from torch import Tensor

from deepham import economics
from deepham.algorithm.settings import AlgorithmSettings
from deepham.economics.box import Box
from deepham.economics.economy import Economy
from deepham.economics.planner import under
from deepham.errors import TrainingDiverged
from deepham.networks.carried_over import carry_over
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.period import World
from deepham.solution.folder import SCHEMA_VERSION
from deepham.solution.solution import Solution
from deepham.system.ranks import ALONE, Ranks
from deepham.training.by_gradients import ByGradients
from deepham.training.by_newton import ByNewton
from deepham.training.calibrations import Calibration, Calibrations
from deepham.training.learner import Learner
from deepham.training.stream import Batch

LEARNERS = {"gradient": ByGradients, "euler_newton": ByNewton}
SMALLER_STEP = 0.3  # the learning rate after going back, as a share of the one before


class DeepHAM(lightning.LightningModule):
    """Policy and value networks of one economy, and their running averages, which are the solution that is kept.

    Args (plain data, so that a checkpoint holds nothing to execute):
        model: name of the economy and its parameters.
        network, algorithm: fields of NetworkSettings and AlgorithmSettings.
        seed: initialises the networks.
        vary: parameters that vary and their bounds, see economics/box.py; the networks then are told where they are.

    Attributes:
        box: of these, or None. calibrations: those that are learned from at once; None: the model's own alone.
        ranks: the processes that train together.
        capture: take the gradients by a CUDA graph.
    """

    def __init__(self, model: dict, network: dict, algorithm: dict, seed: int, vary: dict | None = None):
        super().__init__()
        self.save_hyperparameters(ignore=() if vary else ("vary",))
        self.automatic_optimization = False
        self.settings = AlgorithmSettings.from_dict(algorithm)
        self.settings.validate()
        # float64, for equations that are solved: tables that were once float32 would not do
        exact = under(self.create_economy(**model), self.settings.objective)
        self.economy = exact.to(dtype=torch.float32)
        self.box = Box(vary, exact) if vary else None
        here = self.box.scaled(exact.parameters()) if self.box else ()
        shape = NetworkSettings(**network)
        self.policy, self.value = build_networks(self.economy, shape, seed, here)
        self.calibrations = None
        if self.box:
            networks = self.policy, self.value
            self.calibrations = Calibrations(self.box, shape, networks, self.settings.calibrations, seed)
        self.own = Calibration(exact, self.world)
        self.policy_average = copy.deepcopy(self.policy).requires_grad_(False)
        self.value_average = copy.deepcopy(self.value).requires_grad_(False)
        self.learner: Learner = LEARNERS[self.settings.steps_by](self)
        self.updates = 0  # policy updates so far
        self.retreats = 0  # how often training went back to a checkpoint with a smaller step
        self._retreating = False
        self.at_once = True  # whether NaN and infinite numbers are looked for in every step
        # or at the end of an outer iteration: what, step, whether it is finite
        self._unread: list[tuple[str, int, Tensor]] = []
        self.ranks: Ranks = ALONE
        self.capture = False

    @staticmethod
    def create_economy(name: str, **parameters) -> Economy:
        """The economy that `model` describes; a subclass may know others than those in conf/model/."""
        return economics.create(name, **parameters)

    def start_from(self, solution: Solution) -> None:
        """Take the networks of a solution whose network settings are the same; its calibration may be another, and what
        households do is then the same of the same numbers."""
        for network, found in (
            (self.policy, solution.networks["policy"]),
            (self.value, solution.networks["value"]),
            (self.policy_average, solution.networks["policy"]),
            (self.value_average, solution.networks["value"]),
        ):
            carry_over(network, found)

    @property
    def world(self) -> World:
        """The economy with the networks that learn."""
        return World(self.economy, self.policy, self.value, clamped=True)

    @property
    def averaged(self) -> World:
        """The economy with the running averages of the networks."""
        return World(self.economy, self.policy_average, self.value_average, clamped=True)

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Tensor]:
        """One batch of the stream."""
        return self.learner.step(batch)

    def check_finite(self, what: str, value: Tensor, batch: Batch) -> None:
        """Raise TrainingDiverged unless the value is a number, or let `read` do it."""
        total = value.detach().sum()
        if not self.at_once:
            self._unread.append((what, self._step, total))
        elif not bool(total.isfinite()):
            raise self.diverged(_fault(what, total), batch)

    def read(self) -> None:
        """Raise TrainingDiverged for the first NaN or infinite number of this outer iteration, without its batch."""
        unread, self._unread = self._unread, []
        if unread:
            finite = torch.stack([total for _, _, total in unread]).isfinite()
            if not bool(finite.all()):
                what, step, total = unread[int(finite.int().argmin())]
                raise TrainingDiverged(_fault(what, total), step, self.current_epoch + 1, None)

    @property
    def _step(self) -> int:
        return self.trainer.fit_loop.epoch_loop.batch_idx + 1

    def diverged(self, what: str, batch: Batch) -> TrainingDiverged:
        return TrainingDiverged(what, self._step, self.current_epoch + 1, batch)

    @torch.no_grad()
    def update_averages(self, rate: float) -> None:
        """Move the averages towards the current weights by so much of the way."""
        for average, current in ((self.policy_average, self.policy), (self.value_average, self.value)):
            torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]  # as its optimizers do
                list(average.parameters()), list(current.parameters()), rate
            )

    def configure_optimizers(self) -> tuple[list, list]:
        return self.learner.optimizers()

    def on_fit_start(self) -> None:
        self.economy = self.economy.to(device=self.device)
        self.own = Calibration(self.own.exact.to(device=self.device), self.world)
        self.at_once = self.device.type == "cpu"  # a GPU would have to stop for it
        self.learner.begin()

    def on_train_batch_end(self, outputs, batch: Batch, batch_idx: int) -> None:
        """At the end of an outer iteration: what is measured next, and kept, is good down to the last step's
        outcome."""
        if batch_idx + 1 == self.trainer.num_training_batches:
            for name, leaf in self.named_parameters():
                self.check_finite(f"the weight {name}", leaf, batch)
            self.read()

    def retreat(self) -> None:
        """Train from the next checkpoint that is loaded with a smaller step, for the rest of the run."""
        self._retreating = True

    def on_train_start(self) -> None:
        if self._retreating:
            self._retreating = False
            self.retreats += 1
            self.learner.slow_down(SMALLER_STEP)

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["updates"], checkpoint["retreats"] = self.updates, self.retreats
        checkpoint["schema_version"] = SCHEMA_VERSION
        checkpoint["learner"] = self.learner.state()

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.updates, self.retreats = checkpoint["updates"], checkpoint["retreats"]
        self.learner.load(checkpoint.get("learner", {}))


def _fault(what: str, total: Tensor) -> str:
    return f"{what} is {'infinite or huge' if bool(total.isinf()) else 'not a number'}"
