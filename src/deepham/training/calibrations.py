"""The calibrations that a batch is of: the model's own, or several of a box of them.

Those of a box are points of a Sobol sequence, which wander: each swings back and forth along every side, so that the
points always fill the box, somewhat more densely at its edges, and come by everywhere. The cross-sections of their
economies come along.
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

STRIDE = 0.01  # of the way there and back along a side, that a point goes in a turn; on each further side less
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
            # like a pendulum, longest at the edges: a function that is fitted between points is worst there
            way = start + turn * STRIDE * SLOWER**side
            found.append((1 - math.cos(2 * math.pi * way)) / 2)
        return found
