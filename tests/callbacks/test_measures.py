"""What the callbacks report after an outer iteration, against the panel that they look at."""

import pytest
import torch

from deepham.callbacks.aggregates import Aggregates
from deepham.callbacks.asset_distribution import AssetDistribution
from deepham.callbacks.bellman_errors import BellmanErrors
from deepham.callbacks.early_stop import EarlyStop
from deepham.errors import InputError
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.training.roles import Measures


def after_an_epoch(callback, economy, panel, policy=None, value=None) -> dict[str, float]:
    assert isinstance(callback, Measures)
    return callback.take_measures(World(economy, policy, value), panel)


def test_the_distribution_is_that_of_all_simulated_households(ks98):
    k = torch.tensor([[0.0, 10.0], [20.0, 50.0]], dtype=torch.float64)
    panel = Panel(Population.panel(k, torch.ones(2, 2, dtype=torch.long)), torch.tensor([[0], [1]]))
    measures = after_an_epoch(AssetDistribution(), ks98, panel)
    assert measures["distribution/mean"] == pytest.approx(20)
    assert measures["distribution/sd"] == pytest.approx(350**0.5)
    assert measures["distribution/constrained"] == pytest.approx(0.25)
    assert measures["distribution/gini"] == pytest.approx(320 / (2 * 16 * 20))  # sum of |k_i - k_j| over 2 n^2 mean
    assert (measures["distribution/q10"], measures["distribution/q90"]) == (0, 50)


def test_the_aggregates_are_means_over_the_economies_under_the_averaged_policy(ks98, ks98_panel, plain):
    measures = after_an_epoch(Aggregates(), ks98, ks98_panel, policy=lambda seen: 0.05 * seen.resources)
    K = ks98_panel.population.k.mean(1).tolist()
    assert measures["aggregates/mean_K"] == pytest.approx(sum(K) / 2)
    assert measures["aggregates/sd_K"] == pytest.approx(abs(K[0] - K[1]) / 2**0.5)
    output = [plain.z[z] * K[z] ** plain.alpha * plain.labour(z) ** (1 - plain.alpha) for z in (0, 1)]
    assert measures["aggregates/mean_Y"] == pytest.approx(sum(output) / 2)
    spent = [
        0.05 * plain.resources(k, int(eps), z, K[z])
        for z in (0, 1)
        for k, eps in zip(ks98_panel.population.k[z].tolist(), ks98_panel.population.eps[z])
    ]
    assert measures["aggregates/mean_C"] == pytest.approx(sum(spent) / 100)
    assert measures["aggregates/mean_r"] == pytest.approx(50 * sum(plain.gross_return(K[z], z) - 1 for z in (0, 1)))


def test_a_single_economy_has_no_standard_deviation_of_capital(bm, bm_panel, closed_form):
    measures = after_an_epoch(Aggregates(), bm, bm_panel.select(slice(0, 1)), policy=closed_form.policy)
    assert "aggregates/sd_K" not in measures and measures["aggregates/mean_K"] > 0


def test_the_errors_of_the_closed_form_are_zero_and_those_of_another_policy_are_not(bm, bm_panel, closed_form):
    exact = after_an_epoch(BellmanErrors(), bm, bm_panel, closed_form.policy, closed_form.value)
    assert exact["errors/euler.max"] < 1e-9 and exact["errors/bellman_policy.max"] < 1e-9
    wrong = after_an_epoch(
        BellmanErrors(), bm, bm_panel, lambda seen: 1.1 * closed_form.policy(seen), closed_form.value
    )
    assert wrong["errors/euler.mean"] > 0.1 and wrong["errors/bellman_policy.mean"] > 1e-4


def test_only_as_many_economies_as_asked_are_looked_at(bm, bm_panel, closed_form):
    def policy(seen):
        wrong_in_the_last = 1 + 0.5 * (seen.population.k == bm_panel.population.k[3]).all(1, keepdim=True)
        return wrong_in_the_last * closed_form.policy(seen)

    assert after_an_epoch(BellmanErrors(3), bm, bm_panel, policy, closed_form.value)["errors/euler.max"] < 1e-9
    assert after_an_epoch(BellmanErrors(4), bm, bm_panel, policy, closed_form.value)["errors/euler.max"] > 1


@pytest.mark.parametrize("build", [lambda: AssetDistribution(-1), lambda: BellmanErrors(0), lambda: BellmanErrors("x")])
def test_bad_arguments_are_refused(build):
    with pytest.raises(InputError, match="expected a whole number"):
        build()


def test_a_callback_that_names_a_measure_takes_none():
    assert not isinstance(EarlyStop(), Measures)  # its `measure` is the name of one
