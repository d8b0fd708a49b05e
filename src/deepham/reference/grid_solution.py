"""An economy that has been solved on a grid: it answers what every SolvedEconomy does."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from deepham.economics.economy import Economy
from deepham.reference.forecasts import LawOfMotion, PolynomialLaw, PriceLaw
from deepham.reference.grid import GridFunction
from deepham.simulation.period import World
from deepham.simulation.population import Population
from deepham.solution.solved import SolvedEconomy


class GridSolution(SolvedEconomy):
    """A SolvedEconomy whose policy and value function are on a grid, with the law of motion that households forecast
    with.

    Args:
        name, economy, z: as in SolvedEconomy, the economy that it was solved for.
        law: log K' of mean assets K and the aggregate state.
        r_squared: (n_z,) of its regression on the simulated paths, of log K' by state of a chain, of log K'/K for a
            polynomial.
        policy, value: consumption, goods per period, and lifetime utility, utils.
        grid: (G,) nodes of the wealth histogram.
        start: (1, n_eps * G) average cross-section of the path it was found on; where a comparison starts.
        measures: of the solution under the project's definitions; "forecast": errors of the law of motion iterated on
            its own (Den Haan, 2010); "doubling": distance to a solution on grids of half as many nodes.
        equations: a digest of what it solves, as `deepham.reference.equations` tells economies apart.
        mass: (n_z, n_eps * G) as in SolvedEconomy.

    Attributes:
        law, r_squared, measures, equations: as given.
        start: Population of one economy.
        policy_function, value_function: policy and value.

    Raises:
        InputError: one line on what does not fit.
    """

    policy_function: GridFunction
    value_function: GridFunction

    def __init__(
        self,
        name: str,
        economy: Economy,
        law: LawOfMotion | PolynomialLaw | PriceLaw,
        r_squared: Tensor,
        policy: GridFunction,
        value: GridFunction,
        grid: Tensor,
        start: Tensor,
        measures: dict[str, float],
        equations: str,
        mass: Tensor,
        z: Tensor | None = None,
    ):
        self.start = Population.histogram(grid, start.reshape(1, economy.chain.n_eps, -1))
        super().__init__(name, economy, policy, value, grid, mass, z)
        self.law, self.r_squared = law, r_squared
        self.measures, self.equations = measures, equations

    @property
    def on_nodes(self) -> World:
        """Its world for populations that are histograms on `grid`: the same to rounding, several times faster."""
        return World(
            self.economy, self.policy_function.on_histogram(self.grid), self.value_function.on_histogram(self.grid)
        )

    def to(self, device) -> GridSolution:
        """A copy on the device."""

        def moved(function: GridFunction) -> GridFunction:
            return replace(function, grid=function.grid.to(device), values=function.values.to(device))

        law = {name: x if x is None else x.to(device) for name, x in vars(self.law).items()}
        return GridSolution(
            self.name,
            self.economy.to(device=device),
            replace(self.law, **law),
            self.r_squared.to(device),
            moved(self.policy_function),
            moved(self.value_function),
            self.grid.to(device),
            self.start.weight.to(device),
            self.measures,
            self.equations,
            self.mass.to(device),
            **{name: z.to(device) for name, z in self.economy.chain.kept(self.z).items()},
        )

    def __repr__(self) -> str:
        grid = self.policy_function.grid
        return f"GridSolution({self.name!r}, {len(grid.k)} nodes of assets, {len(grid.K)} of their mean)"
