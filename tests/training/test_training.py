"""Training: what a step learns from, and reproducibility."""

import copy

import pytest
import torch
from walking import advance_histogram

from deepham.economics.ks98 import KS98
from deepham.simulation.period import World
from deepham.training.data import PanelData
from deepham.training.module import DeepHAM
from deepham.training.stream import PanelStream


def weights(module: DeepHAM) -> torch.Tensor:
    return torch.cat([value.flatten() for value in module.state_dict().values()])


@pytest.fixture
def build(hyperparameters):
    def make(algorithm_name="deepham", **algorithm):
        plain = hyperparameters(algorithm_name, **algorithm)
        module = DeepHAM(**plain)
        return module, PanelData(module.world, module.settings, plain["seed"])

    return make


def test_every_panel_is_simulated_with_the_weights_of_its_own_step(trainer, build):
    module, data = build(move=1)
    seen = []
    step = module.training_step

    def recording_step(batch, batch_idx):
        if seen:
            before = World(module.economy).observe(seen[-1])
            with torch.no_grad():
                saved = before.resources - module.policy(before)  # the policy as it is now, after the last update
            assert torch.equal(saved, batch.panel.population.k)
        seen.append(batch.panel)
        return step(batch, batch_idx)

    module.training_step = recording_step
    trainer(2).fit(module, datamodule=data)
    assert len(seen) == 2 * module.settings.policy_steps


def test_the_continuum_is_followed_without_a_draw_of_any_household(trainer, build):
    """Its histogram moves as `advance_histogram` says, and every household counts by its mass."""
    module, data = build(agents=None, nodes=40, move=1)
    seen = []
    step = module.training_step

    def recording_step(batch, batch_idx):
        seen.append((batch.panel, copy.deepcopy(module.policy)))
        return step(batch, batch_idx)

    module.training_step = recording_step
    trainer(1).fit(module, datamodule=data)
    (before, _), (after, policy) = seen[1:3]
    grid = data.stream.grid
    with torch.no_grad():
        expected, _ = advance_histogram(World(module.economy, policy), grid, before, after.z)
    assert before.population.k.shape == (3, 80)
    torch.testing.assert_close(after.population.weight, expected.weight, rtol=1e-5, atol=1e-8)
    torch.testing.assert_close(after.population.weight.sum(1), torch.ones(3), rtol=0, atol=1e-6)


class Debt(KS98):
    borrowing_limit = -2.0


class DeepHAMOfDebt(DeepHAM):
    @staticmethod
    def create_economy(name, **parameters):
        return Debt(**parameters)


@pytest.mark.parametrize("options", [{}, {"agents": None, "nodes": 40}], ids=str)
def test_an_economy_whose_households_may_borrow_is_trained_to_finite_losses(trainer, hyperparameters, options):
    module = DeepHAMOfDebt(**hyperparameters(**options))
    losses, step = [], module.training_step
    module.training_step = lambda *batch: losses.append(step(*batch)) or losses[-1]
    trainer(2).fit(module, datamodule=PanelData(module.world, module.settings, 1))
    assert len(losses) == 2 * module.settings.policy_steps
    assert torch.isfinite(torch.stack([loss for each in losses for loss in each.values()])).all()
    assert torch.isfinite(weights(module)).all()


def test_with_fresh_epoch_the_panels_are_those_of_the_policy_at_the_start_of_the_epoch(build):
    module, data = build(fresh="epoch", dates=3)
    generator = torch.Generator().manual_seed(0)
    stream = PanelStream(module.economy, module.policy, module.settings, generator)
    batches = iter(stream)
    first = next(batches).panel.population.k
    pool = set(first.sum(1).tolist())
    for parameter in module.policy.parameters():
        parameter.data.add_(0.5)  # whatever happens to the policy meanwhile
    for batch in batches:
        pool |= set(batch.panel.population.k.sum(1).tolist())
    assert len(pool) <= 3 * module.settings.economies


def test_the_stream_has_the_length_that_it_says(build):
    for options in ({}, {"value_steps": 3, "slope": False}):
        module, _ = build(**options)
        stream = PanelStream(module.economy, module.policy, module.settings, torch.Generator().manual_seed(0))
        batches = list(stream)
        assert len(batches) == len(stream)
        assert sum(batch.realised is not None for batch in batches) == module.settings.value_steps


def test_same_seed_same_result_and_another_seed_another(trainer, build):
    results = []
    for seed in (1, 1, 2):
        module, data = build()
        data.seed = seed
        trainer(1).fit(module, datamodule=data)
        results.append(weights(module))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_training_leaves_the_global_random_state_as_found(trainer, build):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    module, data = build()
    trainer(1).fit(module, datamodule=data)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "options",
    [
        {"horizon": 4},
        {"expectation": "drawn"},
        {"players": "first", "price_taking": False, "slope": False},
        {"value_steps": 2, "slope": False},
        {"average": 0.0},
        {"fresh": "epoch", "dates": 2},
    ],
)
def test_each_option_of_the_algorithm_changes_the_result(trainer, build, options):
    def result(**algorithm):
        module, data = build(**algorithm)
        trainer(1).fit(module, datamodule=data)
        assert torch.isfinite(weights(module)).all()
        return torch.cat([p.detach().flatten() for p in module.policy_average.parameters()])

    assert not torch.equal(result(), result(**options))
