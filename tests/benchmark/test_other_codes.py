"""Other codes beside ours: that HARK solves our economy, and what is said where it is missing."""

import numpy as np
import pytest
import torch

import deepham
from benchmarks import compare
from deepham import economics
from deepham.simulation.period import Panel


def test_what_is_missing_is_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(compare, "find_spec", lambda name: None)
    assert compare.main(["--only", "hark", "--output", str(tmp_path / "out")]) == 2
    assert 'hark: HARK is missing; pip install -c constraints.txt -e ".[compare]"' in " ".join(
        capsys.readouterr().out.split()
    )
    assert not (tmp_path / "out").exists()


def test_a_figure_that_was_not_measured_is_an_empty_cell():
    line = compare.Line("HARK", "grid", "global", 2.0, 0.5, 0.01, None, None, 3.0)
    assert compare.sheet([line]).markdown().splitlines()[-1] == "| HARK | grid | global | 2 | 0.5 | 0.01 |  |  | 3 |"


def test_tomorrow_households_of_hark_have_what_ours_have():
    hark = pytest.importorskip("benchmarks.hark", reason='needs the extra "compare"')
    economy, savings = economics.create("ks98"), np.array([0.0, 5.0, 60.0])
    together = np.array([30.0, 45.0])
    law = [lambda M: 0.9 * M, lambda M: 0.93 * M]
    given = {"aGrid": savings, "Mgrid": together, "AFunc": law, "LbrInd": economy.hours, "Pay": economy.income.numpy()}
    given |= {"UrateB": 0.1, "UrateG": 0.04, "ProdB": 0.99, "ProdG": 1.01, "CapShare": 0.36, "DeprRte": 0.025}
    found = hark._arrays(MrkvIndArray=np.array(economy.chain_matrix), **given)["mNextArray"]
    for z in (0, 1):
        K = torch.as_tensor(law[z](together))[:, None]
        for after in (0, 1):
            there = torch.full((2, 1), after)
            prices = economy.prices({"K": K}, there)
            for eps in (0, 1):
                own = torch.as_tensor(savings).expand(2, 3)
                wanted = economy.resources(own, torch.full((2, 3), eps), there, prices).T
                np.testing.assert_allclose(found[:, :, 2 * z + eps, 2 * after + eps], wanted, rtol=1e-12)
                np.testing.assert_array_equal(
                    found[:, :, 2 * z, 2 * after + eps], found[:, :, 2 * z + 1, 2 * after + eps]
                )


def test_the_income_of_hark_s_tomorrow_reaches_its_policy():
    """At any sizes, a household of HARK's consumes no more than it has, and more where it has more."""
    hark = pytest.importorskip("benchmarks.hark", reason='needs the extra "compare"')
    sizes = hark.Sizes(savings=12, resources=5, households=200, quarters=150, burn_in=50, tolerance=10.0)
    world = hark.solve(economics.create("ks98"), sizes, deepham.solve_on_grid("ks98").law)
    wealth = torch.linspace(0, 100, 50, dtype=torch.float64)[None].repeat(2, 1)
    people = deepham.load("ks98").ergodic.select([0, 1])
    panel = Panel(people, torch.tensor([[0], [1]]))
    for eps in (0, 1):
        seen = world.observe(panel, wealth, torch.full(wealth.shape, eps))
        chosen = world.choose(seen)["c"]
        assert bool((chosen <= seen.resources).all()) and bool((chosen.diff(dim=1) > 0).all())
