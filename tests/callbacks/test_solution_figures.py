"""When figures are drawn while a run trains, for whom, and that what is trained stays as it is."""

from types import SimpleNamespace

import pytest
import torch

from deepham.callbacks.solution_figures import SolutionFigures
from deepham.errors import InputError


class Taker:
    def __init__(self):
        self.taken = []

    def log_figure(self, name, figure, step):
        self.taken.append((name, step))


def drawn(callback, economy, panel, policy, iterations, *others):
    taker = Taker()
    module = SimpleNamespace(economy=economy, policy_average=policy)
    for epoch in range(iterations):
        callback.on_train_epoch_end(
            SimpleNamespace(datamodule=SimpleNamespace(panel=panel), loggers=[*others, taker], current_epoch=epoch),
            module,
        )
    return taker.taken


def test_figures_come_every_few_outer_iterations_to_the_loggers_that_take_them(ks98, ks98_panel, random_networks):
    policy = random_networks(ks98)[0].float()
    before = [leaf.clone() for leaf in policy.parameters()]
    single = ks98.to(dtype=torch.float32)
    taken = drawn(SolutionFigures(2), single, ks98_panel, policy, 5, object())
    assert taken == [(name, step) for step in (2, 4) for name in ("solution/wealth", "solution/policy")]
    # a policy in another precision is not equal
    assert all(torch.equal(*pair) for pair in zip(before, policy.parameters()))
    assert single.z_level.dtype is torch.float32
    assert drawn(SolutionFigures(0), single, ks98_panel, policy, 5) == []


@pytest.mark.parametrize("every", [-1, "x", 1.5])
def test_bad_arguments_are_refused(every):
    with pytest.raises(InputError, match="figure_every: expected a whole number"):
        SolutionFigures(every)
