"""The two losses and the weights of agents in them."""

from dataclasses import replace

import pytest
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from deepham import economics
from deepham.algorithm.losses import agent_weights, policy_loss, value_loss
from deepham.simulation.period import Panel, World


@pytest.fixture
def seen(ks98, ks98_panel):
    return World(ks98).observe(ks98_panel)


@pytest.fixture
def targets(seen, seeded):
    """Targets of level and slope, and weights."""
    weight = torch.rand((2, 50), generator=seeded(), dtype=torch.float64)
    return 100 * torch.log(0.06 * seen.resources), 1 / (0.06 * seen.resources), weight


def slow_value_loss(value, seen, target, marginal, weight, level_weight):
    """Level in units of consumption (log utility: u'(c) c = 1); slope by central differences."""
    level = (0.01 * (value.members(seen) - target)) ** 2
    slope = torch.zeros(2, 50, dtype=torch.float64)
    if marginal is not None:
        step = 1e-4 * seen.resources
        up, down = [value(replace(seen, resources=seen.resources + sign * step)) for sign in (1, -1)]
        slope = ((up - down) / (2 * step) / marginal - 1) ** 2
    return (weight * (level_weight * level.mean(0) + slope)).mean()


@pytest.mark.parametrize("ensemble", [1, 3])
@pytest.mark.parametrize("level_weight, slopes", [(0.0, True), (1.0, True), (7.0, True), (1.0, False), (7.0, False)])
def test_value_loss_and_its_gradient_equal_finite_differences(
    ks98, seen, targets, random_networks, seeded, level_weight, slopes, ensemble
):
    _, value = random_networks(ks98, ensemble=ensemble)
    level, marginal, weight = targets
    arguments = seen, level, marginal if slopes else None, weight, level_weight
    loss = value_loss(value, *arguments)
    torch.testing.assert_close(loss, slow_value_loss(value, *arguments), rtol=1e-5, atol=0)

    gradient = torch.autograd.grad(loss, list(value.parameters()), materialize_grads=True)
    start = parameters_to_vector(value.parameters()).detach()
    direction = torch.randn(start.shape, generator=seeded(1), dtype=torch.float64)
    ends = []
    for sign in (1, -1):
        vector_to_parameters(start + sign * 1e-6 * direction, value.parameters())
        ends.append(float(value_loss(value, *arguments).detach()))
    slope = float((parameters_to_vector(gradient) @ direction).detach())
    assert slope == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)


def test_the_exact_value_function_has_no_loss_and_a_wrong_one_the_known_loss(bm, bm_panel, closed_form):
    seen = World(bm).observe(bm_panel)
    target, marginal = closed_form.value(seen), 1 / closed_form.policy(seen)
    weight = torch.ones(4, 7, dtype=torch.float64)

    def loss(level, slope, level_weight):
        return float(value_loss(closed_form, seen, level, slope, weight, level_weight).detach())

    assert loss(target, marginal, 1.0) < 1e-24
    assert loss(target + 0.01 / 0.05, marginal, 2.0) == pytest.approx(2 * 0.01**2, rel=1e-9)
    assert loss(target, marginal / 1.03, 2.0) == pytest.approx(0.03**2, rel=1e-9)


def test_level_error_is_a_share_of_consumption_at_any_risk_aversion(random_networks, seen):
    economy = economics.create("ks98", sigma=3.0)
    _, value = random_networks(economy)
    c = economy.steady_state()["c"]
    error = 0.01 * c * c**-3 / (1 - economy.beta)  # utils of one percent of steady-state consumption for ever
    loss = value_loss(value, seen, value(seen).detach() + error, None, torch.ones(2, 50).double(), 1.0)
    assert float(loss.detach()) == pytest.approx(0.01**2, rel=1e-9)


def test_policy_loss_is_minus_the_weighted_mean(targets):
    utility, _, weight = targets
    expected = -sum(w * u for w, u in zip(weight.flatten().tolist(), utility.flatten().tolist())) / 100
    assert float(policy_loss(utility, weight)) == pytest.approx(expected, rel=1e-12)


def test_agents_weigh_the_same_unless_told_otherwise(ks98, seen):
    assert torch.equal(
        agent_weights(ks98.typical_household(), seen, rich=0.0, poor=0.0), torch.ones(2, 50, dtype=torch.float64)
    )


def test_the_points_of_a_histogram_count_by_their_mass(ks98, seen, seeded):
    mass = torch.rand((2, 50), generator=seeded(3), dtype=torch.float64)
    plain, weighed = (agent_weights(ks98.typical_household(), seen, 1.0, 0.3, each) for each in (None, mass))
    torch.testing.assert_close(weighed / plain, mass, rtol=1e-12, atol=0)


@pytest.mark.parametrize("rich, poor", [(1.0, 0.0), (0.0, 0.3), (2.0, 0.5)])
def test_weights_grow_towards_both_ends(ks98, ks98_panel, rich, poor):
    state = ks98.steady_state()
    k = torch.tensor([[0.0, 5.0, 0.5 * state["K"], 2 * state["K"], 3 * state["K"], 100 * state["K"]]]).double()
    eps = torch.tensor([[0, 1, 1, 1, 1, 1]])  # who has neither assets nor work would weigh sixty times as much
    seen = World(ks98).observe(Panel(ks98_panel.population.select(slice(1)), torch.tensor([[0]])), k=k, eps=eps)
    weight = agent_weights(ks98.typical_household(), seen, rich, poor)
    terms = [
        1 + rich * min((own / state["K"]) ** 2, 9) + poor * min((state["c"] / m) ** 2, 9)
        for own, m in zip(k[0].tolist(), seen.resources[0].tolist())
    ]
    torch.testing.assert_close(weight[0], torch.tensor(terms).double(), rtol=1e-6, atol=0)
