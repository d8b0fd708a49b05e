"""Economies and their mirror images: what is alike in both is no error of what differs."""

from types import SimpleNamespace

import torch

from deepham import economics
from deepham.algorithm import mirrored
from deepham.algorithm.first_order import Linear
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.training.stream import PanelStream


def test_a_panel_begins_with_the_people_of_one_half_and_the_opposite_luck(seeded):
    hank = economics.create("hank")
    k = hank.initial_assets((4, 5), seeded())
    z = hank.chain.typical_z() + 0.01 * torch.randn((4, 3), generator=seeded(1), dtype=torch.float64)
    panel = mirrored.begin(Panel(Population.panel(k, torch.zeros_like(k).long()), z), hank.chain.typical_z())
    torch.testing.assert_close(panel.z[:2] + panel.z[2:], 2 * hank.chain.typical_z().expand(2, -1))
    assert torch.equal(panel.z[:2], z[:2])
    assert torch.equal(panel.population.k[2:], k[:2])


def test_the_halves_of_a_stream_have_opposite_luck(seeded):
    hank = economics.create("hank")
    moved = PanelStream.__new__(PanelStream)
    moved.settings = SimpleNamespace(newton=SimpleNamespace(mirrored=1.0))
    moved.economy, moved.generator, moved.grid = hank, seeded(), wealth_grid(hank, 20, 25.0)
    people = on_grid(
        moved.grid, Population.panel(torch.full((4, 7), hank.B, dtype=torch.float64), torch.arange(7).repeat(4, 1)), 7
    )
    plan = World(hank, lambda seen: 0.5 * seen.resources, resting=True)
    panel = moved._moved(plan, Panel(people, hank.chain.typical_z().repeat(4, 1)), 3)
    shocks = panel.z[:, :2]
    torch.testing.assert_close(shocks[:2], -shocks[2:])
    assert float(shocks[:2].abs().min()) > 0 and not torch.equal(shocks[0], shocks[1])


def test_what_differs_is_seen_however_large_what_is_alike(seeded):
    """Residuals alike + sign x slope, of two samples: least squares of their differences finds the slope."""
    each, slope = [], 0.3
    for rows in (6, 10):
        alike = 1e6 * torch.randn(rows // 2, generator=seeded(rows), dtype=torch.float64)
        moves = torch.rand(rows // 2, 1, generator=seeded(2), dtype=torch.float64)
        residual = torch.cat([alike - slope * moves[:, 0], alike + slope * moves[:, 0]])
        each.append((residual, torch.cat([moves, -moves])))
    residual, jacobian = (torch.cat(part) for part in zip(*each))
    weight = torch.full_like(residual, 1 / 16)
    differs, counts = mirrored.apart(Linear(residual, weight, jacobian, jacobian), weight, [6, 10])
    assert len(counts) == 8 and float(counts.sum()) == 1
    found = torch.linalg.lstsq(differs.jacobian, -differs.residual[:, None]).solution
    torch.testing.assert_close(found, torch.full_like(found, slope), rtol=1e-6, atol=0)
