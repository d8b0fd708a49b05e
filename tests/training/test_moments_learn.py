"""Moments in training: who teaches them."""

import pytest
import torch

from deepham.algorithm.gradients import held, lifetime
from deepham.simulation.period import World
from deepham.training.data import PanelData
from deepham.training.module import DeepHAM

MOMENTS = {"aggregates": False, "moments": 1, "moment_width": 4}


@pytest.fixture
def fit(hyperparameters, trainer):
    """fit(epochs, **network) is a module trained so long on a tiny ks98."""

    def run(epochs, **network):
        plain = hyperparameters(outer_iterations=4)
        module = DeepHAM(**plain | {"network": plain["network"] | MOMENTS | network})
        trainer(epochs).fit(module, datamodule=PanelData(module.world, module.settings, 1))
        return module

    return run


@pytest.mark.parametrize("shared", [False, True])
def test_each_loss_teaches_the_moments_of_its_own_network(fit, shared):
    module = fit(1, moments_shared=shared)
    panel = module.trainer.datamodule.stream.panel
    policy, value = (network.inputs.moments for network in (module.policy, module.value))
    assert (policy is value) == shared
    module.zero_grad()
    found = lifetime(World(module.economy, module.policy, module.value), panel, module.settings, torch.Generator())
    (-found.utility.mean()).backward()
    assert gradient(policy) > 0 and (shared or gradient(value) == 0)
    module.zero_grad()
    module.value(World(module.economy).observe(panel)).mean().backward()
    assert gradient(value) > 0 and (shared or gradient(policy) == 0)


def test_the_objective_does_not_flatter_itself_through_the_moments_of_the_value(fit):
    module = fit(1, moments_shared=True)
    panel = module.trainer.datamodule.stream.panel
    seen = World(module.economy).observe(panel)
    assert not held(module.value)(seen).requires_grad
    assert all(parameter.requires_grad for parameter in module.value.parameters())


def test_averages_of_shared_moments_stay_one(fit):
    module = fit(2, moments_shared=True)
    pairs = list(
        zip(module.policy_average.inputs.moments.parameters(), module.value_average.inputs.moments.parameters())
    )
    assert all(torch.equal(left, right) for left, right in pairs)
    assert any(float(left.detach().abs().max()) > 0 for left, _ in pairs)


def gradient(moments):
    """Largest gradient of any parameter."""
    return max(
        0.0 if parameter.grad is None else float(parameter.grad.abs().max()) for parameter in moments.parameters()
    )
