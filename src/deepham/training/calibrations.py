"""The calibrations that a batch is of: the model's own, or several of a box of them.

Those of a box are points of a Sobol sequence, which wander: each moves on along every side, back and forth, so that
the points always fill the box evenly and every one comes by. The cross-sections of their economies come along.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch

from deepham.economics.box import Box
from deepham.economics.economy import Economy
from deepham.networks.settings import NetworkSettings
from deepham.networks.varied import Networks, sharing
from deepham.simulation.period import World

STRIDE = 0.02  # of the length of a side, that a point moves in a turn; on each further side somewhat less
SLOWER = 0.8


@dataclass(frozen=True)
class Calibration:
    """One of those of a batch.

    Attributes:
        exact: the economy in float64, for equations that are solved.
        world: the economy in float32 with the networks as they are in it.
    """

    exact: Economy
    world: World

    @cached_property
    def typical(self) -> dict[str, float]:
        """`Economy.typical_household`."""
        return self.world.economy.typical_household()


class Calibrations:
    """Those of a box: number 0 is the model's own and stays, the others wander.

    Args:
        networks: those that learn, of the model's own calibration.
        number: how many there are.
        seed: of the points.
    """

    def __init__(self, box: Box, settings: NetworkSettings, networks: Networks, number: int, seed: int):
        self.box, self.settings, self.networks, self.number = box, settings, networks, number
        sobol = torch.quasirandom.SobolEngine(len(box.sides), scramble=True, seed=seed % 2**31)
        self.points = sobol.draw(max(number - 1, 1), dtype=torch.float64)

    def at(self, index: int, turn: int, device) -> Calibration:
        """A wandering calibration, from 1 on, after so many turns."""
        parameters = self.box.at(self.point(index, turn))
        economy = self.box.create(parameters)
        single = economy.to(dtype=torch.float32)
        policy, value = sharing(self.networks, single, self.settings, self.box.scaled(parameters))
        return Calibration(economy.to(device=device), World(single.to(device=device), policy, value, clamped=True))

    def point(self, index: int, turn: int) -> list[float]:
        """Where it then is in the unit cube."""
        found = []
        for side, start in enumerate(self.points[index - 1].tolist()):
            # there and back is twice the length of a side
            way = math.fmod(start + turn * STRIDE / 2 * SLOWER**side, 1.0)
            found.append(1 - abs(1 - 2 * way))
        return found
