"""What papers show of a solved economy: tables of its cross-sections, figures, and how it compares with another."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from deepham.economics.economy import Economy
from deepham.errors import InputError, show
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.solution import arguments, cross_sections
from deepham.solution.welfare import Welfare, welfare
from deepham.system.threads import one_thread

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure
    from xarray import Dataset


class ForPapers:
    """The part of `SolvedEconomy` that is for papers."""

    name: str
    economy: Economy
    grid: Tensor
    z: Tensor
    if TYPE_CHECKING:

        @cached_property
        def mass(self) -> Tensor: ...
        @property
        def world(self) -> World: ...
        @property
        def cross_sections(self) -> Panel: ...
        def begin(self, shock: Tensor) -> Panel: ...
        def consumption(self, *, population=None, **household) -> np.ndarray: ...
        def resources(self, *, population=None, **household) -> np.ndarray: ...
        def value(self, *, population=None, **household) -> np.ndarray: ...

    @property
    def pooled(self) -> Population:
        """The ergodic cross-section on average over the aggregate states, one economy, (1, n_eps * G)."""
        return cross_sections.pooled(self)

    # -- tables ----------------------------------------------------------------------------------------------------

    def distribution(self, z=None) -> pandas.DataFrame:
        """The ergodic distribution of households, as `start=` and `population=` take it.

        Args:
            z: an aggregate state by index or name, in which the cross-section is taken; None: the average over all of
                them at their long-run shares.

        Returns:
            pandas.DataFrame with a row for each individual state and node of wealth: assets at the start of the period
            under the economy's name (goods), the individual state (by name, or by index where it has none), and "mass"
            (share of households; sums to one). `attrs["units"]` has the units.

        Raises:
            InputError: an unknown state; or any state where the aggregate state is a number, which has one
                cross-section.
        """
        return cross_sections.distribution(self, z)

    def mpc(self, gift=None, z=None) -> pandas.DataFrame:
        """Marginal propensities to consume: the share of a gift that is consumed in the period that it comes in.

        Args:
            gift: goods, given to one household at a time, at the prices of the ergodic cross-sections. None: a
                thousandth of typical consumption.
            z: as in `distribution`. None: the mean over the aggregate states that such households are in.

        Returns:
            `distribution` with a column "mpc"; `attrs["mean"]` is its mean over households.

        Raises:
            InputError: a gift that is not a positive number, or a state as for `distribution`.
        """
        return cross_sections.propensities(self, gift, z)

    def lorenz(self, z=None) -> pandas.DataFrame:
        """The Lorenz curve of wealth in the ergodic distribution.

        Args:
            z: as in `distribution`.

        Returns:
            pandas.DataFrame of shares between 0 and 1: "households", from the poorest, and the "wealth" that they hold
            together, which is negative among debtors. `attrs["gini"]` is the Gini coefficient.

        Raises:
            InputError: a state as for `distribution`, and wealth that is nothing on average.
        """
        return cross_sections.lorenz_curve(self, z)

    # -- figures ---------------------------------------------------------------------------------------------------

    def plot_distribution(self, beside=None) -> Figure:
        """Figure of the ergodic distribution of wealth: densities by individual state and the upper tail.

        Args:
            beside: other solved economies by label, such as {"beta 0.985": other, "grid": grid}, which are laid over
                it. Individual states and units are taken to be those of this one.

        Returns:
            A matplotlib Figure, which a notebook shows; `savefig` writes it.

        Raises:
            InputError: something that is not a solved economy, or one with other individual states.
        """
        from deepham.presentation import figures_solved  # matplotlib, which takes a third of a second to import

        return figures_solved.distribution_figure(figures_solved.layers(self._with(beside)))

    def plot_lorenz(self, beside=None) -> Figure:
        """Figure of the Lorenz curve of wealth, with the Gini coefficient, or where wealth is nothing on average of
        what the poorest hold together.

        Args, result and errors: as for `plot_distribution`.
        """
        from deepham.presentation import figures_solved

        return figures_solved.lorenz_figure(figures_solved.layers(self._with(beside)))

    def plot_policy(self, z=None, beside=None) -> Figure:
        """Figure of what households do at the ergodic cross-section, by wealth and individual state: consumption, the
        change of wealth and the marginal propensity to consume.

        Args:
            z: an aggregate state by index or name; None: the last. A number that moves continuously is at its mean.
            beside: as in `plot_distribution`.

        Returns:
            A matplotlib Figure.

        Raises:
            InputError: as for `distribution` and `plot_distribution`.
        """
        from deepham.presentation import figures_solved

        cell = -1 if z is None else cross_sections.cell_of(self.economy, z)
        return figures_solved.policies_figure(figures_solved.layers(self._with(beside)), cell)

    def plot_errors(self, beside=None) -> Figure:
        """Figure of mean Euler errors (percent of consumption) and Bellman errors (utils) by wealth at the ergodic
        cross-sections, with exact expectations: their size and, of this economy, also their sign.

        Args, result and errors: as for `plot_distribution`.
        """
        from deepham.algorithm.by_wealth import errors_by_wealth
        from deepham.presentation import figures_solved

        found = {label: errors_by_wealth(one.world, one.cross_sections) for label, one in self._with(beside).items()}
        return figures_solved.errors_figure(found)

    def _with(self, beside) -> dict[str, Any]:
        """This economy and those beside it, by label."""
        if beside is None:
            return {self.name: self}
        if not isinstance(beside, Mapping) or not all(isinstance(label, str) for label in beside):
            raise InputError(f"beside: expected solved economies by label, {{'other': solution}}, got {show(beside)}")
        for label, one in beside.items():
            if not isinstance(one, ForPapers):
                raise InputError(f"beside[{label!r}]: expected a solved economy, got {show(one)}")
            if one.economy.chain.n_eps != self.economy.chain.n_eps or one.economy.asset != self.economy.asset:
                raise InputError(
                    f"beside[{label!r}]: its households have {one.economy.asset} and {one.economy.chain.n_eps} "
                    f"individual states, those of {self.name} {self.economy.asset} and {self.economy.chain.n_eps}; "
                    "expected the same, or a figure each"
                )
        label = self.name if self.name not in beside else "this"
        return {label: self, **beside}

    # -- another calibration ---------------------------------------------------------------------------------------

    @one_thread()
    def transition(
        self,
        to,
        periods: int = 40,
        draws: int = 200,
        seed: int = 0,
        agents: int | None = None,
        keep_draws: bool = False,
    ) -> Dataset:
        """What a permanent and unexpected change of parameters brings about: in period 0 the households of this economy
        wake up in another calibration, with what they hold, and go on by its solution.

        Args:
            to: the solved economy of the other calibration.
            periods, draws, seed: as in `irf`. The two copies, one of which keeps its parameters, have the same luck.
            agents: None for the continuum, or the number of agents of a panel.
            keep_draws: keep every draw's paths, (draw, period), as K_shocked (after the change) and K_baseline.

        Returns:
            xarray.Dataset as `irf` returns it, which `deepham.plot_irf` draws: percent of what would have been without
            the change (rates and shares in percentage points), period 0 the first one under the new parameters. The
            cross-section and the aggregate state of period 0 are those of before.

        Raises:
            InputError: another economy; another calibration with other individual states or other shares of them, with
                a borrowing limit above what some households hold or a grid that ends below it; no change at all.
            OutOfDomain: as for `simulate`.
        """
        from deepham.solution.change import transition

        return transition(self, to, periods, draws, seed, agents, arguments.flag("keep_draws", keep_draws))

    @one_thread()
    def welfare(self, other, seed: int = 0) -> Welfare:
        """What the households of this economy would gain if they woke up in another calibration, with what they hold:
        percent of consumption for ever, by wealth. The transition from here to its long run is included.

        Args:
            other: the solved economy of the other calibration, with the same preferences. Its value function is asked
                about this economy's cross-sections, which may be far from those that it was trained on.
            seed: of the paths on which the mean error of each value function is measured and then taken out. Compare
                two trainings of one calibration to see the error that is left: their welfare should be the same.

        Returns:
            Welfare: `mean`, `gaining`, `by_state`, `gain` at the nodes `k`, and a `table` by quantiles of wealth.

        Raises:
            InputError: another economy, preferences that differ (their utils cannot be compared), or a planner's
                solution.
            OutOfDomain: as for `simulate`.
        """
        if not isinstance(other, ForPapers):
            raise InputError(f"other: expected a solved economy, got {show(other)}")
        return welfare(self, other, arguments.whole("seed", seed, 0))
