"""What a GPU needs of training, as far as a CPU can show it: nothing waits for the device, and graphs change no number.

Tests marked gpu run where there is one.
"""

import math

import lightning
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from walking import simulate

from deepham.algorithm.gradients import update_gradients
from deepham.callbacks.guard import Guard
from deepham.callbacks.history import History
from deepham.commands.conclusion import conclude
from deepham.errors import TrainingDiverged
from deepham.runs.folders import RunFolders
from deepham.simulation import capture
from deepham.simulation.capture import Captured
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import initial_panel
from deepham.training.fit import fit
from deepham.training.module import DeepHAM
from deepham.training.stream import PanelStream

STEPS = 14  # SOAP computes its eigenbases anew in the tenth after its first
# what makes the host wait for a device: a number that is read, and shapes that depend on numbers
WAITING = {
    "aten::_local_scalar_dense",
    "aten::nonzero",
    "aten::masked_select",
    "aten::unique_dim",
    "aten::_unique2",
    "aten::equal",
}


class Watch(TorchDispatchMode):
    """Names of the operations that would wait."""

    def __init__(self):
        super().__init__()
        self.waited, self.seen = [], 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        self.seen += 1
        masks = function.name().startswith("aten::index") and any(
            leaf.dtype in (torch.bool, torch.uint8)
            for leaf in tree_leaves(arguments[1])
            if isinstance(leaf, torch.Tensor)
        )
        if function.name() in WAITING or masks:
            self.waited.append(function.name())
        return function(*arguments, **(options or {}))


class Inside(lightning.Callback):
    """Enters a context at the end of the first batch of an outer iteration, and leaves it at the start of the last."""

    def __init__(self, context):
        self.context, self.entered = context, False

    def on_train_batch_start(self, trainer, module, batch, batch_idx):
        if batch_idx == trainer.num_training_batches - 1:
            self._leave()

    def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
        if batch_idx == 0:
            self.context.__enter__()
            self.entered = True

    def on_exception(self, trainer, module, exception):
        self._leave()

    def _leave(self):
        if self.entered:
            self.entered = False
            self.context.__exit__(None, None, None)


def as_on_a_gpu(monkeypatch):
    begin = DeepHAM.on_fit_start
    monkeypatch.setattr(DeepHAM, "on_fit_start", lambda self: begin(self) or setattr(self, "at_once", False))


# not torch's Adam: it reads its step counter, which lies on the CPU also where the weights do not
KINDS = {
    "default": [],
    "long horizon": ["algorithm.horizon=3"],
    "drawn": ["algorithm.horizon=2", "algorithm.expectation=drawn"],
    "continuum": ["algorithm.agents=null", "algorithm.nodes=20"],
    "moments": ["network=generalized_moments"],
    "full state": ["network=full_state", "network.quantiles=5"],
    "rare event": ["model=rare_event", "algorithm.agents=200"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_host_never_waits_inside_an_outer_iteration(settings, monkeypatch, kind):
    as_on_a_gpu(monkeypatch)
    watch = Watch()
    chosen = settings("algorithm.outer_iterations=1", f"algorithm.policy_steps={STEPS}", *KINDS[kind])
    fit(chosen, [Inside(watch), Guard(), History(None)], [])
    assert watch.waited == [] and watch.seen > 100 * STEPS


class OnTheHost(TorchDispatchMode):
    """Names of the operations that something on the CPU goes into."""

    def __init__(self):
        super().__init__()
        self.found, self.seen = [], 0

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        self.seen += 1
        if any(
            leaf.device.type == "cpu" for leaf in tree_leaves((arguments, options)) if isinstance(leaf, torch.Tensor)
        ):
            self.found.append(function.name())
        return function(*arguments, **(options or {}))


@pytest.mark.parametrize("kind", ["default", "drawn", "moments", "full state", "rare event"])
def test_an_update_takes_nothing_from_the_host(settings, monkeypatch, kind):
    """On the meta device, which computes nothing and yet knows where everything lies: a graph cannot copy from the
    host."""
    rand = torch.rand
    monkeypatch.setattr(torch, "rand", lambda *shape, generator=None, **options: rand(*shape, **options))
    module = DeepHAM(**settings(*KINDS[kind]).hyperparameters())
    panel = initial_panel(module.economy, 2, 40, torch.Generator())
    panel, economy = Panel.of(*(tensor.to("meta") for tensor in panel.tensors())), module.economy.to(device="meta")
    typical = module.own.typical
    module.to("meta")
    with OnTheHost() as watch:
        update_gradients(World(economy, module.policy, module.value), panel, module.settings, None, typical)
        list(simulate(World(economy, module.policy), panel, 2, None))
    assert watch.found == [] and watch.seen > 300
    with OnTheHost() as watch:
        panel.z + torch.tensor(1)
    assert watch.found


def test_the_watch_sees_what_waits():
    x = torch.rand(4)
    with Watch() as watch:
        float(x.sum()), x[x > 0.5], x.nonzero(), x[torch.tensor([0])]
    assert len(watch.waited) == 3


def test_a_number_that_is_none_is_found_at_the_end_of_the_outer_iteration(settings, monkeypatch):
    as_on_a_gpu(monkeypatch)
    check = DeepHAM.check_finite

    def fault(self, what, value, *rest):
        at = self.trainer.fit_loop.epoch_loop.batch_idx
        check(self, what, torch.tensor(float("nan")) if at >= 2 and what == "the value loss" else value, *rest)

    monkeypatch.setattr(DeepHAM, "check_finite", fault)
    with pytest.raises(TrainingDiverged, match="the value loss is not a number in step 3 of outer iteration 1"):
        fit(settings("algorithm.outer_iterations=2", f"algorithm.policy_steps={STEPS}"), [], [])


@pytest.mark.parametrize("on_a_gpu", [False, True])
def test_a_policy_that_runs_away_is_found_before_it_is_kept(settings, monkeypatch, tmp_path, on_a_gpu):
    """In the middle of the second outer iteration; training goes back to the first and ends well."""
    if on_a_gpu:
        as_on_a_gpu(monkeypatch)
    honest = PanelStream._before_a_batch

    def runs_away(self, panel):
        self.batches = getattr(self, "batches", 0) + 1
        moved = honest(self, panel)
        if self.batches == STEPS + 3 and not runs_away.once:
            runs_away.once = True
            return Panel(moved.population.with_assets(100 * moved.population.k), moved.z)
        return moved

    runs_away.once = False
    monkeypatch.setattr(PanelStream, "_before_a_batch", runs_away)
    folders = RunFolders("r", tmp_path, tmp_path)
    chosen = settings("algorithm.outer_iterations=3", f"algorithm.policy_steps={STEPS}")
    module, _ = fit(chosen, [Guard(every=STEPS)], [], folders)
    assert runs_away.once and module.retreats == 1 and module.updates == 3 * STEPS


def stand_in(call, generator):
    """Records as CUDA does: the numbers come when it is replayed, into the same tensors."""
    result = call()

    def replay():
        tree_map(
            lambda kept, new: kept.copy_(new) if isinstance(kept, torch.Tensor) else None,
            leaves(result),
            leaves(call()),
        )

    return result, replay


def leaves(result):
    """Tensors of panels and descents, which are no lists."""
    if isinstance(result, list):
        return [leaves(item) for item in result]
    if hasattr(result, "tensors"):
        return list(result.tensors())
    return [result.loss, result.weight, *result.gradient]


def test_a_captured_simulation_is_the_simulation(ks98, random_networks):
    policy, _ = random_networks(ks98)
    paths = []
    for capture_it in (False, True):
        generator = torch.Generator().manual_seed(3)
        panel = initial_panel(ks98, 2, 5, generator)

        def once(panel):
            return list(simulate(World(ks98, policy), panel, 2, generator))[-1]

        move = Captured(once, generator, stand_in) if capture_it else once
        path = []
        for _ in range(4):
            panel = move(panel)
            path.append([tensor.clone() for tensor in panel.tensors()])
        paths.append(path)
    assert all(torch.equal(one, other) for before, after in zip(*paths) for one, other in zip(before, after))


@pytest.mark.parametrize("kind", ["default", "drawn", "continuum", "moments"])
def test_training_by_graphs_is_training(settings, monkeypatch, kind):
    weights = []
    for graphs in (False, True):
        chosen = settings("algorithm.outer_iterations=2", "algorithm.policy_steps=4", *KINDS[kind])
        if graphs:
            monkeypatch.setattr(capture, "_record", stand_in)
            chosen.trainer.cuda_graphs = True
        history = History(None)
        module, _ = fit(chosen, [history], [])
        weights.append([*module.parameters(), torch.tensor([list(row.values())[1:3] for row in history.rows])])
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))


class Strict:
    """PyTorch's own watch on a GPU: whatever waits raises."""

    def __enter__(self):
        torch.cuda.set_sync_debug_mode("error")

    def __exit__(self, *_):
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
def test_on_a_gpu_graphs_change_no_number_and_nothing_waits(settings):
    weights = []
    for graphs in ("false", "true"):
        chosen = settings(
            "algorithm.outer_iterations=1",
            f"algorithm.policy_steps={STEPS}",
            "trainer.gpus=1",
            f"trainer.cuda_graphs={graphs}",
        )
        module, _ = fit(chosen, [Inside(Strict()), Guard()], [])
        weights.append([parameter.cpu() for parameter in module.parameters()])
    for one, other in zip(*weights, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


OTHERS = {
    "aggregate state": ["experiment=jfv", "algorithm.nodes=20"],
    "planner": ["experiment=davila12_planner", "algorithm.agents=100"],
    "published": ["algorithm=deepham_paper", "algorithm.value_steps=3", "algorithm.horizon=2"],
}


@pytest.mark.gpu
@pytest.mark.parametrize("graphs", [False, True])
@pytest.mark.parametrize("kind", [*KINDS, *OTHERS])
def test_every_kind_is_trained_and_measured_on_a_gpu(settings, kind, graphs):
    verdict = ["verdict.nodes=30", "verdict.burn_in=2", "verdict.periods=4", "verdict.dates=2"]
    chosen = settings("trainer.gpus=1", f"trainer.cuda_graphs={graphs}", *verdict, *(KINDS | OTHERS)[kind])
    module, data = fit(chosen, [Guard(), History(None)], [])
    measures = conclude(chosen, module, data, None).measures
    assert measures["euler.mean"] > 0 and all(map(math.isfinite, measures.values()))


@pytest.mark.gpu
def test_a_run_on_a_gpu_goes_on_exactly(settings, tmp_path):
    given = ["trainer.gpus=1", "trainer.deterministic=true", "algorithm.outer_iterations=2"]
    whole, _ = fit(settings(*given), [], [])
    folders = RunFolders("r", tmp_path, tmp_path)
    with pytest.raises(Stopped):
        fit(settings(*given), [StopsInTheSecond()], [], folders)
    resumed, _ = fit(settings(*given), [], [], folders, folders.last)
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), resumed.parameters(), strict=True))


class Stopped(Exception):
    pass


class StopsInTheSecond(lightning.Callback):
    """Raises at the start of the second outer iteration."""

    def on_train_epoch_start(self, trainer, module):
        if trainer.current_epoch == 1:
            raise Stopped
