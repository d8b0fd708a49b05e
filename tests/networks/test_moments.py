"""Generalized moments: known answers first, then what they learn from and where they are kept."""

from dataclasses import asdict, replace

import pytest
import torch

from deepham.errors import InputError
from deepham.networks.full_state import ordered_wealth
from deepham.networks.inputs import Inputs
from deepham.networks.moments import GeneralizedMoments
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.solution.loading import load
from deepham.solution.solution import Solution

SETTINGS = NetworkSettings(
    "test",
    width=6,
    depth=2,
    activation="tanh",
    base="frictionless",
    aggregate_scale=10.0,
    ensemble=1,
    aggregates=False,
    moments=1,
    moment_width=5,
)


@pytest.fixture
def learned(ks98):
    """learned(count, with_mean) are moments in float64 whose every weight is drawn."""

    def make(count=1, with_mean=True, seed=0, with_shock=False):
        generator = torch.Generator().manual_seed(seed)
        moments = GeneralizedMoments(ks98, count, with_mean, with_shock, 5, 2, "tanh", generator).double()
        with torch.no_grad():
            for parameter in moments.parameters():
                parameter.normal_(generator=generator)
        return moments

    return make


@pytest.fixture
def networks():
    """networks(economy, **settings) are a policy and a value network in float64 whose every weight is drawn."""

    def make(economy, **changes):
        base = "frictionless" if economy.frictionless() else "typical"
        settings = replace(SETTINGS, **{"moment_states": [economy.asset], "base": base} | changes)
        built = [network.double() for network in build_networks(economy, settings, seed=0)]
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for network in built:
                for parameter in network.parameters():
                    parameter.normal_(generator=generator)
        return built

    return make


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_untrained_a_moment_is_mean_wealth_and_the_inputs_are_those_of_the_first_moment(ks98, ks98_panel, dtype):
    economy = ks98.to(dtype=dtype)
    k = ks98_panel.population.k.to(dtype)
    seen = World(economy).observe(Panel(Population.panel(k, ks98_panel.population.eps), ks98_panel.z))
    moments = GeneralizedMoments(economy, 1, True, False, 5, 2, "tanh", torch.Generator().manual_seed(0)).to(dtype)
    assert torch.equal(moments.basis(k, seen.eps)[..., 0], k)
    learned, first = Inputs(economy, 10.0, aggregates=False, moments=moments), Inputs(economy, 10.0)
    assert all(torch.equal(one, other) for one, other in zip(learned(seen), first(seen), strict=True))


@pytest.mark.parametrize("with_shock", [False, True])
def test_a_basis_has_the_mean_and_slope_of_wealth_among_the_reference_households(learned, with_shock):
    moments = learned(count=3, with_shock=with_shock)
    k, weight = moments.nodes, moments.weight / moments.weight.sum()
    q = moments.basis(k, moments.shock)
    distance = k - weight @ k
    slope = (weight * distance) @ q / (weight @ distance**2)
    assert q[:, 0].sub(k).abs().max() > 1  # goods: it is bent
    torch.testing.assert_close(weight @ q, torch.stack([weight @ k, *2 * [k.new_zeros(())]]), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(slope, slope.new_tensor([1.0, 0.0, 0.0]), rtol=1e-10, atol=1e-10)


def test_adding_a_straight_line_to_the_basis_network_changes_nothing(learned, ks98_panel, monkeypatch):
    moments = learned(count=2)
    before, raw = moments(ks98_panel.population), moments._raw
    monkeypatch.setattr(moments, "_raw", lambda k, eps: raw(k, eps) + 3 - 0.2 * k[..., None])
    torch.testing.assert_close(moments(ks98_panel.population), before, rtol=0, atol=1e-12)


def test_a_moment_is_the_weighted_sum_of_its_basis(learned, ks98_panel, ks98):
    moments, population = learned(count=2), ks98_panel.population
    q = moments.basis(population.k, population.eps).detach()
    found = moments(population).detach()
    assert found.shape == (2, 2)
    for b in range(2):
        for j, linear in enumerate((1.0, 0.0)):
            plain = sum(float(w) * float(value) for w, value in zip(population.weight[b], q[b, :, j]))
            assert float(found[b, j]) == pytest.approx(plain / ks98.steady_state()["K"] - linear, rel=1e-12)


def test_a_moment_of_wealth_and_shock_sees_who_is_unemployed(learned, ks98_panel):
    """Two cross-sections of the same wealth, another one out of work."""
    population = ks98_panel.population
    swapped = Population(population.k, population.eps.flip(1), population.weight)
    for with_shock in (False, True):
        moments = learned(with_shock=with_shock)
        assert torch.equal(moments(population), moments(swapped)) is not with_shock


def test_order_and_splitting_of_households_change_nothing(ks98, ks98_panel, networks, seeded):
    population, z = ks98_panel.population, ks98_panel.z
    order = torch.randperm(50, generator=seeded(3))
    reordered = Population(*(getattr(population, name)[:, order] for name in ("k", "eps", "weight")))
    halves = Population(*(torch.cat([x, x], 1) for x in (population.k, population.eps, population.weight / 2)))
    for network in [*networks(ks98), *networks(ks98, moments=0, quantiles=50)]:
        known = network(World(ks98).observe(Panel(population, z)))
        for other in (reordered, halves):
            seen = World(ks98).observe(Panel(other, z), k=population.k, eps=population.eps)
            torch.testing.assert_close(network(seen), known, rtol=1e-12, atol=1e-12)


def test_networks_answer_to_a_redistribution_that_leaves_mean_wealth_alone(ks98, ks98_panel, networks):
    population, z = ks98_panel.population, ks98_panel.z
    equal = population.with_assets((population.k + population.k.mean(1, keepdim=True)) / 2)
    for settings, answers in (
        ({}, True),
        ({"moments": 0, "aggregates": True}, False),
        ({"aggregates": True}, True),
        ({"moments": 0, "quantiles": 8}, True),
    ):
        for network in networks(ks98, **settings):
            before, after = (network(World(ks98).observe(Panel(p, z), k=population.k)) for p in (population, equal))
            assert bool(((after - before).abs() > 1e-9).any()) == answers  # who consumes everything cannot answer


def test_the_policy_teaches_its_moments_and_no_household_counts_on_moving_them(ks98, ks98_panel, networks):
    policy, _ = networks(ks98)
    k = ks98_panel.population.k.clone().requires_grad_(True)
    bystanders = torch.full((2, 50), 40.0, dtype=torch.float64)
    seen = World(ks98).observe(Panel(ks98_panel.population.with_assets(k), ks98_panel.z), bystanders)
    consumption = policy(seen).sum()
    assert not torch.autograd.grad(consumption, k, allow_unused=True, retain_graph=True)[0]
    gradients = torch.autograd.grad(consumption, list(policy.inputs.moments.parameters()))
    assert all(float(g.abs().max()) > 1e-6 for g in gradients)


@pytest.mark.parametrize("K", [1e-8, 1e6])
def test_networks_with_moments_stay_finite_and_admissible_in_extreme_populations(economy, networks, K):
    economy = economy.to(dtype=torch.float32)
    k = K * torch.tensor([[0.1, 1.0, 3.0]])
    population, z = Population.panel(k, torch.zeros(1, 3, dtype=torch.long)), economy.chain.typical_z()[:1]
    fault = economy.fault(z, economy.aggregates(population, z))
    if fault:  # an economy that says itself that there is none such: its reason stands in the log
        pytest.skip(fault)
    seen = World(economy).before(Panel(population, z))
    for settings in ({"moments": 2}, {"moments": 0, "quantiles": 3}):
        policy, value = [network.float() for network in networks(economy, **settings)]
        consumption = policy(seen)
        assert bool((consumption > 0).all() and (consumption <= economy.spendable(seen)).all())
        assert bool(torch.isfinite(value(seen)).all())


def test_shared_moments_are_one_and_separate_ones_are_two(ks98):
    policy, value = build_networks(ks98, replace(SETTINGS, moments_shared=True), seed=0)
    assert policy.inputs.moments is value.inputs.moments
    policy, value = build_networks(ks98, SETTINGS, seed=0)
    first, second = (network.inputs.moments.networks[0][0].weight for network in (policy, value))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("changes", [{}, {"moments": 2, "moments_shared": True}, {"moments": 0, "quantiles": 6}])
def test_a_solution_is_saved_and_loaded_bit_for_bit(ks98, networks, tmp_path, changes):
    policy, value = networks(ks98, **changes)
    grid = wealth_grid(ks98, 40, 8.0)
    population = Population.panel(torch.full((2, 4), 40.0, dtype=torch.float64), torch.tensor([[0, 1, 1, 1]] * 2))
    mass = on_grid(grid, population, 2).weight
    saved = Solution("ks98", ks98.parameters(), asdict(replace(SETTINGS, **changes)), policy, value, grid, mass)
    loaded = load(saved.save(tmp_path / "solution"))
    assert loaded.network == saved.network
    household = {"k": [0.0, 20.0, 300.0], "eps": "employed", "z": "bad"}
    assert (loaded.consumption(**household) == saved.consumption(**household)).all()
    assert (loaded.value(**household) == saved.value(**household)).all()


def test_points_of_a_panel_of_that_size_are_everybodys_wealth_in_order_and_exist_in_the_continuum(ks98):
    k = torch.tensor([[5.0, 1.0, 3.0, 1.0]], dtype=torch.float64)
    panel = Population.panel(k, torch.zeros(1, 4, dtype=torch.long))
    assert ordered_wealth(panel, 4).tolist() == [[1.0, 1.0, 3.0, 5.0]]
    assert ordered_wealth(panel, 2).tolist() == [[1.0, 3.0]]
    histogram = Population(
        torch.tensor([[0.0, 10.0, 20.0]]), torch.zeros(1, 3, dtype=torch.long), torch.tensor([[0.25, 0.55, 0.2]])
    )
    assert ordered_wealth(histogram, 5).tolist() == [[0.0, 10.0, 10.0, 10.0, 20.0]]


@pytest.mark.parametrize(
    "changes, named",
    [
        ({"moments": -1}, "network.moments"),
        ({"moments": 1, "moment_width": 0}, "network.moment_width"),
        ({"moment_states": ["age"]}, "network.moment_states: .* the states k and eps"),
        ({"quantiles": -3}, "network.quantiles"),
        ({"moments": 0}, "network.aggregates: .* do not see the population"),
        ({"moments": 0, "aggregates": True, "moments_shared": True}, "network.moments_shared: .* no moments to share"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(ks98, changes, named):
    with pytest.raises(InputError, match=named) as refused:
        build_networks(ks98, replace(SETTINGS, **changes), seed=0)
    assert "\n" not in str(refused.value)
