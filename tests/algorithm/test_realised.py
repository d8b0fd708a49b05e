"""Utility realised along simulated paths."""

import pytest
import torch
from walking import advance

from deepham.algorithm.objective import lifetime_utility
from deepham.algorithm.realised import realised_utility
from deepham.simulation.period import World


def policy(seen):
    return 0.08 * seen.resources * (seen.aggregates["K"] / 40) ** 0.2


def nothing(seen):
    return torch.zeros_like(seen.resources)


@pytest.mark.parametrize("dates, spacing, periods", [(1, 1, 1), (1, 7, 12), (3, 4, 6), (3, 4, 2)])
def test_equals_a_plain_sum_from_each_date(ks98, ks98_panel, seeded, dates, spacing, periods):
    starts, sums, end = realised_utility(World(ks98, policy), ks98_panel, dates, spacing, periods, seeded())
    panel, generator, panels, flows = ks98_panel, seeded(), [], []
    for _ in range((dates - 1) * spacing + periods):
        panels.append(panel)
        panel, consumption = advance(World(ks98, policy), panel, generator)
        flows.append(torch.log(consumption))
    assert torch.equal(end.population.k, panel.population.k) and torch.equal(end.z, panel.z)
    for date in range(dates):
        rows, first = slice(2 * date, 2 * date + 2), date * spacing
        assert torch.equal(starts.population.k[rows], panels[first].population.k)
        assert torch.equal(starts.population.eps[rows], panels[first].population.eps)
        assert torch.equal(starts.z[rows], panels[first].z)
        expected = sum(0.99**t * flows[first + t] for t in range(periods))
        torch.testing.assert_close(sums[rows], expected, rtol=1e-12, atol=0)


def test_is_the_objective_without_a_value_at_the_end(ks98, ks98_panel, seeded):
    _, sums, _ = realised_utility(World(ks98, policy), ks98_panel, 1, 1, 10, seeded(4))
    objective = lifetime_utility(World(ks98, policy, nothing), ks98_panel, 10, seeded(4), exact=False)
    torch.testing.assert_close(sums, objective.utility, rtol=1e-12, atol=0)
