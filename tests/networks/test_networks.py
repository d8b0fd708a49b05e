"""The policy and value networks."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from deepham import economics
from deepham.errors import InputError
from deepham.networks.carried_over import carry_over
from deepham.networks.inputs import Inputs
from deepham.networks.mlp import Tanh
from deepham.networks.policy import MOST, Capped
from deepham.networks.settings import BASES, NetworkSettings, build_networks
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

WEALTH = torch.tensor([1e-8, 1e-4, 0.1, 3.0, 40.0, 1e3, 1e6], dtype=torch.float64)
SETTINGS = {
    "name": "test",
    "width": 8,
    "depth": 2,
    "activation": "tanh",
    "base": "frictionless",
    "aggregate_scale": 10.0,
    "ensemble": 1,
}


def untrained(economy, **changes):
    return [network.double() for network in build_networks(economy, NetworkSettings(**SETTINGS | changes), seed=0)]


def households(economy, z, population=None):
    """Every wealth with every individual state, as a population or beside one."""
    n_eps = economy.chain.n_eps
    k = WEALTH.repeat(n_eps)[None]
    eps = torch.arange(n_eps).repeat_interleave(len(WEALTH))[None]
    return World(economy).before(
        Panel(population or Population.panel(k, eps), economy.chain.typical_z()[[z]]), k=k, eps=eps
    )


@pytest.fixture
def usual(economy, seeded):
    k = economy.initial_assets((1, 30), seeded())
    return Population.panel(k, torch.arange(30)[None] % economy.chain.n_eps)


@pytest.mark.parametrize("base", BASES)
def test_consumption_lies_strictly_between_zero_and_what_may_be_spent(economy, random_networks, usual, base):
    if base == "share" and economy.borrowing_limit < 0:
        pytest.skip("refused, see NetworkSettings.check_base")
    if base == "rest" and economy.at_rest() is None:
        pytest.skip("refused: it does not say how it rests")
    for seed, z in product(range(10), range(economy.chain.n_z)):
        policy, _ = random_networks(economy, seed, base)
        for seen in (
            households(economy, z, usual),
            World(economy).before(Panel(usual, economy.chain.typical_z()[[z]])),
        ):
            consumption = policy(seen)
            assert bool((consumption > 0).all())
            assert bool((consumption < economy.spendable(seen)).all())
            saved = economy.carry(economy.complete(consumption, seen), seen)
            assert bool((saved >= economy.borrowing_limit).all())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("K", [1e-8, 1e6])
def test_networks_stay_finite_and_admissible_in_extreme_populations(economy, random_networks, K, dtype):
    economy = economy.to(dtype=dtype)
    policy, value = [network.to(dtype) for network in random_networks(economy)]
    k = K * torch.tensor([[0.1, 1.0, 3.0]], dtype=dtype)
    population, z = Population.panel(k, torch.zeros(1, 3, dtype=torch.long)), economy.chain.typical_z()[:1]
    fault = economy.fault(z, economy.aggregates(population, z))
    if fault:  # an economy that says itself that there is none such: its reason stands in the log
        pytest.skip(fault)
    seen = World(economy).before(Panel(population, z))
    consumption = policy(seen)
    assert consumption.dtype == dtype and bool((consumption > 0).all())
    assert bool((economy.carry(economy.complete(consumption, seen), seen) >= economy.borrowing_limit).all())
    assert bool(torch.isfinite(value(seen)).all())


def test_untrained_policy_is_the_frictionless_rule_as_far_as_resources_go(ks98, ks98_panel):
    policy, _ = untrained(ks98)
    base = ks98.frictionless()
    seen = households(ks98, 1, ks98_panel.population.select(slice(1)))
    for m, c in zip(seen.resources[0].tolist(), policy(seen)[0].tolist()):
        assert c == pytest.approx(min(0.01 * (m + base.human_wealth), MOST * m), rel=1e-12)
    assert c == pytest.approx(0.01 * (m + base.human_wealth), rel=1e-6)  # the last one is rich


def test_the_gradient_leads_out_of_the_constraint_and_not_further_in():
    """Loss (c - wish)^2 with 1 to spend: held there by mistake, held there rightly, and free."""
    wanted = torch.tensor([2.0, 2.0, 0.5], requires_grad=True)
    most = torch.ones(3, requires_grad=True)
    c = Capped.apply(wanted, most)
    assert c.tolist() == [1.0, 1.0, 0.5]
    ((c - torch.tensor([0.6, 3.0, 0.7])) ** 2).sum().backward()
    torch.testing.assert_close(wanted.grad, torch.tensor([0.8, 0.0, -0.4]))
    torch.testing.assert_close(most.grad, torch.tensor([0.8, -4.0, 0.0]))


def test_untrained_value_is_that_of_the_frictionless_rule(ks98, ks98_panel):
    _, value = untrained(ks98, ensemble=3)
    base = ks98.frictionless()
    seen = World(ks98).observe(ks98_panel)
    expected = 100 * torch.log(base.mpc * (seen.resources + base.human_wealth))
    torch.testing.assert_close(value(seen), expected, rtol=1e-12, atol=0)


def test_without_a_base_half_is_consumed_and_the_value_is_that_of_the_steady_state(economy, usual):
    if economy.borrowing_limit < 0:
        pytest.skip("refused, see NetworkSettings.check_base")
    policy, value = untrained(economy, base="share")
    seen = World(economy).before(Panel(usual, economy.chain.typical_z()[-1:]))
    half, everything = economy.spending(0.5, seen)[0]["c"], economy.spendable(seen)
    expected = torch.where(economy.last()[seen.eps], (1 - 1e-6) * everything, half)
    torch.testing.assert_close(policy(seen), expected, rtol=1e-13, atol=0)
    steady = economy.preferences.utility(torch.tensor(economy.typical_state()["c"], dtype=torch.float64))
    torch.testing.assert_close(value(seen), (steady / (1 - economy.beta)).expand(1, 30), rtol=1e-12, atol=0)


def test_value_is_the_mean_of_its_members_around_the_base(ks98, ks98_panel, random_networks):
    _, value = random_networks(ks98, ensemble=3)
    seen = World(ks98).observe(ks98_panel)
    members = value.members(seen)
    assert members.shape == (3, 2, 50) and bool((members.std(0) > 0).all())
    torch.testing.assert_close(value(seen), (members[0] + members[1] + members[2]) / 3, rtol=1e-13, atol=0)
    _, start = untrained(ks98)
    corrections = [value.scale * mlp(*value.inputs(seen)) for mlp in value.mlps]
    torch.testing.assert_close(members - start(seen), torch.stack(corrections), rtol=1e-9, atol=1e-9)


def test_inputs_see_everything_a_household_knows(ks98, ks98_panel):
    inputs = Inputs(ks98, 10.0)
    own, z = ks98_panel.population, ks98_panel.z
    seen = World(ks98).observe(Panel(own, z))

    def fed(seen):
        private, common = inputs(seen)
        assert private.shape == (2, 50, inputs.own) and common.shape == (2, inputs.size - inputs.own)
        return torch.cat([private, common[:, None].expand(-1, 50, -1)], -1)

    first = fed(seen)
    for changed in (
        replace(seen, z=1 - z),
        replace(seen, eps=1 - own.eps),
        replace(seen, resources=1.01 * seen.resources),
        replace(seen, aggregates={"K": 1.01 * seen.aggregates["K"]}),
    ):
        assert bool(((fed(changed) - first).abs().amax(-1) > 1e-3).all())
    # K is fed as ten times its relative deviation from the steady state
    deviation = 10 * (own.k.mean(1) / ks98.steady_state()["K"] - 1)
    assert bool(((first - deviation[:, None, None]).abs().amin(-1) < 1e-12).all())


def test_inputs_of_every_economy_are_finite_and_of_order_one(economy, usual):
    inputs = Inputs(economy, 10.0)
    fed = inputs(households(economy, 0, usual))
    assert sum(x.shape[-1] for x in fed) == inputs.size and all(bool(torch.isfinite(x).all()) for x in fed)
    at_home = inputs(World(economy).before(Panel(usual, economy.chain.typical_z()[:1])))
    assert all(float(x.abs().max()) < 5 for x in at_home if x.numel())


def test_a_first_layer_in_two_parts_is_the_layer_of_all_inputs(random_networks, ks98, ks98_panel):
    policy, _ = random_networks(ks98)
    own, common = policy.inputs(World(ks98).observe(ks98_panel))
    together = torch.cat([own, common[:, None].expand(-1, own.shape[1], -1)], -1)
    torch.testing.assert_close(policy.mlp(own, common), policy.mlp(together), rtol=1e-12, atol=1e-12)


def test_same_seed_same_weights_in_float32(ks98):
    def weights(seed):
        networks = build_networks(ks98, NetworkSettings(**SETTINGS), seed)
        return torch.cat([parameter.flatten() for network in networks for parameter in network.parameters()])

    assert weights(5).dtype == torch.float32
    assert torch.equal(weights(5), weights(5)) and not torch.equal(weights(5), weights(6))


def test_width_and_depth_are_as_asked(ks98):
    policy, value = untrained(ks98, width=5, depth=3, ensemble=2)
    for mlp in (policy.mlp, *value.mlps):
        shapes = [tuple(p.shape) for p in mlp.parameters() if p.dim() == 2]
        assert shapes == [(5, policy.inputs.size), (5, 5), (5, 5), (1, 5)]
    assert len(value.mlps) == 2


@pytest.mark.parametrize(
    "field, bad", [("width", 0), ("depth", 0), ("ensemble", 0), ("aggregate_scale", 0.0), ("activation", "step")]
)
def test_settings_out_of_range_are_refused(ks98, field, bad):
    with pytest.raises(InputError, match=f"network.{field}"):
        build_networks(ks98, NetworkSettings(**SETTINGS | {field: bad}), seed=0)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_value_is_scaled_by_what_consumption_for_ever_is_worth(sigma):
    economy = economics.create("ks98", sigma=sigma)
    unit = economy.steady_state()["c"] ** (1 - sigma) / (1 - 0.99)  # utils per relative change: u'(c) c / (1-beta)
    for base, scale in (("frictionless", unit / 10), ("typical", unit), ("share", unit)):
        value = untrained(economy, base=base)[1]
        assert value.unit == pytest.approx(unit, rel=1e-10) and value.scale == pytest.approx(scale, rel=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_the_very_rich_spend_the_frictionless_share_of_an_extra_good_whatever_the_weights(ks98, random_networks, seed):
    policy, _ = random_networks(ks98, seed)
    k = torch.tensor([[1e6, 1e7]], dtype=torch.float64)
    population = Population.panel(torch.full((1, 50), 40.0, dtype=torch.float64), torch.ones(1, 50, dtype=torch.long))
    seen = World(ks98).observe(Panel(population, torch.tensor([[1]])), k=k, eps=torch.ones(1, 2, dtype=torch.long))
    slope = policy(seen).detach().diff() / seen.resources.diff()
    assert float(slope) == pytest.approx(1 - ks98.beta, rel=0.01)


@pytest.mark.parametrize("dtype, close", [(torch.float64, 1e-15), (torch.float32, 2e-7)])
def test_tanh_is_that_of_pytorch_with_its_first_and_second_derivative(dtype, close):
    x = torch.cat([torch.linspace(-30, 30, 2001), torch.tensor([-1e30, 1e-12, 0.0, 1e30])]).to(dtype)
    found, expected = [], []
    for results, tanh in ((found, Tanh()), (expected, torch.tanh)):
        at = x.clone().requires_grad_()
        y = tanh(at)
        (slope,) = torch.autograd.grad(y.sum(), at, create_graph=True)
        (curvature,) = torch.autograd.grad(slope.sum(), at)
        results += [y.detach(), slope.detach(), curvature]
    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, rtol=0, atol=4 * close)


@torch.no_grad()
def test_weights_of_larger_shocks_answer_the_same_deviations_alike():
    """Where shocks are a fifth as large, units are, and the plan and the outlook are the same functions of z."""
    large, small = economics.create("hank"), economics.create("hank", sd_r=0.0005, sd_Z=0.001)
    generator = torch.Generator().manual_seed(1)
    found, ours = (untrained(each, dispersion=True, poverty=True) for each in (large, small))
    for network in found:
        for leaf in network.parameters():
            leaf += 0.2 * torch.randn(leaf.shape, generator=generator, dtype=leaf.dtype)
    people = Population.panel(5 * torch.rand(2, 30, generator=generator), torch.arange(60).reshape(2, 30) % 7)
    panel = Panel(people, torch.tensor([[0.001, -0.002, 0.006], [0.0, 0.001, 0.004]])).to(dtype=torch.float64)
    unknowns = {"pi": [[0.001], [-0.002]], "w": [[0.84], [0.82]], "L": [[1.0], [1.01]]}
    seen = World(large).seen_at(panel, {name: large.table(each) for name, each in unknowns.items()})
    for network, other in zip(ours, found, strict=True):
        assert not torch.allclose(network(seen), other(seen), rtol=1e-3)
        carry_over(network, other)
        torch.testing.assert_close(network(seen), other(seen), rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(*(each[0].outlook(seen) for each in (ours, found)), rtol=1e-6, atol=1e-9)
