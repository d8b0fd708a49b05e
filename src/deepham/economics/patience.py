"""Households whose discount factor moves: what they spend without other risk, and how much their future counts."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.one_asset import OneAsset

ENOUGH, MOST = 1e-8, 2_000  # relative change that counts as none, of a rule to start from; iterations


def shares_spent(economy: OneAsset) -> Tensor:
    """The share of wealth that a household in each individual state consumes, (n_eps,), where nothing is risky but its
    own discount factor beta(eps), and R = 1 / beta: 1 / D(eps) with

        D(eps) = 1 + (beta(eps) R^(1-sigma) E[D(eps')^sigma | eps])^(1/sigma),

    which follows from V = D^sigma m^(1-sigma) / (1-sigma). With log utility D is `discounted_periods`. NaN or zero
    where a household would rather wait for ever.
    """
    sigma, moves = economy.preferences.sigma, economy.chain.average()
    spread, found = _discounts(economy) * economy.beta ** (sigma - 1), discounted_periods(economy)
    for _ in range(MOST):
        before, found = found, 1 + (spread * (moves @ found**sigma)) ** (1 / sigma)
        if not bool(((found / before - 1).abs() > ENOUGH).any()):
            break
    return 1 / found


def discounted_periods(economy: OneAsset) -> Tensor:
    """How many periods of the present one's worth a household's life is, (n_eps,): L(eps) = 1 + beta(eps) E[L(eps')],
    of those eps' alone in which it still lives. 1 / (1 - beta) where all live for ever and are alike."""
    return discounted_sum(economy, economy.chain.individual.new_ones(economy.chain.n_eps))


def discounted_sum(economy: OneAsset, each: Tensor) -> Tensor:
    """What comes together, discounted, over the rest of a life, (n_eps,), of so much a period in each individual state,
    (n_eps,)."""
    moves, n = economy.chain.average(), economy.chain.n_eps
    every = torch.arange(n, device=moves.device)
    lives = economy.continues(every[:, None].expand(n, n), every.expand(n, n))
    weight = _discounts(economy)[:, None] * (moves if lives is None else moves * lives)
    return torch.linalg.solve(torch.eye(n, dtype=moves.dtype, device=moves.device) - weight, each)


def mean_of_alike(economy: OneAsset, values: Tensor, mass: Tensor) -> Tensor:
    """Means of values (n_eps,) by mass (n_eps,) over the individual states whose households have as long and as patient
    a life before them, (n_eps,): over all of them, over an age, over a type. Zero where nobody is."""
    # ages and types differ by more than rounding
    _, kind = discounted_periods(economy).mul(1e8).round().unique(return_inverse=True)
    empty = values.new_zeros(int(kind.max()) + 1)
    total, held = (empty.scatter_add(0, kind, x) for x in (values * mass, mass))
    return (total / held).nan_to_num(0.0)[kind]


def _discounts(economy: OneAsset) -> Tensor:
    every = torch.arange(economy.chain.n_eps, device=economy.chain.device)
    return torch.as_tensor(economy.discount(every), dtype=economy.chain.dtype).expand(len(every))
