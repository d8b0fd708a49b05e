"""Chains from rates and durations against the chain that is printed in the literature."""

import pytest
import torch

from deepham.economics.unemployment import spells, unemployment_chain
from deepham.errors import InputError


def test_krusell_and_smith_by_rates_and_durations_is_their_printed_chain(plain):
    """Den Haan, Judd and Juillard (2010) print six digits of what their rates and durations lead to."""
    turning = [[1.0, 0.75], [1.25, 1.0]]
    chain = unemployment_chain(spells([8, 8]), rates=[0.10, 0.04], durations=[2.5, 1.5], turning=turning)
    joint = torch.einsum("zy,zyef->zeyf", chain.aggregate, chain.individual).reshape(4, 4)
    torch.testing.assert_close(joint, torch.tensor(plain.printed, dtype=torch.float64), rtol=0, atol=6e-7)
    shares = torch.tensor([[0.10, 0.90], [0.04, 0.96]], dtype=torch.float64)
    torch.testing.assert_close(torch.einsum("zyef,ze->zyf", chain.individual, shares), shares.expand(2, 2, 2))


@pytest.mark.parametrize(
    "build, reason",
    [
        (lambda: spells([1.0, 8.0]), "durations: expected two"),
        (lambda: spells(8.0), "durations: expected"),
        (lambda: unemployment_chain([[0.5, 0.5]] * 2, [0.1], [2.0, 2.0]), r"rates: expected shape \(2,\)"),
        (lambda: unemployment_chain([[1.0]], [1.0], [2.0]), r"rates: expected shares"),
        (lambda: unemployment_chain([[1.0]], [0.1], [0.5]), "durations: expected at least one"),
        (lambda: unemployment_chain([[0.5, 0.5]] * 2, [0.5, 0.01], [50.0, 1.5]), "durations: from z 0 to z 1"),
    ],
)
def test_chains_that_cannot_be_are_refused_in_one_line(build, reason):
    with pytest.raises(InputError, match=reason) as error:
        build()
    assert "\n" not in str(error.value)
