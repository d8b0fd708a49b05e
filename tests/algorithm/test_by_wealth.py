"""Errors by wealth: the bins add up to the whole, and a planted error shows in its bin."""

import pytest
import torch

from deepham.algorithm.by_wealth import EDGES, errors_by_wealth
from deepham.algorithm.evaluation import error_measures
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population


@pytest.fixture
def histogram(bm, seeded):
    """Three economies of forty points each with masses that differ."""
    k = bm.initial_assets((3, 40), seeded(1))
    mass = torch.rand((3, 40), generator=seeded(2), dtype=torch.float64)
    return Panel(
        Population(k, torch.zeros(3, 40, dtype=torch.long), mass / mass.sum(1, keepdim=True)),
        torch.tensor([[0], [1], [1]]),
    )


def test_the_bins_add_up_to_the_mean_errors(bm, random_networks, histogram):
    policy, value = random_networks(bm)
    bins = errors_by_wealth(World(bm, policy, value), histogram)
    whole = error_measures(World(bm, policy, value), histogram)
    share = [each.high - each.low for each in bins]
    assert [each.low for each in bins] == list(EDGES[:-1]) and sum(share) == pytest.approx(1)
    for name, field in (("euler.mean", "euler"), ("bellman_policy.mean", "bellman")):
        together = sum(weight * getattr(each, field) for weight, each in zip(share, bins))
        assert together == pytest.approx(whole[name], rel=1e-12)
    assert all(low.k_high == high.k_low <= high.k_high for low, high in zip(bins, bins[1:]))


def test_households_of_one_wealth_count_alike_in_whatever_order(bm, random_networks, seeded):
    """On the nodes of one grid: many are at an edge of two bins, in several economies."""
    k = bm.steady_state()["K"] * torch.linspace(0.4, 2, 6, dtype=torch.float64).repeat(3, 2)
    mass = torch.rand((3, 12), generator=seeded(2), dtype=torch.float64)
    people = k, torch.zeros(3, 12, dtype=torch.long), mass / mass.sum(1, keepdim=True)
    z = torch.tensor([[0], [1], [1]])
    panel, again = Panel.of(*people, z), Panel.of(*(x.flip(0, 1) for x in people), z.flip(0))
    for one, other in zip(*(errors_by_wealth(World(bm, *random_networks(bm)), each) for each in (panel, again))):
        for name, value in vars(one).items():
            assert value == pytest.approx(getattr(other, name), rel=1e-9), name


def test_the_closed_form_has_no_error_in_any_bin(bm, closed_form, histogram):
    for each in errors_by_wealth(World(bm, closed_form.policy, closed_form.value), histogram):
        assert each.euler < 1e-10 and each.bellman < 1e-10


def test_an_error_of_the_rich_alone_shows_with_its_sign_and_in_their_bins_alone(bm, closed_form, histogram):
    top = histogram.population.k.max()

    def value(seen):  # k does not fall below a third of itself in a period: only the rich look back on the rich
        return closed_form.value(seen) + 1e-3 * (seen.k > 0.95 * top)

    bins = errors_by_wealth(World(bm, closed_form.policy, value), histogram)
    assert bins[-1].bellman > 1e-5
    assert all(each.bellman < 1e-10 for each in bins[:4])
    assert all(abs(each.bellman_signed) <= each.bellman * (1 + 1e-9) for each in bins)

    shifted = errors_by_wealth(World(bm, closed_form.policy, lambda seen: closed_form.value(seen) - 0.1), histogram)
    assert all(each.bellman_signed == pytest.approx(-0.1 * 0.05) for each in shifted), "V is too low"

    def spendthrift(seen):
        return closed_form.policy(seen) * 1.01

    assert all(
        each.euler_signed == pytest.approx(each.euler)
        for each in errors_by_wealth(World(bm, spendthrift, closed_form.value), histogram)
    )
