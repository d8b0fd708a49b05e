"""Six generations by Newton steps: the saving rates of the closed form, and capital's path on the same shocks."""

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from deepham.commands.configuration import read
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.simulation.walk import walk
from deepham.system.paths import conf_folder
from deepham.training.fit import fit


@pytest.mark.slow
def test_every_age_saves_what_the_closed_form_says_and_so_capital_follows_its_path():
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        chosen = read(compose("train", ["experiment=olg6", "algorithm.newton.value_updates=1"]))
    module, _ = fit(chosen, [], [])
    economy = chosen.economy.to(dtype=torch.float64)
    policy = module.policy_average.double()
    # one household of each age is all there is: nobody has luck of its own
    k = economy.steady_state()["K"] * torch.tensor([[0.0, 0.5, 1.0, 1.5, 2.0, 1.0]], dtype=torch.float64)
    start = Panel(Population.panel(k, torch.arange(6)[None]), torch.zeros(1, 1, dtype=torch.long))
    shocks = economy.chain.draw_path(start.z, 300, torch.Generator().manual_seed(3))
    paths = []
    with torch.no_grad():
        for rule in (policy, lambda seen: (1 - economy.saved[seen.eps]) * seen.resources):
            periods = list(walk(World(economy, rule), start, shocks))
            paths.append(torch.cat([period.seen.aggregates["K"] for period in periods])[20:])
            distance = float(economy.known(periods[-1], {})["saving_rate"][0])
            assert distance < 0.01  # percent of what they have: the goal
    assert float((paths[0] / paths[1] - 1).abs().max()) < 1e-3
