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
    """The state of B simulated economies: their populations and aggregate states z, (B,) or (B, d)."""

    population: Population
    z: Tensor

    @classmethod
    def of(cls, k: Tensor, eps: Tensor, weight: Tensor, z: Tensor) -> Panel:
        return cls(Population(k, eps, weight), z)

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What `of` makes a panel from."""
        return self.population.k, self.population.eps, self.population.weight, self.z

    def to(self, device=None, dtype=None) -> Panel:
        """A copy on the device, whose numbers have the floating dtype."""
        floating = (x.to(device=device, dtype=dtype if x.is_floating_point() else None) for x in self.tensors())
        return Panel.of(*floating)

    def select(self, index) -> Panel:
        return Panel(self.population.select(index), self.z[index])


def draw_shocks(economy: Economy, seen: Observation, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Next z, like z, and next eps (B, N): one aggregate draw per economy and one individual draw per agent."""
    b, n = seen.k.shape
    draws = economy.chain.draws
    uniform = torch.rand((b, n + draws), generator=generator, device=seen.z.device, dtype=seen.k.dtype)
    z_next = economy.chain.draw_z(seen.z, uniform[:, :draws].reshape(seen.z.shape), seen.aggregates)
    return z_next, economy.chain.draw_eps(seen.eps, seen.z, z_next, uniform[:, draws:])


def advance(
    economy: Economy, policy: Policy, panel: Panel, generator: torch.Generator, observation: Observation | None = None
) -> tuple[Panel, Tensor]:
    """One period: households choose, then the shocks of the next period are drawn.

    Returns:
        The panel at the start of the next period, and consumption (B, N) in this one.
    """
    observation = observation or observe(economy, panel.population, panel.z)
    consumption = policy(observation)
    z_next, eps_next = draw_shocks(economy, observation, generator)
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
    device, dtype, draws = generator.device, economy.chain.dtype, economy.chain.draws
    uniform = torch.rand((economies, agents + draws), generator=generator, device=device, dtype=dtype)
    z, eps = economy.chain.start(uniform[:, :draws], uniform[:, draws:])
    return Panel(Population.panel(economy.initial_assets((economies, agents), generator), eps), z)


def expand_next(
    economy: Economy, population: Population, seen: Observation, generator: torch.Generator | None = None
) -> tuple[Panel, Tensor, Tensor]:
    """Everything that can happen next period, enumerated instead of drawn; of a vector z the nodes of a quadrature.

    Args:
        population: (B, N) with k the assets carried INTO the next period and eps still this period's.
        seen: this period's, of which z and the aggregates matter.
        generator: draws the nodes, where the process of z has a setting that they are drawn.

    Returns:
        Panel of B * S economies (z' varies fastest) with N * n_eps points each (eps' varies fastest), whose weights
        are those of the next cross-section in expectation over eps' (exact in the continuum);
        P(z' | z): (B, S);
        P(eps' | z, z', eps): (B, S, N, n_eps).
    """
    chain, z = economy.chain, seen.z
    b, n = population.k.shape
    z_next, p_z = chain.next_states(z, seen.aggregates, generator)
    shape = (b, p_z.shape[1], n, chain.n_eps)
    p_eps = chain.eps_probabilities(population.eps[:, None], z[:, None], z_next).expand(shape)
    k = population.k[:, None, :, None].expand(shape).reshape(b * shape[1], -1)
    eps = torch.arange(chain.n_eps, device=z.device).expand(shape).reshape(b * shape[1], -1)
    weight = (population.weight[:, None, :, None] * p_eps).reshape(b * shape[1], -1)
    return Panel(Population(k, eps, weight), z_next.flatten(0, 1)), p_z, p_eps


def expect(values: Tensor, p_z: Tensor, p_eps: Tensor) -> Tensor:
    """Expectation over (z', eps') of values on the panel of `expand_next`: (B * S, N * n_eps) -> (B, N)."""
    return torch.einsum("bz,bzne,bzne->bn", p_z, p_eps, values.reshape(p_eps.shape))
