"""Which equations a grid solution was solved for, told by the values that they take.

The source of an economy says less: a comment changes it and no number, and a base class or a process in another file
changes the numbers and not it. So an economy is asked for everything that the household's problem and the cross-section
are made of, at a few stated points.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population

WEALTH = (0.0, 0.003, 0.02, 0.1, 0.3, 0.7, 1.3, 2.5, 5.0, 12.0, 40.0)  # above the limit, in units of typical assets
LEVELS = (0.5, 1.0, 1.7)  # of mean wealth, times that of the cross-section above
CONSUMPTION = (0.02, 0.3, 1.0, 2.0, 15.0)  # in units of the typical household's
DIGITS = 7  # processors and versions of PyTorch differ in the last of sixteen


@torch.no_grad()
def equations(economy: Economy) -> str:
    """A digest of the economy's equations: the same for the same numbers, whatever file or words they come from."""
    economy = economy.to(device="cpu", dtype=torch.float64)
    said = [f"{name} {_written(value)}" for name, value in _values(economy)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


def _values(economy: Economy) -> list[tuple[str, Tensor]]:
    chain, preferences = economy.chain, economy.preferences
    z = chain.around_typical()
    n_z, n_eps, limit, typical = len(z), chain.n_eps, economy.borrowing_limit, economy.typical_household()
    found = [("beta, limit, period", economy.table([economy.beta, limit, economy.period_length]))]
    for name, state in (("steady", economy.steady_state()), ("typical", economy.typical_state())):
        found += [(f"{name} {key}", economy.table(value)) for key, value in sorted(state.items())]
    c = typical["c"] * economy.table(CONSUMPTION)
    marginal = preferences.marginal_utility(c)
    found += [
        ("utility", preferences.utility(c)),
        ("marginal utility", marginal),
        ("its inverse", preferences.inverse_marginal_utility(marginal)),
    ]
    every = torch.arange(n_eps).expand(n_z, -1)
    here, there = torch.arange(n_eps)[:, None], chain.successors
    lives = {  # said where an economy says it
        "discount": economy.discount(here),
        "continues": economy.continues(here, there),
        "arrive": economy.arrive(economy.table([[1.0]]), here, there),
    }
    found += [(name, value) for name, value in lives.items() if isinstance(value, Tensor)]
    for level in LEVELS:
        people = _cross_section(level * (typical["assets"] - limit), limit, n_z, n_eps)
        unknowns = {name: economy.table([[value.typical]]).expand(n_z, 1) for name, value in economy.unknowns.items()}
        aggregates = economy.aggregates(people, z) | unknowns
        prices = economy.prices(aggregates, z)
        z_next, chance = chain.next_states(z, aggregates | prices)
        found += [
            *sorted(aggregates.items()),
            *sorted(prices.items()),
            ("resources", economy.resources(people.k, people.eps, z, prices)),
            ("z'", z_next),
            ("P(z')", chance),
            ("P(eps')", chain.eps_probabilities(every[:, None], z[:, None], z_next)),
        ]
        if unknowns:
            seen = World(economy).seen_at(Panel(people, z), unknowns)
            choice = economy.complete(typical["c"] * torch.ones_like(people.k), seen)
            carried = economy.carry(choice, seen)
            found += [("carried", carried), *sorted(economy.conditions(choice, carried, seen).items())]
    return found


def _cross_section(scale: float, limit: float, economies: int, n_eps: int) -> Population:
    """Households at each level of WEALTH and in each individual state, no two levels and states of equal mass."""
    k = limit + scale * torch.tensor(WEALTH, dtype=torch.float64)
    mass = torch.arange(1, n_eps * len(k) + 1, dtype=torch.float64).sqrt().reshape(n_eps, -1)
    return Population.histogram(k, (mass / mass.sum()).expand(economies, -1, -1))


def _written(values: Tensor) -> str:
    """Numbers to DIGITS digits; what is next to nothing is nothing."""
    return " ".join(f"{0.0 if abs(x) < 1e-9 else x:.{DIGITS}g}" for x in values.double().flatten().tolist())
