"""The economy in which Davila, Hong, Krusell and Rios-Rull (2012) ask how much a planner would have households save.

Equations, symbols and parameters are those of rare_event.py; a year a period. Few households earn most, wealth is
concentrated, and most people live on wages: a planner who cannot insure them would raise wages, and so have far more
capital than the market (`algorithm.objective=planner`). With one aggregate state it is their economy, with two that of
Han, Yang and E (2021, section 5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from deepham.economics.rare_event import RareEvent


@dataclass(eq=False)
class Davila12(RareEvent):
    """The economy of Davila, Hong, Krusell and Rios-Rull (2012); the calibration lies in conf/model/davila12.yaml."""

    source: ClassVar = "Davila, Hong, Krusell and Rios-Rull (2012)"
    planner: ClassVar = True
