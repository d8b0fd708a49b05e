"""Fixtures shared by the tests: two economies with known answers, in float64, and their equations written plainly."""

from __future__ import annotations

import math

import pytest
import torch

from deepham import economics
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.simulation.period import Panel
from deepham.simulation.population import Population

torch.set_num_threads(1)


def pytest_runtest_setup(item):
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("no GPU")


class ClosedForm:
    """Policy and value function of Brock-Mirman by hand, for households that take prices as given.

    c = (1-beta) m, so k' = beta R k and K' = alpha beta z K^alpha. Put V = log(k)/(1-beta) + a(z) + b log K into
    V = log c + beta E V' and compare coefficients:
        b = (alpha-1) / ((1-beta) (1-alpha beta)),
        a(z) = log(1-beta) + beta log(beta)/(1-beta) + log(alpha z)/(1-beta) + beta b log(alpha beta z) + beta E a(z').
    """

    def __init__(self, beta: float, alpha: float, productivity: list[float], stay: float):
        self.beta = beta
        self.b = (alpha - 1) / ((1 - beta) * (1 - alpha * beta))
        z = torch.tensor(productivity, dtype=torch.float64)
        flow = (
            math.log(1 - beta)
            + beta * math.log(beta) / (1 - beta)
            + torch.log(alpha * z) / (1 - beta)
            + beta * self.b * torch.log(alpha * beta * z)
        )
        transition = torch.tensor([[stay, 1 - stay], [1 - stay, stay]], dtype=torch.float64)
        self.a = torch.linalg.solve(torch.eye(2, dtype=torch.float64) - beta * transition, flow)
        self.unit = 1 / (1 - beta)  # of permanent relative consumption in utils: u'(c) c = 1 with log utility

    def policy(self, seen):
        return (1 - self.beta) * seen.resources

    def value(self, seen):
        k = seen.resources / seen.prices["R"]
        return torch.log(k) / (1 - self.beta) + (self.a[seen.z] + self.b * torch.log(seen.aggregates["K"]))

    def members(self, seen):
        return self.value(seen)[None]


class PlainKS98:
    """The equations and the chain of Krusell-Smith in plain numbers, one household at a time."""

    beta = 0.99
    alpha = 0.36
    delta = 0.025
    mu = 0.15
    hours = 1 / 0.9
    z = (0.99, 1.01)
    u = (0.10, 0.04)
    printed = (
        (0.525, 0.35, 0.03125, 0.09375),
        (0.038889, 0.836111, 0.002083, 0.122917),
        (0.09375, 0.03125, 0.291667, 0.583333),
        (0.009115, 0.115885, 0.024306, 0.850694),
    )

    def labour(self, z):
        return self.hours * (1 - self.u[z])

    def gross_return(self, K, z):
        return 1 - self.delta + self.z[z] * self.alpha * (K / self.labour(z)) ** (self.alpha - 1)

    def wage(self, K, z):
        return self.z[z] * (1 - self.alpha) * (K / self.labour(z)) ** self.alpha

    def resources(self, k, eps, z, K):
        w = self.wage(K, z)
        tax = self.mu * self.u[z] / self.labour(z)
        return self.gross_return(K, z) * k + ((1 - tax) * w * self.hours if eps == 1 else self.mu * w)

    def probability(self, z, eps, z_next, eps_next):
        """The printed chain, but u(z) becomes u(z') exactly: the probability of one state is lowered by one factor for
        all."""
        total = [sum(self.printed[2 * z + e][2 * z_next + f] for f in (0, 1)) for e in (0, 1)]
        share = [(self.u[z], 1 - self.u[z])[e] / total[e] for e in (0, 1)]
        arriving = sum(share[e] * self.printed[2 * z + e][2 * z_next] for e in (0, 1))
        factor = self.u[z_next] / arriving, (1 - self.u[z_next]) / (1 - arriving)
        lowered = 0 if factor[0] < 1 else 1
        p = self.printed[2 * z + eps][2 * z_next + lowered] / total[eps] * factor[lowered]
        stays = sum(sum(self.printed[2 * z + e][2 * z_next + f] for f in (0, 1)) for e in (0, 1)) / 2
        rows = sum(sum(row) for row in self.printed[2 * z : 2 * z + 2]) / 2
        return stays / rows * (p if eps_next == lowered else 1 - p)


@pytest.fixture
def seeded():
    """seeded(seed) is a fresh generator."""
    return lambda seed=0: torch.Generator().manual_seed(seed)


@pytest.fixture(params=economics.names())
def economy(request):
    """Every economy that has a calibration, in turn."""
    return economics.create(request.param)


@pytest.fixture
def ks98():
    return economics.create("ks98")


@pytest.fixture
def plain():
    return PlainKS98()


@pytest.fixture
def bm():
    """Brock-Mirman with the numbers that the tests compute with, whatever conf/ says."""
    return economics.create("brock_mirman", beta=0.95, alpha=0.36, productivity=[0.9, 1.1], stay=0.8)


@pytest.fixture
def closed_form(bm):
    return ClosedForm(**bm.parameters())


@pytest.fixture
def bm_panel(bm, seeded):
    """Four economies of seven households that differ in k; z takes both values."""
    k = bm.initial_assets((4, 7), seeded(1))
    return Panel(Population.panel(k, torch.zeros(4, 7, dtype=torch.long)), torch.tensor([[0], [1], [1], [0]]))


@pytest.fixture
def ks98_panel(seeded):
    """A bad and a good economy of fifty households, of which exactly u(z) are unemployed."""
    k = 80 * torch.rand((2, 50), generator=seeded(2), dtype=torch.float64)
    unemployed = torch.tensor([[5], [2]])
    return Panel(Population.panel(k, (torch.arange(50) >= unemployed).long()), torch.tensor([[0], [1]]))


@pytest.fixture
def random_networks():
    """random_networks(economy) is a policy and a value network in float64 whose every weight is drawn."""

    def build(economy, seed=0, base="frictionless", ensemble=1):
        base = "typical" if economy.frictionless() is None and base == "frictionless" else base
        settings = NetworkSettings(
            "test", width=8, depth=2, activation="tanh", base=base, aggregate_scale=10.0, ensemble=ensemble
        )
        networks = [network.double() for network in build_networks(economy, settings, seed)]
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for network in networks:
                for parameter in network.parameters():
                    parameter.normal_(generator=generator)
        return networks

    return build
