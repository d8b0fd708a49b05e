"""What is written down of a cross-section: against plain sums over its households."""

import numpy as np
import pytest
import torch

from deepham import economics
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.solution.datasets import distribution, record


def described(k, weight, consumption, limit=0.0):
    """Moments of one economy by name, from lists."""
    k, weight, consumption = (torch.as_tensor(each, dtype=torch.float64)[None] for each in (k, weight, consumption))
    found = distribution(Population(k, torch.zeros_like(k, dtype=torch.long), weight), consumption, limit)
    return {name: float(value[0]) for name, value in found.items()}


def gini(values):
    return np.abs(values[:, None] - values).mean() / (2 * values.mean())


def test_the_moments_of_a_panel_are_those_of_its_households(seeded):
    """So many that the groups are whole numbers of them, in no order."""
    k, c = (torch.rand(1100, generator=seeded(seed), dtype=torch.float64).numpy() ** 3 for seed in (1, 2))
    found = described(k, np.full(1100, 1 / 1100), c)
    order = k.argsort()
    rich, eaten = k[order], c[order]
    for name, expected in (
        ("gini", gini(k)),
        ("C_gini", gini(c)),
        ("wealth_sd", k.std()),
        ("C_sd", c.std()),
        ("bottom50_share", rich[:550].sum() / k.sum()),
        ("top10_share", rich[-110:].sum() / k.sum()),
        ("top1_share", rich[-11:].sum() / k.sum()),
    ):
        assert found[name] == pytest.approx(expected, rel=1e-9), name
    for fifth in range(5):
        assert found[f"C_fifth{fifth + 1}"] == pytest.approx(eaten[220 * fifth : 220 * fifth + 220].mean(), rel=1e-9)
    for level in (1, 10, 50, 90, 99):
        assert found[f"wealth_q{level:02d}"] == pytest.approx(np.quantile(k, level / 100, method="hazen"), rel=1e-9)


def test_who_is_at_the_limit_is_there_for_certain():
    """Of 60 % at a limit of -1 and the others at 3 the median is the limit, and no point in between."""
    found = described([-1.0, 3.0], [0.6, 0.4], [1.0, 2.0], limit=-1.0)
    assert found["wealth_q50"] == found["wealth_q10"] == -1.0 and found["wealth_q90"] == 3.0


@pytest.mark.parametrize("order", [[0, 1, 2], [1, 0, 2], [2, 1, 0]])
def test_households_of_one_wealth_are_of_one_fifth(order):
    """Six in ten hold nothing, half of them unemployed: the poorest fifth consumes what they consume on average."""
    k, weight, c = (np.array(each)[order] for each in ([0.0, 0.0, 5.0], [0.3, 0.3, 0.4], [1.0, 3.0, 4.0]))
    found = described(k, weight, c)
    assert [found[f"C_fifth{fifth}"] for fifth in range(1, 6)] == pytest.approx([2, 2, 2, 4, 4])


def test_an_externality_is_in_percent_of_the_marginal_utility_of_all(seeded):
    """What one more unit of capital changes in the incomes of all, by a difference of prices."""
    economy = economics.create("davila12", labour_supply=[3.0, 3.2])
    k = 30 * torch.rand((2, 40), generator=seeded(), dtype=torch.float64)
    people, z = Population.panel(k, (torch.arange(40) % 3).expand(2, -1)), torch.tensor([[0], [1]])
    path = record(World(economy, lambda seen: 0.2 * seen.resources), Panel(people, z), z[:, None], None, seeded())
    K, step = people.mean(k), 1e-4
    at = [economy.resources(k, people.eps, z, economy.prices({"K": K + moved}, z)) for moved in (-step, 0.0, step)]
    marginal = economy.preferences.marginal_utility(0.2 * at[1])
    gained = people.mean(marginal * (at[2] - at[0])) / (2 * step)
    expected = 100 * gained / people.mean(marginal)
    assert path.series["externality"][:, 0].tolist() == pytest.approx(expected[:, 0].tolist(), rel=1e-6)
