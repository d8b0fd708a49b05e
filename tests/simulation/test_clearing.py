"""Markets that clear: whatever demand looks like, as long as it falls, the price is found for every economy at once."""

import pytest
import torch

from deepham.economics.unknown import Unknown
from deepham.errors import InputError
from deepham.simulation.clearing import clear

Q = Unknown("price of a bond", "goods", low=0.5, high=2.0, typical=1.0, spread=0.05)
ROOTS = torch.linspace(0.51, 1.99, 40, dtype=torch.float64)[:, None]
DEMANDS = {
    "steep": lambda q: 300 * (ROOTS - q),
    "flat": lambda q: 1e-3 * (ROOTS - q),
    "bent": lambda q: torch.where(q < ROOTS, 200.0, 0.05) * (ROOTS - q),
    "flat far off": lambda q: torch.tanh(80 * (ROOTS - q)),
    "a cubic": lambda q: (ROOTS - q) ** 3 + 1e-4 * (ROOTS - q),
}


@pytest.mark.parametrize("shape", DEMANDS)
@pytest.mark.parametrize("first", [0.5, 1.0, 2.0])
def test_a_price_is_found_from_anywhere_for_every_economy(shape, first):
    found = clear({"q": Q}, lambda unknowns: {"q": DEMANDS[shape](unknowns["q"])}, {"q": torch.full_like(ROOTS, first)})
    assert bool(found.done.all())
    assert float(found.conditions["q"].abs().max()) <= 1e-9
    slack = 1e-9 / 1e-4 if shape == "a cubic" else 1e-5
    torch.testing.assert_close(found.values["q"], ROOTS, rtol=0, atol=slack)


def test_a_few_evaluations_do_from_nearby():
    asked = []

    def conditions(unknowns):
        asked.append(1)
        return {"q": 2 * (ROOTS**-2 - unknowns["q"] ** -2) * -1}

    clear({"q": Q}, conditions, {"q": (ROOTS + 2e-3).clamp(0.5, 2.0)})
    assert len(asked) <= 7


def test_what_jumps_across_zero_is_found_where_it_jumps():
    found = clear({"q": Q}, lambda unknowns: {"q": torch.where(unknowns["q"] < ROOTS, 1.0, -1.0)}, {"q": ROOTS * 0 + 1})
    torch.testing.assert_close(found.values["q"], ROOTS, rtol=1e-14, atol=0)


def test_what_clears_nowhere_ends_at_the_end_and_is_said():
    demand = torch.tensor([[1.0], [-1.0], [0.0]], dtype=torch.float64)
    found = clear({"q": Q}, lambda unknowns: {"q": demand + 0.1 * (1 - unknowns["q"])}, {"q": demand * 0 + 1})
    assert found.done.tolist() == [False, False, True]
    assert found.values["q"][:, 0].tolist() == [2.0, 0.5, 1.0]


def test_two_unknowns_that_depend_on_each_other_are_found_together():
    w = Unknown("wage", "goods", low=0.2, high=5.0, typical=1.0, spread=0.1)
    wanted = torch.tensor([[0.7, 2.0], [1.5, 0.4], [1.0, 1.0]], dtype=torch.float64)

    def conditions(unknowns):
        q, wage = unknowns["q"].log(), unknowns["w"].log()
        a, b = wanted[:, :1].log(), wanted[:, 1:].log()
        return {"w": (b - wage) + 0.8 * (a - q), "q": torch.expm1(3 * (a - q)) - 0.9 * (b - wage)}

    start = torch.ones(3, 1, dtype=torch.float64)
    found = clear({"q": Q, "w": w}, conditions, {"q": start, "w": start})
    assert bool(found.done.all())
    torch.testing.assert_close(torch.cat([found.values["q"], found.values["w"]], 1), wanted, rtol=1e-7, atol=0)


@pytest.mark.parametrize("names", [(), ("q", "p"), ("p",)])
def test_a_market_without_its_condition_is_refused(names):
    start = torch.ones(1, 1, dtype=torch.float64)
    with pytest.raises(InputError, match="one for each unknown, q, got"):
        clear({"q": Q}, lambda unknowns: dict.fromkeys(names, start), {"q": start})
