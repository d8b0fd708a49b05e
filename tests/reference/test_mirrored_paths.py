"""What a path and its mirror image are worth: the scatter of long-run means, and whether standard errors claim it."""

import numpy as np
import pytest
import torch
import yaml
from walking import advance_histogram

from deepham import economics
from deepham.algorithm.business_cycle import standard_error
from deepham.algorithm.ergodic import together
from deepham.reference.settings import ReferenceSettings
from deepham.reference.store import find
from deepham.simulation.continuum import on_grid, wealth_grid
from deepham.simulation.period import Panel, World
from deepham.simulation.population import gini
from deepham.system.paths import conf_folder

PAIRS, BURN_IN, PERIODS, EVERY, BLOCKS = 8, 4000, 3000, 10, 10


@pytest.mark.slow
def test_mirrored_paths_scatter_less_and_their_standard_errors_say_how_much():
    """The grid solution of Krusell-Smith, on eight pairs of paths; printed with -s, as docs/accuracy.md has it."""
    economy = economics.create("ks98")
    settings = yaml.safe_load((conf_folder() / "reference/standard.yaml").read_text(encoding="utf-8"))
    reference = find("ks98", economy, ReferenceSettings(**settings), store=None)
    grid = wealth_grid(economy, 300, 8.0)
    policy = reference.policy_function.on_histogram(grid)
    paths = torch.cat(
        [
            economy.chain.draw_path(
                torch.tensor([[1]]), BURN_IN + PERIODS, torch.Generator().manual_seed(seed), mirrored
            )
            for seed in range(PAIRS)
            for mirrored in (False, True)
        ]
    )
    panel = together(economy, on_grid(grid, reference.start, 2), None, paths)
    people, series = panel.population, {"K": [], "gini": []}
    for t in range(BURN_IN + PERIODS - 1):
        if t >= BURN_IN and t % EVERY == 0:
            series["K"].append(people.mean(people.k))
            series["gini"].append(gini(people.k, people.weight))
        people, _ = advance_histogram(World(economy, policy), grid, Panel(people, paths[:, t]), paths[:, t + 1])
    for name, values in series.items():
        found = torch.stack(values).numpy()  # (T, 2 PAIRS)
        mean, pairs = found.mean(), found.reshape(len(found), PAIRS, 2).mean(2)
        alone, together_ = found.mean(0).std(ddof=1) / mean, pairs.mean(0).std(ddof=1) / mean
        claimed = []
        for pair in pairs.T:
            blocks = np.array_split(pair, BLOCKS)
            claimed.append(
                standard_error(
                    pair.mean(), [np.concatenate(blocks[:i] + blocks[i + 1 :]).mean() for i in range(BLOCKS)]
                )
            )
        print(
            f"{name}: sd of one path {alone:.3%}, of a pair {together_:.4%}, mean standard error "
            f"{np.mean(claimed) / mean:.4%}"
        )
        assert together_ < alone / 10
        assert 0.5 < np.mean(claimed) / mean / together_ < 2
