"""The LightningModule: policy, value, and one training step from a simulated panel to two gradients."""

from __future__ import annotations

import copy

import lightning
import torch
from torch import Tensor

from deepham import economics
from deepham.algorithm.gradients import Descent, regression_gradient, update_gradients
from deepham.algorithm.settings import AlgorithmSettings, OptimizerSettings
from deepham.economics.economy import Economy
from deepham.errors import TrainingDiverged
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.period import Panel, World
from deepham.solution.folder import SCHEMA_VERSION
from deepham.solution.solution import Solution
from deepham.training.capture import Captured
from deepham.training.data import Batch
from deepham.training.ranks import ALONE, Ranks

NETWORKS = ("policy", "value")  # in the order of their optimisers
SMALLER_STEP = 0.3  # the learning rate after going back, as a share of the one before


class DeepHAM(lightning.LightningModule):
    """Policy and value networks of one economy, and their running averages, which are the solution that is kept.

    Args (plain data, so that a checkpoint holds nothing to execute):
        model: name of the economy and its parameters.
        network, algorithm: fields of NetworkSettings and AlgorithmSettings.
        seed: initialises the networks.

    Attributes:
        ranks: the processes that train together.
        capture: take the gradients by a CUDA graph.
    """

    def __init__(self, model: dict, network: dict, algorithm: dict, seed: int):
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.settings = AlgorithmSettings.from_dict(algorithm)
        self.settings.validate()
        self.economy = self.create_economy(**model).under(self.settings.objective).to(dtype=torch.float32)
        self.typical = self.economy.typical_household()
        self.policy, self.value = build_networks(self.economy, NetworkSettings(**network), seed)
        self.policy_average = copy.deepcopy(self.policy).requires_grad_(False)
        self.value_average = copy.deepcopy(self.value).requires_grad_(False)
        self.updates = 0  # policy updates so far
        self.retreats = 0  # how often training went back to a checkpoint with a smaller step
        self._retreating = False
        self.at_once = True  # whether a number that is none is looked for in every step
        # or at the end of an outer iteration: what, step, whether it is finite
        self._unread: list[tuple[str, int, Tensor]] = []
        self.ranks: Ranks = ALONE
        self.capture = False
        self._captured: Captured | None = None

    @staticmethod
    def create_economy(name: str, **parameters) -> Economy:
        """The economy that `model` describes; a subclass may know others than those in conf/model/."""
        return economics.create(name, **parameters)

    def start_from(self, solution: Solution) -> None:
        """Take the networks of a solution whose network settings are the same; its calibration may be another."""
        for network, found in (
            (self.policy, solution.policy_function),
            (self.value, solution.value_function),
            (self.policy_average, solution.policy_function),
            (self.value_average, solution.value_function),
        ):
            network.load_state_dict(found.state_dict())

    @property
    def world(self) -> World:
        """The economy with the networks that learn."""
        return World(self.economy, self.policy, self.value, clamped=True)

    @property
    def averaged(self) -> World:
        """The economy with the running averages of the networks."""
        return World(self.economy, self.policy_average, self.value_average, clamped=True)

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Tensor]:
        """One batch of the stream: a step of the value regression, or an update of the policy (and the value)."""
        if batch.realised is not None:
            descent = regression_gradient(self.world, batch.panel, batch.realised, self.settings, self.typical)
            return {"value_loss": self._descend("value", descent, batch)}
        descents = self._gradients(batch)
        losses = {f"{name}_loss": self._descend(name, descent, batch) for name, descent in zip(NETWORKS, descents)}
        self.updates += 1
        self._update_averages()
        return losses

    def _gradients(self, batch: Batch) -> list[Descent]:
        def gradients(panel: Panel) -> list[Descent]:
            return update_gradients(self.world, panel, self.settings, batch.generator, self.typical)

        if not self.capture:
            return gradients(batch.panel)
        if self._captured is None:  # recorded once: the generator is that of all batches
            self._captured = Captured(gradients, batch.generator)
        return self._captured(batch.panel)

    def _descend(self, name: str, descent: Descent, batch: Batch) -> Tensor:
        """One step of the optimizer down the gradient of all processes, each of which counts by the mean weight of its
        households; unless a state, the loss or the gradient is no number in one of them: then TrainingDiverged in all.

        Returns:
            The loss over all processes.
        """
        index, gradient = NETWORKS.index(name), list(descent.gradient)
        loss, state = self.ranks.average(gradient, descent.loss, descent.weight, batch.panel.population.k.sum())
        for what, value in (
            ("a state of the population", state),
            (f"the {name} loss", loss),
            (f"the {name} gradient", torch.nn.utils.get_total_norm(gradient)),
        ):
            self._check_finite(what, value, batch)
        for leaf, its_gradient in zip(getattr(self, name).parameters(), gradient, strict=True):
            leaf.grad = its_gradient
        try:
            self.optimizers()[index].step()
        except torch.linalg.LinAlgError as error:  # SOAP finds no eigenbasis for gradients of absurd sizes
            self._read()  # what is no number has none either
            raise self._diverged(f"the {name} gradient has no eigenbasis", batch) from error
        self.lr_schedulers()[index].step()
        return loss.clone()  # the next graph launch writes over it

    def _check_finite(self, what: str, value: Tensor, batch: Batch) -> None:
        """Raise TrainingDiverged unless the value is a number, or let `_read` do it."""
        total = value.detach().sum()
        if not self.at_once:
            self._unread.append((what, self._step, total))
        elif not bool(total.isfinite()):
            raise self._diverged(_fault(what, total), batch)

    def _read(self) -> None:
        """Raise TrainingDiverged for the first number of this outer iteration that is none, without its batch."""
        unread, self._unread = self._unread, []
        if unread:
            finite = torch.stack([total for _, _, total in unread]).isfinite()
            if not bool(finite.all()):
                what, step, total = unread[int(finite.int().argmin())]
                raise TrainingDiverged(_fault(what, total), step, self.current_epoch + 1, None)

    @property
    def _step(self) -> int:
        return self.trainer.fit_loop.epoch_loop.batch_idx + 1

    def _diverged(self, what: str, batch: Batch) -> TrainingDiverged:
        return TrainingDiverged(what, self._step, self.current_epoch + 1, batch)

    @torch.no_grad()
    def _update_averages(self) -> None:
        """Move the averages towards the current weights; early on they are the plain mean of all so far."""
        rate = max(self.settings.average, 1 / self.updates) if self.settings.average else 1.0
        for average, current in ((self.policy_average, self.policy), (self.value_average, self.value)):
            torch._foreach_lerp_(list(average.parameters()), list(current.parameters()), rate)

    def configure_optimizers(self):
        settings = self.settings
        optimizers, schedulers = [], []
        for network, options, steps in (
            (self.policy, settings.policy_optimizer, settings.policy_steps),
            (self.value, settings.value_optimizer, settings.value_steps or settings.policy_steps),
        ):
            optimizer = _optimizer(network, options)
            optimizers.append(optimizer)
            schedulers.append(_schedule(optimizer, options, settings.outer_iterations * steps))
        return optimizers, schedulers

    def on_fit_start(self) -> None:
        self.economy = self.economy.to(device=self.device)
        self.at_once = self.device.type == "cpu"  # a GPU would have to stop for it
        self._captured = None

    def on_train_batch_end(self, outputs: dict, batch: Batch, batch_idx: int) -> None:
        """At the end of an outer iteration: what is measured next, and kept, is good down to the last step's
        outcome."""
        if batch_idx + 1 == self.trainer.num_training_batches:
            for name, leaf in self.named_parameters():
                self._check_finite(f"the weight {name}", leaf, batch)
            self._read()

    def retreat(self) -> None:
        """Train from the next checkpoint that is loaded with a smaller step, for the rest of the run."""
        self._retreating = True

    def on_train_start(self) -> None:
        if self._retreating:
            self._retreating = False
            self.retreats += 1
            for optimizer, scheduler in zip(self.trainer.optimizers, self.lr_schedulers()):
                _scale(optimizer, scheduler, SMALLER_STEP)

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["updates"], checkpoint["retreats"] = self.updates, self.retreats
        checkpoint["schema_version"] = SCHEMA_VERSION

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.updates, self.retreats = checkpoint["updates"], checkpoint["retreats"]


def _fault(what: str, total: Tensor) -> str:
    return f"{what} is {'infinite or huge' if bool(total.isinf()) else 'not a number'}"


def _optimizer(network: torch.nn.Module, options: OptimizerSettings) -> torch.optim.Optimizer:
    common = {"lr": options.learning_rate, "betas": (options.beta1, options.beta2)}
    if options.method == "SOAP":
        from pytorch_optimizer import SOAP  # slow to import

        return SOAP(network.parameters(), weight_decay=0.0, **common)
    return getattr(torch.optim, options.method)(network.parameters(), **common)


def _schedule(optimizer: torch.optim.Optimizer, options: OptimizerSettings, steps: int):
    if options.schedule == "constant":
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=options.learning_rate / 100)


def _scale(optimizer: torch.optim.Optimizer, scheduler, factor: float) -> None:
    """The rest of the schedule times the factor: a schedule goes on from the rate that it finds. A checkpoint has it
    all."""
    for group in optimizer.param_groups:
        group["lr"] *= factor
    if hasattr(scheduler, "eta_min"):
        scheduler.eta_min *= factor
