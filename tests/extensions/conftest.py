"""What the extensions share: a cross-section of households that are all alike, in every aggregate state."""

import pytest
import torch

from deepham.simulation.period import Panel
from deepham.simulation.population import Population


@pytest.fixture
def alike():
    """alike(economy, assets): one economy in each aggregate state, of three households that hold as much."""

    def panel(economy, assets):
        z = economy.chain.typical_z()
        held = torch.full((len(z), 3), assets, dtype=torch.float64)
        return Panel(Population.panel(held, torch.zeros_like(held, dtype=torch.long)), z)

    return panel
