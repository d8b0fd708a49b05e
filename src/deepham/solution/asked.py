"""What the functions behind the methods of a solved economy ask of it."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

import numpy as np
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population


class Solved(Protocol):
    """See SolvedEconomy, which is one."""

    economy: Economy
    grid: Tensor

    @property
    def z(self) -> Tensor: ...
    @cached_property
    def mass(self) -> Tensor: ...
    @property
    def world(self) -> World: ...
    @property
    def pooled(self) -> Population: ...
    @property
    def cross_sections(self) -> Panel: ...
    def begin(self, shock: Tensor) -> Panel: ...
    def consumption(self, *, population=None, **household) -> np.ndarray: ...
