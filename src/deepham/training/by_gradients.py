"""First-order training: gradients of the two losses, and an optimiser for each network."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.algorithm.gradients import Descent, mean_of, regression_gradient, update_gradients
from deepham.algorithm.settings import OptimizerSettings
from deepham.simulation.capture import Captured
from deepham.simulation.period import Panel
from deepham.training.learner import Learner
from deepham.training.stream import Batch

NETWORKS = ("policy", "value")  # in the order of their optimisers


class ByGradients(Learner):
    """A batch with realised utility is for the value regression, any other for an update of the policy (and V)."""

    advice = "Try a smaller algorithm.policy_optimizer.learning_rate, or network.base=frictionless"

    def step(self, batch: Batch) -> dict[str, Tensor]:
        module = self.module
        if batch.realised is not None:
            each = [
                regression_gradient(at.world, part.panel, part.realised, module.settings, at.typical)
                for part in batch.by_calibration
                if (at := part.at or module.own) and part.realised is not None
            ]
            return {"value_loss": self._descend("value", mean_of(each), batch)}
        descents = [mean_of(each) for each in zip(*map(self._gradients, batch.by_calibration))]
        losses = {f"{name}_loss": self._descend(name, descent, batch) for name, descent in zip(NETWORKS, descents)}
        module.updates += 1
        average = module.settings.average  # early on the averages are the plain mean of all so far
        module.update_averages(max(average, 1 / module.updates) if average else 1.0)
        return losses

    def begin(self) -> None:
        self._captured: Captured | None = None

    def optimizers(self) -> tuple[list, list]:
        settings, module = self.module.settings, self.module
        optimizers, schedulers = [], []
        for network, options, steps in (
            (module.policy, settings.policy_optimizer, settings.policy_steps),
            (module.value, settings.value_optimizer, settings.value_steps or settings.policy_steps),
        ):
            optimizer = _optimizer(network, options)
            optimizers.append(optimizer)
            schedulers.append(_schedule(optimizer, options, settings.outer_iterations * steps))
        return optimizers, schedulers

    def rates(self) -> dict[str, float]:
        return {"learning_rate": self.module.trainer.optimizers[0].param_groups[0]["lr"]}

    def slow_down(self, factor: float) -> None:
        for optimizer, scheduler in zip(self.module.trainer.optimizers, self.module.lr_schedulers()):
            _scale(optimizer, scheduler, factor)

    def _gradients(self, batch: Batch) -> list[Descent]:
        module, generator = self.module, batch.generator
        assert generator is not None
        at = batch.at or module.own

        def gradients(panel: Panel) -> list[Descent]:
            return update_gradients(at.world, panel, module.settings, generator, at.typical)

        if not module.capture:
            return gradients(batch.panel)
        if self._captured is None:  # recorded once: the generator is that of all batches
            self._captured = Captured(gradients, generator)
        return self._captured(batch.panel)

    def _descend(self, name: str, descent: Descent, batch: Batch) -> Tensor:
        """One step of the optimizer down the gradient of all processes, each of which counts by the mean weight of its
        households; unless a state, the loss or the gradient is NaN or infinite in one: then TrainingDiverged in all.

        Returns:
            The loss over all processes.
        """
        module = self.module
        index, gradient = NETWORKS.index(name), list(descent.gradient)
        loss, state = module.ranks.average(gradient, descent.loss, descent.weight, batch.panel.population.k.sum())
        for what, value in (
            ("a state of the population", state),
            (f"the {name} loss", loss),
            (f"the {name} gradient", torch.nn.utils.get_total_norm(gradient)),
        ):
            module.check_finite(what, value, batch)
        for leaf, its_gradient in zip(getattr(module, name).parameters(), gradient, strict=True):
            leaf.grad = its_gradient
        try:
            module.optimizers()[index].step()
        # SOAP finds no eigenbasis for gradients of absurd sizes
        except torch.linalg.LinAlgError as error:  # pyright: ignore[reportPrivateImportUsage]  # not in the stub
            module.read()  # a gradient with NaN or infinite numbers has no eigenbasis either
            raise module.diverged(f"the {name} gradient has no eigenbasis", batch) from error
        module.lr_schedulers()[index].step()
        return loss.clone()  # the next graph launch writes over it


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
