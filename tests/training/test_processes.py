"""Two processes that share the economies against one that has them all."""

import hashlib
import multiprocessing
import shutil

import lightning
import pytest
import torch

from deepham.callbacks.guard import Guard
from deepham.errors import InputError
from deepham.runs.checkpoints import read_checkpoint
from deepham.runs.folders import RunFolders
from deepham.simulation.period import Panel
from deepham.simulation.population import Population
from deepham.system.ranks import Ranks
from deepham.training.fit import check_processes, fit

TWO = "trainer.processes=2"
pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="torch is built without torch.distributed")


@pytest.fixture
def small(settings):
    """small(*overrides) are settings of a run with four economies of six agents."""
    return lambda *overrides: settings("algorithm.economies=4", "algorithm.agents=6", *overrides)


# -- the same step -----------------------------------------------------------------------------------------------------


class Given(lightning.Callback):
    """The economies stand where they are told to and do not move; each process has its part of them."""

    every_process = True

    def __init__(self, k, eps, z):
        self.numbers, self.gradients = (k, eps, z), []

    def on_train_start(self, trainer, module):
        data = trainer.datamodule
        k, eps, z = (x.chunk(data.ranks.size)[data.ranks.rank] for x in self.numbers)
        data.stream.panel = Panel(Population.panel(k, eps), z)
        data.stream._move_on = lambda panel: panel

    def on_before_optimizer_step(self, trainer, module, optimizer):
        self.gradients.append(
            torch.cat([leaf.grad.flatten() for group in optimizer.param_groups for leaf in group["params"]])
        )


@pytest.mark.parametrize(
    "overrides",
    [
        ["algorithm.rich_weight=2"],
        pytest.param(
            [
                "algorithm.price_taking=false",
                "algorithm.players=first",
                "algorithm.slope=false",
                "network=generalized_moments",
            ],
            marks=pytest.mark.slow,
        ),
    ],
    ids=["default", "a game"],
)
def test_two_processes_take_the_steps_of_one(small, overrides):
    """To the rounding, from the same economies, of which the second process has the rich: its weights have another
    mean.

    By Adam: SOAP's eigenbasis makes more of the rounding.
    """
    generator = torch.Generator().manual_seed(3)
    k = torch.rand((4, 6), generator=generator) * torch.tensor([5.0, 20.0, 60.0, 150.0])[:, None]
    given = k, torch.randint(2, (4, 6), generator=generator), torch.tensor([[0], [1], [1], [0]])
    adam = [f"algorithm.{network}_optimizer.method=Adam" for network in ("policy", "value")]
    results = []
    for processes in (1, 2):
        callback = Given(*given)
        asked = small("algorithm.outer_iterations=1", f"trainer.processes={processes}", *adam, *overrides)
        module, _ = fit(asked, [callback], [])
        weights = torch.cat([leaf.detach().flatten() for leaf in module.parameters()])
        results.append((callback.gradients, weights))
    (alone, weights), (together, shared) = results
    assert len(alone) == len(together) == 8  # of policy and value
    for one, two in zip(alone, together):
        assert float((one - two).norm() / one.norm()) < 1e-4
    torch.testing.assert_close(weights, shared, rtol=1e-4, atol=1e-6)


# -- the same result ---------------------------------------------------------------------------------------------------


class Compare(lightning.Callback):
    """What each process is at after each outer iteration."""

    every_process = True

    def __init__(self):
        self.weights, self.assets = [], []

    def on_train_epoch_end(self, trainer, module):
        trained = {"module": module.state_dict(), "optimizers": [o.state_dict() for o in trainer.optimizers]}
        ranks = trainer.datamodule.ranks
        self.weights.append(ranks.gather(digest(trained)))
        self.assets.append(ranks.gather(trainer.datamodule.stream.panel.population.k))


def digest(state) -> str:
    if isinstance(state, torch.Tensor):
        return hashlib.sha256(state.detach().contiguous().numpy().tobytes()).hexdigest()
    if isinstance(state, dict):
        return str({key: digest(value) for key, value in state.items()})
    return str([digest(value) for value in state]) if isinstance(state, list | tuple) else str(state)


class KeepTheFirst(lightning.Callback):
    """A copy of the checkpoint of the first outer iteration: what is left of a run that is interrupted in the
    second."""

    def __init__(self, last, copy):
        self.last, self.copy = last, copy

    def on_train_epoch_start(self, trainer, module):
        if trainer.current_epoch == 1:
            shutil.copy(self.last, self.copy)


@pytest.mark.slow
def test_shocks_differ_and_weights_do_not(small, tmp_path):
    compare = Compare()
    fit(small(TWO), [compare, Guard(1)], [], RunFolders("whole", tmp_path, tmp_path))
    assert multiprocessing.active_children() == []
    for first, second in compare.weights:
        assert first == second
    assert compare.weights[0] != compare.weights[1]
    for first, second in compare.assets:
        assert first.shape == second.shape == (2, 6) and not torch.isclose(first, second).any()
    random = [digest(share["generator"]) for share in read_checkpoint(tmp_path / "last.ckpt")["PanelData"]["processes"]]
    assert len(set(random)) == 2


@pytest.mark.slow
def test_a_resumed_run_of_two_processes_goes_on_exactly(small, tmp_path):
    whole, parts = (RunFolders(name, tmp_path / name, tmp_path / name) for name in ("whole", "parts"))
    whole.checkpoints.mkdir(), parts.checkpoints.mkdir()
    fit(small(TWO), [KeepTheFirst(whole.last, parts.last)], [], whole)
    with pytest.raises(
        InputError, match="is of a run in 2 processes, this one is in 1; resume with trainer.processes=2"
    ):
        check_processes(parts.last, small())
    check_processes(parts.last, small(TWO))
    fit(small(TWO), [], [], parts, parts.last)
    expected, found = read_checkpoint(whole.last), read_checkpoint(parts.last)
    for key in ("state_dict", "optimizer_states", "lr_schedulers", "PanelData", "updates"):
        assert digest(found[key]) == digest(expected[key]), key


def test_random_streams_are_those_of_no_other_run():
    seeds = [Ranks(rank, 4).seed(seed) for seed in range(1, 50) for rank in range(4)]
    assert len({seed % 2**32 for seed in seeds}) == len(seeds)  # of which torch takes 32 bits
    assert Ranks(0, 4).seed(7) == 7 and all(0 <= seed < 2**63 for seed in seeds)


# -- input -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "overrides, says",
    [
        (
            ["trainer.processes=3"],
            "economies: 4 economies cannot be split evenly over 3 processes; .*algorithm.economies=6",
        ),
        (
            [TWO, "algorithm.value_steps=2", "algorithm.slope=false", "algorithm.value_economies=3"],
            "algorithm.value_economies: 3",
        ),
        ([TWO, "trainer.gpus=2"], "trainer.processes=2 with trainer.gpus=2: there is one process for each GPU"),
        (["trainer.gpus=1000"], "trainer.gpus=1000: torch .* sees"),
        (["trainer.processes=1000", "algorithm.economies=1000"], "trainer.processes=1000: about 4.. GB of memory"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(small, overrides, says):
    with pytest.raises(InputError, match=says) as refused:
        small(*overrides)
    assert "\n" not in str(refused.value)


def test_an_even_split_is_of_what_is_used(small):
    assert small("algorithm.value_economies=3", TWO).algorithm.share(2).economies == 2


def test_several_gpus_are_one_process_each(small, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr("deepham.system.memory.available", lambda device="cpu": 10**10)
    asked = small("trainer.gpus=4")
    assert asked.trainer.ranks == 4 and asked.algorithm.share(4).economies == 1
