"""Chains of good times and bad and of unemployment, from what the field reports: durations and unemployment rates."""

from __future__ import annotations

import torch
from torch import Tensor

from deepham.economics.markov import JointChain, as_numbers
from deepham.errors import InputError, require, show

ROUNDING = 1e-12  # of a probability
PRINTED = 1e-4  # by how much a printed chain may miss a rate


def spells(durations) -> Tensor:
    """The transition matrix of two states, bad and good times, that last so many periods on average: (2, 2), float64.

    Args:
        durations: mean duration of each, in periods, above one.

    Raises:
        InputError: anything but two durations, in periods, above one.
    """
    stay = 1 - 1 / as_numbers("durations", durations)
    require(
        stay.shape == (2,) and bool((stay > 0).all()),
        f"durations: expected two numbers of periods, each above 1, got {show(durations)}",
    )
    return torch.stack([torch.stack([stay[0], 1 - stay[0]]), torch.stack([1 - stay[1], stay[1]])])


def unemployment_chain(aggregate, rates, durations, turning=None) -> JointChain:
    """The joint chain of Krusell and Smith (1998): eps is 0 where a household is unemployed and 1 where it works, and
    the unemployment rate is a function of z alone, in every period and exactly.

    A spell of unemployment lasts `durations[z]` periods on average while z stays what it is. Where z moves to z' the
    unemployed stay so with the probability of z', times `turning[z][z']`.

    Args:
        aggregate: P(z' | z), (n_z, n_z).
        rates: unemployment rate in each z, (n_z,), shares below one.
        durations: mean spell of unemployment in each z, (n_z,), periods, at least one.
        turning: (n_z, n_z), of which the diagonal is not read; None: ones. Krusell and Smith: [[1, .75], [1.25, 1]],
            bad before good, so that it takes longer to find work in a quarter that turns bad.

    Raises:
        InputError: numbers that do not fit each other, or a rate that these durations cannot lead to.
    """
    aggregate, u = as_numbers("aggregate", aggregate), as_numbers("rates", rates)
    spell, n_z = as_numbers("durations", durations), len(aggregate)
    factor = torch.ones(n_z, n_z, dtype=torch.float64) if turning is None else as_numbers("turning", turning)
    for name, value, shape in (("rates", u, (n_z,)), ("durations", spell, (n_z,)), ("turning", factor, (n_z, n_z))):
        require(value.shape == shape, f"{name}: expected shape {shape} as aggregate has, got {tuple(value.shape)}")
    require(bool(((u >= 0) & (u < 1)).all()), f"rates: expected shares in [0, 1), got {show(rates)}")
    require(bool((spell >= 1).all()), f"durations: expected at least one period, got {show(durations)}")
    same = torch.eye(n_z, dtype=torch.bool)
    remain = torch.where(same, 1.0, factor) * (1 - 1 / spell)  # P(unemployed | z, z', unemployed)
    lose = (u - u[:, None] * remain) / (1 - u[:, None])  # P(unemployed | z, z', employed)
    possible = ((remain >= 0) & (remain <= 1) & (lose >= -ROUNDING) & (lose <= 1 + ROUNDING)) | (aggregate == 0)
    for z, after in (~possible).nonzero().tolist()[:1]:
        raise InputError(
            f"durations: from z {z} to z {after} a share {float(remain[z, after]):.4g} of the unemployed would stay so "
            f"and {float(lose[z, after]):.4g} of the employed lose their work; expected probabilities, so other "
            "durations, rates or turning"
        )
    individual = torch.stack([remain, 1 - remain, lose, 1 - lose], -1).clamp(0, 1).reshape(n_z, n_z, 2, 2)
    joint = torch.einsum("zy,zyef->zeyf", JointChain(aggregate, n_z, 1).aggregate, individual)
    return JointChain(joint.reshape(2 * n_z, -1), n_z=n_z, n_eps=2).carrying(torch.stack([u, 1 - u], 1))


def printed_chain(matrix, rates) -> JointChain:
    """A joint chain of (z, eps) as papers print it, eps 0 unemployed and 1 employed. With six digits it misses the
    unemployment rates by a millionth; the chain returned has them exactly in every period.

    Args:
        matrix: P(z', eps' | z, eps), rows and columns in the order (z0, 0), (z0, 1), (z1, 0), ...
        rates: unemployment rate in each z, (n_z,), shares below one.

    Raises:
        InputError: not a chain, or one that leads to other rates.
    """
    u = as_numbers("unemployment", rates)
    chain, shares = JointChain(matrix, n_z=len(u), n_eps=2), torch.stack([u, 1 - u], 1)
    # u(z) is a function of z alone only if the flows between z and z' carry one rate into the other
    arriving = torch.einsum("zye,ze->zy", chain.individual[..., 0], shares)
    gap = torch.where(chain.aggregate > 0, arriving - u, 0.0).abs()
    wrong = int(gap.amax(0).argmax())
    require(
        float(gap.max()) < PRINTED,
        f"unemployment: the chain leads to other rates than {u.tolist()}, for z {wrong} to "
        f"{[round(x, 6) for x in arriving[:, wrong].tolist()]}; change chain_matrix with it",
    )
    return chain.carrying(shares)
