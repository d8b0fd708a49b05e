"""The published protocol against the same thing written as plain loops, and where its noise comes from."""

import math
from dataclasses import replace

import pytest
import torch
import yaml

from deepham.algorithm.bellman_paper import Protocol, _errors, bellman_paper
from deepham.reference.settings import ReferenceSettings
from deepham.reference.store import find
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.system.paths import conf_folder

SMALL = Protocol(agents=4, economies=3, periods=30, dates=5, draws=10, burn_in=10)


def plain_errors(plain, policy, value, panel, draws, uniform):
    """Household by household; `draws` (B, draws) are the aggregate states drawn, `uniform` moves the others."""
    errors = torch.empty_like(panel.population.k)
    for b in range(errors.shape[0]):
        z, k, eps = int(panel.z[b]), panel.population.k[b], panel.population.eps[b]
        n, K = len(k), float(k.mean())
        m = [plain.resources(float(k[i]), int(eps[i]), z, K) for i in range(n)]
        c = policy(z, K, m)
        for i in range(n):
            saved = m[i] - c[i]
            low, high = c[i] - min(0.95 * c[i], 5), c[i] + min(saved, 5)
            best = -math.inf
            for j in range(11):
                choice = low + j / 10 * (high - low)
                K_next = (sum(m) - sum(c) - saved + m[i] - choice) / n
                expected = 0.0
                for z_next in draws[b].tolist():
                    row = [plain.probability(z, int(eps[i]), z_next, e) for e in (0, 1)]
                    for e in (0, 1):
                        cash = plain.resources(m[i] - choice, e, z_next, K_next)
                        expected += row[e] / sum(row) * value(z_next, K_next, cash) / len(draws[b])
                best = max(best, math.log(choice) + plain.beta * expected)
            errors[b, i] = abs(value(z, K, m[i]) - best)
    return errors


def test_the_batched_protocol_is_the_plain_one(ks98, plain, seeded):
    k = 20 + 40 * torch.rand((2, 4), generator=seeded(1), dtype=torch.float64)

    panel = Panel(Population.panel(k, torch.tensor([[0, 1, 1, 1], [1, 1, 0, 1]])), torch.tensor([[0], [1]]))

    def policy(seen):
        return 0.06 * seen.resources * (1 + 0.001 * seen.aggregates["K"])

    def value(seen):
        return 90 + 20 * torch.log(seen.resources) + 3 * seen.z - 0.2 * seen.aggregates["K"]

    found = _errors(World(ks98, policy, value).period(panel), replace(SMALL, draws=10), seeded(5))
    generator = seeded(5)
    share = torch.rand((2, 10), generator=generator, dtype=torch.float64)
    draws = torch.stack([ks98.chain.draw_z(panel.z[b].expand(10), share[b]) for b in range(2)])
    wanted = plain_errors(
        plain,
        lambda z, K, m: [0.06 * x * (1 + 0.001 * K) for x in m],
        lambda z, K, m: 90 + 20 * math.log(m) + 3 * z - 0.2 * K,
        panel,
        draws,
        None,
    )
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)  # the chain's rows sum to one within 1e-6


def test_one_seed_gives_one_figure_and_leaves_the_global_generator_alone(bm, closed_form):
    before = torch.get_rng_state()
    first = bellman_paper(World(bm, closed_form.policy, closed_form.value), 3, SMALL)
    assert first == bellman_paper(World(bm, closed_form.policy, closed_form.value), 3, SMALL)
    assert first != bellman_paper(World(bm, closed_form.policy, closed_form.value), 4, SMALL)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_true_solution_has_the_noise_floor_of_the_protocol(ks98):
    """About .011 utils with the published hundred draws (.0075 of it is the grid of choices), more with fewer draws."""
    settings = yaml.safe_load((conf_folder() / "reference/standard.yaml").read_text(encoding="utf-8"))
    reference = find("ks98", ks98, ReferenceSettings(**settings), store=None)
    few, published, many = (
        bellman_paper(reference.world, 0, Protocol(50, 16, 50, 100, 20, draws)) for draws in (25, 100, 2500)
    )
    assert few > 2 * many and 0.009 < published < 0.013


def test_one_agent_moves_the_aggregate(bm, closed_form):
    """With one agent an economy, its own deviation is the aggregate's: V' falls with K where it should not."""
    seen = []

    def value(observation):
        seen.append(observation.aggregates["K"])
        return closed_form.value(observation)

    bellman_paper(World(bm, closed_form.policy, value), 0, replace(SMALL, agents=2, economies=1, dates=1))
    after = torch.stack([each[0] for each in seen[1:12]])
    assert after.unique().numel() == 11, "each of the choices has an aggregate of its own"


def test_the_figure_is_by_the_unit_of_time(bm, closed_form):
    yearly = bellman_paper(World(bm, closed_form.policy, closed_form.value), 3, SMALL)
    bm.period_length = 0.2
    assert bellman_paper(World(bm, closed_form.policy, closed_form.value), 3, SMALL) == pytest.approx(
        5 * yearly, rel=1e-12
    )
