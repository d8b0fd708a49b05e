"""Properties of what an economy states: its parameters, its chain, its states at rest, what it reports."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from deepham.checks.trial import CLOSE, NotAsked, distance, hold, panel, world
from deepham.economics.economy import Economy
from deepham.economics.registry import unread

SUM = 1e-12  # of probabilities
SHARE = 1e-9  # of a long run
ROUGHLY = 0.01  # relative


def parameters(economy: Economy) -> None:
    """Each says what it is, some method reads it, and as plain data they make the same economy again."""
    for each in fields(economy):
        hold(bool(each.metadata.get("meaning") and each.metadata.get("unit")), f"{each.name} does not say what it is")
    nobody = unread(type(economy))
    hold(not nobody, f"no method reads {', '.join(nobody)}")
    again = type(economy)(**json.loads(json.dumps(economy.parameters())))
    hold(again.parameters() == economy.parameters(), "the calibration is not plain data")
    hold(again.steady_state() == economy.steady_state(), "the same parameters make another steady state")


def chain(economy: Economy) -> None:
    """Probabilities are none below zero and sum to one, and the long run that is used is theirs."""
    chain: Any = economy.chain  # a finite one knows more
    listed = chain.every_z() is not None
    for table in (chain.individual, *([chain.aggregate] if listed else [])):
        hold(bool((table >= 0).all()), "a probability is negative")
        hold(float((table.sum(-1) - 1).abs().max()) < SUM, "probabilities do not sum to one")
    if listed:
        long_run = chain.stationary_z()
        hold(float((long_run @ chain.aggregate - long_run).abs().max()) < SHARE, "the long run of z is not its own")
        for z, share in enumerate(chain.stationary_eps()):
            gap = float((share @ chain.individual[z, z] - share).abs().max())
            hold(gap < SHARE, f"the long run of individual states in z {z} is not its own")
        hold(float((chain.average().sum(1) - 1).abs().max()) < SHARE, "the average chain does not sum to one")
    else:
        share = chain.eps_shares()
        hold(float((share @ chain.individual - share).abs().max()) < SHARE, "the long run of eps is not its own")


def sparse_chain(economy: Economy) -> None:
    """The successors of a state that are listed are all there are, with the probabilities of the whole chain."""
    chain: Any = economy.chain
    z = chain.typical_z()
    found = _typical(economy, len(z))
    z_next, p_z = chain.next_states(z, found | economy.prices(found, z))
    hold(float((p_z.sum(-1) - 1).abs().max()) < SUM, "the probabilities of tomorrow's z do not sum to one")
    every = torch.arange(chain.n_eps)
    for s in range(z_next.shape[1]):
        now, after = z, z_next[:, s]
        if z.shape[-1] == 1:  # else several numbers, which do not move the probabilities
            now, after = now.expand(-1, chain.n_eps), after.expand(-1, chain.n_eps)
        whole = chain.eps_probabilities(every.expand(len(z), -1), now, after)
        listed = chain.move_probabilities(every.expand(len(z), -1), now, after)
        hold(float((listed.sum(-1) - 1).abs().max()) < SUM, "the successors that are listed do not sum to one")
        dense = torch.zeros_like(whole).scatter_add(-1, chain.successors.expand(listed.shape), listed)
        hold(float((dense - whole).abs().max()) < SUM, "successors are left out that the chain leads to")


def at_rest(economy: Economy) -> None:
    """In the steady and in the typical state c + k' = m, with assets that stay what they are; prices are finite."""
    for word, state in (("steady", economy.steady_state()), ("typical", economy.typical_state())):
        for name, value in state.items():
            hold(math.isfinite(value) and value > 0, f"{name} of the {word} state is {value:g}")
        held = state.get(economy.tracked, economy.typical_household()["assets"])
        priced = type(economy).asset_price is not Economy.asset_price
        price = economy.unknowns[economy.tracked].typical if priced else 1.0
        gap = abs(state["m"] - state["c"] - held * price)
        hold(gap < CLOSE * state["m"], f"in the {word} state c + k' misses m by {gap:.3g} goods")
    base = economy.frictionless()
    hold(base is None or base.possible, f"no household can live by {base}")
    calm = economy.without_aggregate_risk()
    hold(calm is None or calm.chain.n_z == 1, "without_aggregate_risk has several aggregate states")
    rest = economy.at_rest()
    hold(rest is None or rest.chain.n_z == 1, "at_rest has several aggregate states")
    hold(rest is None or not rest.unknowns, "at_rest has something left to find within the period")


def incomes(economy: Economy) -> None:
    """The average household of the typical state has what its prices and its long-run states say. Of an economy that
    states no twin without aggregate risk it is asked roughly: the mean over z is not that of the mean z."""
    roughly = economy.chain.every_z() is not None and not economy.chain.constant
    calm = economy.without_aggregate_risk() if roughly else economy
    mean, m = _mean_resources(calm or economy), (calm or economy).typical_state()["m"]
    hold(
        abs(mean / m - 1) < (ROUGHLY if calm is None else 1e-6),
        f"households with typical assets have {mean:.6g} on average, and m of the typical state is {m:.6g}",
    )


def _mean_resources(economy: Economy) -> float:
    chain: Any = economy.chain
    z = chain.typical_z()
    prices = economy.prices(_typical(economy, len(z)), z)
    k = torch.full((len(z), chain.n_eps), economy.typical_household()["assets"], dtype=torch.float64)
    resources = economy.resources(k, torch.arange(chain.n_eps).expand(len(z), -1), z, prices)
    if chain.every_z() is None:
        return float((resources @ chain.eps_shares()).mean())
    return float(chain.stationary_z() @ (resources * chain.stationary_eps()).sum(1))


def units(economy: Economy) -> None:
    """What is reported is described with its unit; what an economy has in common is (B, 1), its households' (B, N)."""
    start = panel(economy)
    period = world(economy).period(start)
    B, N = start.population.k.shape
    seen, books = period.seen, period.accounts
    hold(
        list(books) == list(economy.variables),
        f"accounts has {', '.join(books)}, variables {', '.join(economy.variables)}",
    )
    for name, (meaning, unit) in economy.variables.items():
        hold(bool(meaning and unit), f"variables: {name} does not say what it is in which unit")
    for what, found in (("aggregates", seen.aggregates), ("prices", seen.prices), ("accounts", books)):
        for name, value in found.items():
            hold(tuple(value.shape) == (B, 1), f"{what}: {name} has shape {tuple(value.shape)}, expected ({B}, 1)")
    own = {"resources": seen.resources, "carry": period.carried, "utility": period.utility} | period.choice
    for name, value in own.items():
        hold(tuple(value.shape) == (B, N), f"{name} has shape {tuple(value.shape)}, expected ({B}, {N})")
        hold(bool(value.isfinite().all()), f"{name} is not finite")


def known_answers(economy: Economy) -> None:
    """Each known answer is described, and is a finite number wherever households stand."""
    period = world(economy).period(panel(economy))
    found = economy.known(period, period.accounts)
    if economy.answers and not found:
        raise NotAsked("they are those of a longer path")
    hold(list(found) == list(economy.answers), f"known has {list(found)}, answers has {list(economy.answers)}")
    for name, (ours, answer) in found.items():
        hold(math.isfinite(float(ours)) and math.isfinite(answer), f"{name} is {float(ours):g}, its answer {answer:g}")


def copies(economy: Economy) -> None:
    """The copy in single precision is the same economy, and leaves the original alone."""
    before = economy.steady_state()
    moved, start = economy.to(dtype=torch.float32), panel(economy)
    if economy.unknowns:
        one, other = (world(economy).before(start), world(moved).before(start.to(dtype=torch.float32)))
    else:
        one, other = (world(each).observe(s) for each, s in ((economy, start), (moved, start.to(dtype=torch.float32))))
    for name, value in {"resources": other.resources, **other.prices}.items():
        exact: Tensor = one.resources if name == "resources" else one.prices[name]
        hold(
            value.dtype == torch.float32,
            f"{name} is not in the precision that was asked for; is it a table in `tables`?",
        )
        hold(distance(value.double(), exact) < 1e-4, f"{name} is another number in single precision")
    hold(economy.steady_state() == before, "the copy changed the original")


def _typical(economy: Economy, rows: int) -> dict[str, Tensor]:
    return {key: torch.full((rows, 1), x, dtype=torch.float64) for key, x in economy.typical_aggregates().items()}
