"""The LightningModule: policy, value, and one training step from a simulated panel to two gradients."""

from __future__ import annotations

import copy

import lightning
import torch
from torch import Tensor

from deepham import economics
from deepham.algorithm.losses import agent_weights, policy_loss, value_loss
from deepham.algorithm.objective import Lifetime, lifetime_utility
from deepham.algorithm.settings import AlgorithmSettings, OptimizerSettings
from deepham.economics.economy import Economy
from deepham.errors import TrainingDiverged
from deepham.folder import SCHEMA_VERSION
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.household import Observation, observe
from deepham.simulation.rollout import Panel
from deepham.solution import Solution
from deepham.training.data import Batch

SMALLER_STEP = 0.3  # the learning rate after going back, as a share of the one before


class DeepHAM(lightning.LightningModule):
    """Policy and value networks of one economy, and their running averages, which are the solution that is kept.

    Args (plain data, so that a checkpoint holds nothing to execute):
        model: name of the economy and its parameters.
        network, algorithm: fields of NetworkSettings and AlgorithmSettings.
        seed: initialises the networks.
    """

    def __init__(self, model: dict, network: dict, algorithm: dict, seed: int):
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.settings = AlgorithmSettings.from_dict(algorithm)
        self.settings.validate()
        self.economy = self.create_economy(**model).to(dtype=torch.float32)
        self.policy, self.value = build_networks(self.economy, NetworkSettings(**network), seed)
        self.policy_average = copy.deepcopy(self.policy).requires_grad_(False)
        self.value_average = copy.deepcopy(self.value).requires_grad_(False)
        self.updates = 0  # policy updates so far
        self.retreats = 0  # how often training went back to a checkpoint with a smaller step
        self._retreating = False
        self.measures: dict[str, float] = {}  # of the latest outer iteration, filled by callbacks

    @staticmethod
    def create_economy(name: str, **parameters) -> Economy:
        """The economy that `model` describes; a subclass may know others than those in conf/model/."""
        return economics.create(name, **parameters)

    def start_from(self, solution: Solution) -> None:
        """Take the networks of a solution whose network settings are the same; its calibration may be another."""
        for network, found in ((self.policy, solution.policy_function), (self.value, solution.value_function),
                               (self.policy_average, solution.policy_function), (self.value_average, solution.value_function)):
            network.load_state_dict(found.state_dict())

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Tensor]:
        """One batch of the stream: a step of the value regression, or an update of the policy (and the value)."""
        policy_optimizer, value_optimizer = self.optimizers()
        self._check_finite("a state of the population", batch.panel.population.k, batch)
        if batch.realised is not None:
            seen = observe(self.economy, batch.panel.population, batch.panel.z)
            return {"value_loss": self._learn_value(value_optimizer, batch, seen, batch.realised, None)}

        lifetime = self._lifetime(batch.panel)
        losses = {"policy_loss": self._improve_policy(policy_optimizer, batch, lifetime)}
        if self.settings.value_steps == 0:
            losses["value_loss"] = self._learn_value(
                value_optimizer, batch, lifetime.first, lifetime.utility.detach(), lifetime.consumption.detach())
        self.updates += 1
        self._update_averages()
        return losses

    def _lifetime(self, panel: Panel) -> Lifetime:
        """Utility over the horizon plus V at its end, as a function of the policy's weights."""
        return lifetime_utility(
            self.economy, self.policy, self._held_value, panel, self.settings.horizon,
            self.trainer.datamodule.stream.generator, price_taking=self.settings.price_taking,
            players=self._players, exact=self.settings.expectation == "exact")

    @property
    def _players(self) -> int | None:
        return 1 if self.settings.players == "first" else None

    def _held_value(self, seen: Observation) -> Tensor:
        """V for the objective: the gradient runs through V to k', not into V's weights.

        They are held during this call only, since moments that policy and value share belong to the policy, too.
        """
        self.value.requires_grad_(False)
        value = self.value(seen)
        self.value.requires_grad_(True)
        return value

    def _improve_policy(self, optimizer, batch: Batch, lifetime: Lifetime) -> Tensor:
        weight = self._weight(lifetime.first)
        loss = policy_loss(lifetime.utility[:, :self._players], weight[:, :self._players])
        return self._descend("policy", optimizer, loss, self.lr_schedulers()[0], batch)

    def _learn_value(
        self, optimizer, batch: Batch, seen: Observation, target: Tensor, consumption: Tensor | None
    ) -> Tensor:
        """Fit V to the target (B, N) and, where the algorithm says so, V's slope to u'(consumption)."""
        marginal = None
        if self.settings.slope and consumption is not None:
            marginal = self.economy.preferences.marginal_utility(consumption)
        loss = value_loss(
            self.economy, self.value, seen, target, marginal, self._weight(seen), self.settings.level_weight)
        return self._descend("value", optimizer, loss, self.lr_schedulers()[1], batch)

    def _weight(self, seen: Observation) -> Tensor:
        mass = seen.population.weight if self.settings.agents is None else None
        return agent_weights(self.economy, seen, self.settings.rich_weight, self.settings.poor_weight, mass)

    def _descend(self, name: str, optimizer, loss: Tensor, scheduler, batch: Batch) -> Tensor:
        """One step of the optimizer, unless the loss or the gradient is no number: then TrainingDiverged, and no step."""
        optimizer.zero_grad()
        self._check_finite(f"the {name} loss", loss, batch)
        self.manual_backward(loss)
        gradient = [leaf.grad for group in optimizer.param_groups for leaf in group["params"] if leaf.grad is not None]
        self._check_finite(f"the {name} gradient", torch.nn.utils.get_total_norm(gradient), batch)
        try:
            optimizer.step()
        except torch.linalg.LinAlgError as error:  # SOAP finds no eigenbasis for gradients of absurd sizes
            raise self._diverged(f"the {name} gradient has no eigenbasis", batch) from error
        scheduler.step()
        return loss.detach()

    def _check_finite(self, what: str, value: Tensor, batch: Batch) -> None:
        total = value.detach().sum()
        if not bool(total.isfinite()):
            raise self._diverged(f"{what} is {'infinite or huge' if bool(total.isinf()) else 'not a number'}", batch)

    def _diverged(self, what: str, batch: Batch) -> TrainingDiverged:
        return TrainingDiverged(what, self.trainer.fit_loop.epoch_loop.batch_idx + 1, self.current_epoch + 1, batch)

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

    def on_train_batch_end(self, outputs: dict, batch: Batch, batch_idx: int) -> None:
        """At the end of an outer iteration: what is measured next, and kept, is good down to the last step's outcome."""
        if batch_idx + 1 == self.trainer.num_training_batches:
            for name, leaf in self.named_parameters():
                self._check_finite(f"the weight {name}", leaf, batch)

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
    """The rest of the schedule times the factor: a schedule goes on from the rate that it finds. A checkpoint has it all."""
    for group in optimizer.param_groups:
        group["lr"] *= factor
    if hasattr(scheduler, "eta_min"):
        scheduler.eta_min *= factor
