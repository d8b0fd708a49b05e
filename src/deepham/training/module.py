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
from deepham.errors import TrainingDiverged
from deepham.folder import SCHEMA_VERSION
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.household import Observation, observe
from deepham.simulation.rollout import Panel
from deepham.solution import Solution
from deepham.training.data import Batch


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
        calibration = dict(model)
        self.economy = economics.create(calibration.pop("name"), **calibration).to(dtype=torch.float32)
        self.policy, self.value = build_networks(self.economy, NetworkSettings(**network), seed)
        self.policy_average = copy.deepcopy(self.policy).requires_grad_(False)
        self.value_average = copy.deepcopy(self.value).requires_grad_(False)
        self.updates = 0  # policy updates so far
        self.measures: dict[str, float] = {}  # of the latest outer iteration, filled by callbacks

    def start_from(self, solution: Solution) -> None:
        """Take the networks of a solution whose network settings are the same; its calibration may be another."""
        for network, found in ((self.policy, solution.policy_function), (self.value, solution.value_function),
                               (self.policy_average, solution.policy_function), (self.value_average, solution.value_function)):
            network.load_state_dict(found.state_dict())

    def training_step(self, batch: Batch, batch_index: int) -> dict[str, Tensor]:
        """One batch of the stream: a step of the value regression, or an update of the policy (and the value)."""
        policy_optimizer, value_optimizer = self.optimizers()
        if batch.realised is not None:
            seen = observe(self.economy, batch.panel.population, batch.panel.z)
            return {"value_loss": self._learn_value(value_optimizer, seen, batch.realised, None)}

        lifetime = self._lifetime(batch.panel)
        losses = {"policy_loss": self._improve_policy(policy_optimizer, lifetime)}
        if self.settings.value_steps == 0:
            losses["value_loss"] = self._learn_value(
                value_optimizer, lifetime.first, lifetime.utility.detach(), lifetime.consumption.detach())
        self.updates += 1
        self._update_averages()
        return losses

    def _lifetime(self, panel: Panel) -> Lifetime:
        """Utility over the horizon plus V at its end, as a function of the policy's weights."""
        players = None
        if self.settings.players == "first":
            players = torch.arange(panel.population.k.shape[1], device=self.device) == 0
        return lifetime_utility(
            self.economy, self.policy, self._held_value, panel, self.settings.horizon,
            self.trainer.datamodule.stream.generator, price_taking=self.settings.price_taking, players=players,
            exact=self.settings.expectation == "exact")

    def _held_value(self, seen: Observation) -> Tensor:
        """V for the objective: the gradient runs through V to k', not into V's weights.

        They are held during this call only, since moments that policy and value share belong to the policy, too.
        """
        self.value.requires_grad_(False)
        value = self.value(seen)
        self.value.requires_grad_(True)
        return value

    def _improve_policy(self, optimizer, lifetime: Lifetime) -> Tensor:
        weight = self._weight(lifetime.first)
        players = slice(0, 1) if self.settings.players == "first" else slice(None)
        loss = policy_loss(lifetime.utility[:, players], weight[:, players])
        return self._descend(optimizer, loss, self.lr_schedulers()[0])

    def _learn_value(self, optimizer, seen: Observation, target: Tensor, consumption: Tensor | None) -> Tensor:
        """Fit V to the target (B, N) and, where the algorithm says so, V's slope to u'(consumption)."""
        marginal = None
        if self.settings.slope and consumption is not None:
            marginal = self.economy.preferences.marginal_utility(consumption)
        loss = value_loss(
            self.economy, self.value, seen, target, marginal, self._weight(seen), self.settings.level_weight)
        return self._descend(optimizer, loss, self.lr_schedulers()[1])

    def _weight(self, seen: Observation) -> Tensor:
        mass = seen.population.weight if self.settings.agents is None else None
        return agent_weights(self.economy, seen, self.settings.rich_weight, self.settings.poor_weight, mass)

    def _descend(self, optimizer, loss: Tensor, scheduler) -> Tensor:
        optimizer.zero_grad()
        self.manual_backward(loss)
        try:
            optimizer.step()
        except torch.linalg.LinAlgError as error:  # SOAP has no eigenbasis for a gradient that is no number
            raise TrainingDiverged.at(f"a gradient has no eigenbasis at a loss of {float(loss.detach())}",
                                      self.trainer.fit_loop.epoch_loop.batch_idx, self.current_epoch) from error
        scheduler.step()
        return loss.detach()

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

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["updates"] = self.updates
        checkpoint["schema_version"] = SCHEMA_VERSION

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.updates = checkpoint["updates"]


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
