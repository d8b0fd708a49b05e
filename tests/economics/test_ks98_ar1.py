"""Krusell-Smith with an autoregression against sequence-jacobian, which solved the same calibration: known answers.

ks98_ar1_linear.json: sequence-jacobian 1.0.0, its example of Krusell and Smith, 7 incomes, 500 nodes of assets to 200.
"""

import json
from collections import deque
from pathlib import Path

import numpy as np
import pytest
import torch

import deepham
from deepham import economics
from deepham.economics.autoregressions import LogAutoregression
from deepham.errors import InputError
from deepham.reference.settings import settings_for
from deepham.reference.stationary import solve_stationary
from deepham.simulation.continuum import on_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.walk import walk

KNOWN = json.loads(Path(__file__).with_name("ks98_ar1_linear.json").read_text(encoding="utf-8"))
STEADY = KNOWN["steady"]


@pytest.fixture(scope="module")
def calm():
    return economics.create("ks98_ar1", sd_Z=0.0)


def test_the_calibration_is_the_printed_one(calm):
    np.testing.assert_allclose(calm.e, KNOWN["e_grid"], rtol=1e-8)
    assert (calm.beta, calm.Z_mean) == (STEADY["beta"], STEADY["Z"])
    z, K = calm.chain.typical_z(), calm.table([[STEADY["K"]]])
    prices = calm.prices({"K": K}, z)
    assert float(prices["R"]) == pytest.approx(1 + STEADY["r"], abs=1e-12)
    assert float(prices["w"]) == pytest.approx(STEADY["w"], abs=1e-12)
    assert float(calm.firm.output(K, 1.0, calm.level(z))) == pytest.approx(STEADY["Y"], abs=1e-12)


def test_at_rest_capital_and_who_holds_it_are_the_printed_ones(calm):
    """The market clears by the grid; who stands at the limit hangs on the nodes near it, and is told on theirs."""
    found = solve_stationary(calm, settings_for("ks98_ar1", {"k_nodes": 150, "histogram_nodes": 100, "top": 30.0}))
    assert float(found.ergodic.K[0, -1]) == pytest.approx(STEADY["K"], rel=0.002)
    assert float(found.ergodic.accounts["r"][0, 0]) == pytest.approx(100 * STEADY["r"], abs=0.006)
    nodes = 0.25 * torch.logspace(0, 1, 500, base=200.25 / 0.25, dtype=torch.float64) - 0.25
    nodes[0] = 0.0
    rest = torch.zeros(1, 300, 1, dtype=torch.long)
    start = Panel(on_grid(nodes, found.ergodic.dates.population.select([0]), calm.chain.n_eps), rest[:, 0])
    (last,) = deque(walk(World(calm, found.policy.on_histogram(nodes)), start, rest, grid=nodes), maxlen=1)
    people = last.panel.population
    mean = people.mean(people.k)
    assert float(people.mean((people.k == 0).double())) == pytest.approx(KNOWN["share_at_limit"], rel=0.01)
    assert float(people.mean((people.k - mean) ** 2).sqrt()) == pytest.approx(KNOWN["wealth_sd"], rel=0.01)


def test_productivity_moves_as_its_logarithm_does(seeded):
    """Its long-run distribution stays what it is, and an innovation in percent or in levels does what it says."""
    process = LogAutoregression(0.88, 0.9, 0.01, torch.full((2, 2), 0.5).double())
    generator, b, spread = seeded(), 20_000, 0.01 / (1 - 0.9**2) ** 0.5
    z, _ = process.start(*(torch.rand(b, n, generator=generator, dtype=torch.float64) for n in (1, 3)))
    for _ in range(3):
        before, z = z, process.draw_z(z, torch.rand(b, 1, generator=generator, dtype=torch.float64))
    log, lag = (process.features(each)[:, 0] for each in (z, before))
    assert float(log.mean()) == pytest.approx(0, abs=4 * spread / b**0.5)
    assert float(log.std()) == pytest.approx(spread, rel=4 * (2 * b) ** -0.5)
    assert float((log - 0.9 * lag).std()) == pytest.approx(0.01, rel=4 * (2 * b) ** -0.5)
    z = torch.tensor([[0.88]], dtype=torch.float64)
    for unit, size, wanted in (("percent", -3.0, 0.97 * 0.88), ("level", 0.02, 0.90)):
        shock = torch.as_tensor(process.in_deviations(np.array([size]), unit))
        assert float(process.follow(z, shock)) == pytest.approx(wanted, rel=1e-12)
    with pytest.raises(InputError, match="-100 percent"):
        process.in_deviations(np.array([-100.0]), "percent")


@pytest.mark.slow
def test_the_response_to_one_percent_is_the_linear_one():
    """K and C within 2 % of the linear path's peak at all 40 quarters, where one percent is a usual innovation."""
    solution = deepham.solve("ks98_ar1", overrides=["algorithm=euler_newton"])
    response = solution.irf({"Z": 1.0}, unit="percent", draws=20, baseline="forced")
    for name in ("K", "C"):
        linear = np.array(KNOWN["linear"][name])
        assert np.abs(response[name] - linear).max() < 0.02 * np.abs(linear).max()
