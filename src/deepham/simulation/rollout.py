"""One period of an economy, and many: pure functions with explicit randomness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.simulation.household import Observation, Policy, observe
from deepham.simulation.population import Population


@dataclass(frozen=True)
class Panel:
    """The state of B simulated economies: their populations and aggregate states z (B,)."""

    population: Population
    z: Tensor

    @classmethod
    def of(cls, k: Tensor, eps: Tensor, weight: Tensor, z: Tensor) -> Panel:
        return cls(Population(k, eps, weight), z)

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What `of` makes a panel from."""
        return self.population.k, self.population.eps, self.population.weight, self.z

    def select(self, index) -> Panel:
        return Panel(self.population.select(index), self.z[index])


def draw_shocks(economy: Economy, panel: Panel, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Next z (B,) and next eps (B, N), one aggregate draw per economy and one individual draw per agent."""
    b, n = panel.population.k.shape
    dtype = panel.population.k.dtype
    uniform = torch.rand((b, n + 1), generator=generator, device=panel.z.device, dtype=dtype)
    z_next = economy.chain.draw_z(panel.z, uniform[:, 0])
    return z_next, economy.chain.draw_eps(panel.population.eps, panel.z, z_next, uniform[:, 1:])


def advance(
    economy: Economy, policy: Policy, panel: Panel, generator: torch.Generator, observation: Observation | None = None
) -> tuple[Panel, Tensor]:
    """One period: households choose, then the shocks of the next period are drawn.

    Returns:
        The panel at the start of the next period, and consumption (B, N) in this one.
    """
    observation = observation or observe(economy, panel.population, panel.z)
    consumption = policy(observation)
    z_next, eps_next = draw_shocks(economy, panel, generator)
    population = Population(observation.resources - consumption, eps_next, panel.population.weight)
    return Panel(population, z_next), consumption


@torch.no_grad()
def simulate(
    economy: Economy, policy: Policy, panel: Panel, periods: int, generator: torch.Generator
) -> Iterator[Panel]:
    """Yield the panel after each of the next `periods` periods."""
    for _ in range(periods):
        panel, _ = advance(economy, policy, panel, generator)
        yield panel


def initial_panel(economy: Economy, economies: int, agents: int, generator: torch.Generator) -> Panel:
    """Start of a simulation: z and eps at their long-run shares, assets as the economy says."""
    device, dtype = generator.device, economy.chain.aggregate.dtype
    uniform = torch.rand((economies, agents + 1), generator=generator, device=device, dtype=dtype)
    z = (uniform[:, :1] >= economy.chain.stationary_z()[:-1].cumsum(0)).sum(-1)
    shares = economy.chain.stationary_eps()[z]  # (B, n_eps)
    eps = (uniform[:, 1:, None] >= shares[:, None, :-1].cumsum(-1)).sum(-1)
    return Panel(Population.panel(economy.initial_assets((economies, agents), generator), eps), z)


def expand_next(economy: Economy, population: Population, z: Tensor) -> tuple[Panel, Tensor, Tensor]:
    """Everything that can happen next period, enumerated instead of drawn.

    Args:
        population: (B, N) with k the assets carried INTO the next period and eps, z still this period's.

    Returns:
        Panel of B * n_z economies (z' varies fastest) with N * n_eps points each (eps' varies fastest), whose weights
        are those of the next cross-section in expectation over eps' (exact in the continuum);
        P(z' | z): (B, n_z);
        P(eps' | z, z', eps): (B, n_z, N, n_eps).
    """
    chain = economy.chain
    b, n = population.k.shape
    n_z, n_eps = chain.n_z, chain.n_eps
    p_eps = chain.individual[z[:, None, None], torch.arange(n_z, device=z.device)[:, None], population.eps[:, None]]
    shape = (b, n_z, n, n_eps)
    k = population.k[:, None, :, None].expand(shape).reshape(b * n_z, -1)
    eps = torch.arange(n_eps, device=z.device).expand(shape).reshape(b * n_z, -1)
    weight = (population.weight[:, None, :, None] * p_eps).reshape(b * n_z, -1)
    z_next = torch.arange(n_z, device=z.device).repeat(b)
    return Panel(Population(k, eps, weight), z_next), chain.aggregate[z], p_eps


def expect(values: Tensor, p_z: Tensor, p_eps: Tensor) -> Tensor:
    """Expectation over (z', eps') of values on the panel of `expand_next`: (B * n_z, N * n_eps) -> (B, N)."""
    return torch.einsum("bz,bzne,bzne->bn", p_z, p_eps, values.reshape(p_eps.shape))
