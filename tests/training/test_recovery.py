"""Numbers that are none, and policies that run away: found before a step is taken on them, and the way back."""

from dataclasses import replace

import pytest
import safetensors
import torch

from deepham.algorithm import gradients
from deepham.callbacks.guard import Guard
from deepham.callbacks.history import History
from deepham.economics.economy import Economy
from deepham.errors import InputError, TrainingDiverged
from deepham.runs.checkpoints import read_checkpoint
from deepham.runs.folders import RunFolders
from deepham.simulation.period import Panel
from deepham.simulation.population import Population
from deepham.training.fit import OFFENDING, fit
from deepham.training.module import SMALLER_STEP, DeepHAM
from deepham.training.stream import PanelStream

EPOCHS, STEPS = 3, 4
BAD = float("nan")


@pytest.fixture
def train(settings, tmp_path):
    """train() is a module, its rows and its folders after three outer iterations of four steps."""

    def run(*overrides, callbacks=(), resume=None, home="run"):
        folders = RunFolders(home, tmp_path / home, tmp_path / home)
        folders.checkpoints.mkdir(exist_ok=True)
        history = History(folders.logs / "metrics.csv")
        module, _ = fit(
            settings("algorithm.outer_iterations=3", *overrides), [*callbacks, history], [], folders, resume
        )
        return module, history.rows, folders

    return run


@pytest.fixture
def faulty(monkeypatch):
    """faulty(fault, epoch, step) calls fault(module, batch) once training is there, and forever=True each time it
    is."""

    def plant(fault, epoch=1, step=2, forever=False):
        honest = DeepHAM.training_step

        def training_step(self, batch, batch_idx):
            here = self.current_epoch == epoch and batch_idx == step
            if here and (forever or self.retreats == 0):
                batch = fault(self, batch) or batch
            return honest(self, batch, batch_idx)

        monkeypatch.setattr(DeepHAM, "training_step", training_step)

    return plant


def spoil_weights(module, batch):
    with torch.no_grad():
        module.policy.mlp[0].weight.fill_(BAD)


def spoil_assets(module, batch):
    population = batch.panel.population
    k = population.k.clone()
    k[0, 0] = BAD
    return replace(batch, panel=Panel(population.with_assets(k), batch.panel.z))


def plain(rows):
    return [{name: value for name, value in row.items() if not name.startswith("timing/")} for row in rows]


@pytest.mark.parametrize(
    "fault, found",
    [(spoil_weights, "the policy loss is not a number"), (spoil_assets, "a state of the population is not a number")],
)
def test_training_goes_back_once_and_ends_with_a_smaller_step(train, faulty, fault, found, caplog):
    undisturbed = plain(train(home="undisturbed")[1])
    faulty(fault)
    with caplog.at_level("INFO", logger="deepham"):
        module, rows, folders = train()
    said = [record.message for record in caplog.records if "going back" in record.message]
    assert len(said) == 1 and f"{found} in step 3 of outer iteration 2" in said[0]
    assert [row["outer_iteration"] for row in rows] == [1, 2, 3]
    assert plain(rows)[0] == undisturbed[0] and plain(rows)[1] != undisturbed[1]
    for bent, straight in zip(rows[1:], undisturbed[1:]):
        assert bent["train/learning_rate"] == pytest.approx(SMALLER_STEP * straight["train/learning_rate"], rel=1e-12)
    assert module.retreats == 1 and all(torch.isfinite(leaf).all() for leaf in module.state_dict().values())
    with safetensors.safe_open(folders.checkpoints / OFFENDING, "pt") as file:
        assert file.metadata() == {"found": found, "step": "3", "outer_iteration": "2"}
        assert set(file.keys()) == {"k", "eps", "weight", "z"}
        assert bool(file.get_tensor("k").isnan().any()) == (fault is spoil_assets)


def test_a_run_resumed_after_it_went_back_ends_like_one_that_was_not_interrupted(train, faulty, tmp_path):
    class Stop(Exception):
        pass

    class StopAfter(Guard):
        def on_train_epoch_start(self, trainer, module):
            if trainer.current_epoch == 2:
                raise Stop

    faulty(spoil_weights)
    whole, rows, _ = train(home="whole")
    with pytest.raises(Stop):
        train(callbacks=[StopAfter()])
    resumed, resumed_rows, _ = train(resume=tmp_path / "run/last.ckpt")
    for name, leaf in whole.state_dict().items():
        assert torch.equal(leaf, resumed.state_dict()[name]), name
    assert plain(rows) == plain(resumed_rows) and resumed.retreats == 1


def test_a_fault_that_comes_back_ends_the_run_with_the_last_good_state_saved(train, faulty, tmp_path):
    faulty(spoil_weights, forever=True)
    with pytest.raises(TrainingDiverged, match="step 3 of outer iteration 2; .* did not help.*learning_rate"):
        train()
    saved = read_checkpoint(tmp_path / "run/last.ckpt")
    assert saved["updates"] == STEPS and saved["retreats"] == 0
    assert all(torch.isfinite(leaf).all() for leaf in saved["state_dict"].values())


def test_a_fault_in_the_first_step_leaves_the_untrained_state(train, faulty, tmp_path):
    faulty(spoil_weights, epoch=0, step=0, forever=True)
    with pytest.raises(TrainingDiverged, match="step 1 of outer iteration 1"):
        train()
    assert read_checkpoint(tmp_path / "run/last.ckpt")["updates"] == 0


def test_no_step_is_taken_on_a_gradient_that_is_no_number(train, monkeypatch):
    """The loss is finite: the square root of a zero whose slope is infinite."""
    before, honest = {}, gradients.policy_loss

    def steep(utility, weight):
        zero = (0 * utility).sum()
        return honest(utility, weight) + zero.sqrt()

    def remember(self, what, value, batch, *of):
        if "policy loss" in what:
            assert bool(value.isfinite())
            before.update({name: leaf.detach().clone() for name, leaf in self.policy.named_parameters()})
        return check(self, what, value, batch, *of)

    check = DeepHAM.check_finite
    monkeypatch.setattr(gradients, "policy_loss", steep)
    monkeypatch.setattr(DeepHAM, "check_finite", remember)
    modules, begin = [], DeepHAM.on_fit_start
    monkeypatch.setattr(DeepHAM, "on_fit_start", lambda self: modules.append(self) or begin(self))
    with pytest.raises(TrainingDiverged, match="the policy gradient is not a number in step 1 of outer iteration 1"):
        train()
    for name, leaf in modules[-1].policy.named_parameters():
        assert torch.equal(leaf, before[name]), name


def test_a_last_step_that_ruins_the_weights_is_found_before_they_are_kept(train, monkeypatch, tmp_path):
    def ruin(self, rate):
        if self.current_epoch == 1 and self.updates == 2 * STEPS:
            with torch.no_grad():
                self.policy_average.mlp[0].weight[0, 0] = BAD

    monkeypatch.setattr(DeepHAM, "update_averages", ruin)
    with pytest.raises(TrainingDiverged, match="the weight policy_average.mlp.0.weight is not a number in step 4"):
        train()
    assert read_checkpoint(tmp_path / "run/last.ckpt")["epoch"] == 0


@pytest.mark.parametrize(
    "multiple, found",
    [
        (6.0, "mean k of an economy is .*outside of 0.005 to 5 times the typical"),
        (0.001, "mean k of an economy is"),
        (0.0, "mean k of an economy is 0,"),
    ],
)
def test_a_policy_that_has_run_away_is_named_and_not_learnt_from(train, monkeypatch, multiple, found):
    def run_away(self, panel):
        K = self.economy.typical_state()["K"]
        return Panel(panel.population.with_assets(torch.full_like(panel.population.k, multiple * K)), panel.z)

    monkeypatch.setattr(PanelStream, "_before_a_batch", run_away)
    steps = []
    honest = DeepHAM.training_step
    monkeypatch.setattr(
        DeepHAM,
        "training_step",
        lambda self, batch, batch_idx: steps.append(batch_idx) or honest(self, batch, batch_idx),
    )
    with pytest.raises(TrainingDiverged, match=f"the policy has run away: {found}"):
        train(callbacks=[Guard(every=1)])
    assert steps == []


def looked_at(economy: Economy, k, weight=None, least=0.0):
    k = torch.as_tensor(k, dtype=torch.float32)
    weight = torch.full_like(k, 1 / k.shape[1]) if weight is None else torch.as_tensor(weight, dtype=torch.float32)
    population = Population(k, torch.zeros_like(k, dtype=torch.long), weight)
    return Guard(least=least)._ran_away(economy, Panel(population, torch.zeros(len(k), 1, dtype=torch.long)))


def test_all_agents_of_one_economy_at_the_limit(ks98):
    free = [30.0, 40.0]
    assert "all agents of an economy are at the borrowing limit" in looked_at(ks98, [free, [0.0, 1e-4]])
    assert looked_at(ks98, [free, [0.0, 1.0]]) is None
    # in the continuum nodes that nobody holds do not count
    assert "borrowing limit" in looked_at(ks98, [[0.0, 50.0]], [[1.0, 0.0]])
    assert looked_at(ks98, [[0.0, 50.0]], [[0.9, 0.1]]) is None


def test_one_economy_that_has_run_away_is_enough(ks98):
    K = ks98.typical_state()["K"]
    for other, multiple in ((0.001, 0.001), (6.0, 6.0)):
        assert f"is {multiple * K:.4g}, outside" in looked_at(ks98, [[K, K], [other * K, other * K]], least=0.005)
    assert looked_at(ks98, [[K, K], [0.01 * K, 0.01 * K]], least=0.005) is None


@pytest.mark.parametrize(
    "options, says",
    [
        ({"least": -1.0}, "least"),
        ({"most": "big"}, "most"),
        ({"every": 0}, "every"),
        ({"least": 3.0, "most": 2.0}, "range"),
    ],
)
def test_a_guard_that_cannot_guard_is_refused(options, says):
    with pytest.raises(InputError, match=says):
        Guard(**options)
