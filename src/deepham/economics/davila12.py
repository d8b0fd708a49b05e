"""The economy in which Davila, Hong, Krusell and Rios-Rull (2012) ask how much a planner would have households save.

Equations, symbols and parameters are those of rare_event.py; a period is a year. Few households earn most, wealth is
concentrated, and most people live on wages: a planner who cannot insure them raises wages instead, by far more
capital than the market has (`algorithm.objective=planner`). With one aggregate state it is the economy of their paper,
with two that of Han, Yang and E (2021, section 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from deepham.economics.economy import parameter, require
from deepham.economics.rare_event import RareEvent


@dataclass(eq=False)
class Davila12(RareEvent):
    """The economy of Davila, Hong, Krusell and Rios-Rull (2012); the calibration lies in conf/model/davila12.yaml."""

    planner_return: float = parameter("gross return at which a planner's networks and grids are scaled", "per year")

    source: ClassVar = "Davila, Hong, Krusell and Rios-Rull (2012)"
    planner: ClassVar = True

    def scaling_return(self) -> float:
        """A planner's capital earns another return than the market's: below one, where it comes to wages that matter
        most."""
        return self.planner_return if self.pays else self.stated_return

    def initial_assets(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """As in rare_event.py. A planner's economies begin with the capital that the market has, where that is less
        than is typical of the planner, so that networks see the way that leads from one to the other; dispersed as in
        the market, with a standard deviation of 2.2 times the mean.
        """
        assets, K = super().initial_assets(shape, generator), self.typical_state()["K"]
        if not self.pays:
            return assets
        return min(1.0, self._state_at(self.stated_return)["K"] / K) * assets**2 / (2 * K)

    def check(self) -> None:
        super().check()
        # a planner may also have households hold less than at beta R = 1: it takes from them what their assets cost
        # others
        require(
            self.planner_return > 1 - self.delta,
            "planner_return: expected a gross return above 1 - delta, what capital keeps by "
            f"itself, got {self.planner_return:g}",
        )
