"""An economy that has been solved, by networks or on a grid, and the questions it answers.

Timing: k is held at the start of the period, the shocks are seen, then households consume. NumPy in, NumPy out.
"""

from __future__ import annotations

import json
from functools import cached_property
from inspect import signature
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from deepham.algorithm.ergodic import Ergodic, VerdictSettings, ergodic_path
from deepham.algorithm.evaluation import error_measures
from deepham.economics.economy import Economy
from deepham.economics.named_numbers import Innovation
from deepham.economics.named_states import StateShock
from deepham.errors import InputError, OutOfDomain
from deepham.presentation.saying import Tick, counting
from deepham.simulation.period import Observation, Panel, Policy, Value, World
from deepham.simulation.population import Population
from deepham.solution import arguments, datasets, impulse, paired, paths, signatures
from deepham.solution.for_papers import ForPapers
from deepham.solution.histories import Histories
from deepham.solution.risky import RiskySteadyState, at_the_end
from deepham.solution.shocks import read_shock
from deepham.solution.starts import adding_up, check_resources, start_at
from deepham.system import memory
from deepham.system.threads import one_thread

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from xarray import Dataset

CHUNK = 2**17  # households that go through a policy at once: bounds the memory
MOST_STARTS = 8  # seeds whose starting points of impulse responses are kept
named_states = signatures.keywords_from(lambda self: signatures.household(self.economy))


class SolvedEconomy(ForPapers):
    """Policy, value function and ergodic cross-sections of one economy.

    Args:
        name: of the economy, as in conf/model/.
        economy: float64, on the device of `grid`.
        policy, value: Observation -> (B, N), consumption and lifetime utility in float64.
        grid: (G,) wealth nodes of the continuum; everything is computed on its device.
        mass: (n_z, n_eps * G) ergodic cross-section in each aggregate state, as Population.histogram lays it out; one
            where the aggregate state is numbers. None: a subclass finds them when they are first asked for.
        z: (n_z, d), the ergodic mean of an aggregate state that is numbers; None where it is a finite chain.

    Attributes:
        economy: as given, in float64.
        grid: (G,) wealth nodes of the continuum, goods.
        z: (n_z, d) the aggregate state of each cross-section: every index, or the numbers given.
        policy_function: policy as given.
        value_function: value as given.

    Raises:
        InputError: one line on what does not fit.
    """

    def __init__(
        self,
        name: str,
        economy: Economy,
        policy: Policy,
        value: Value,
        grid: Tensor,
        mass: Tensor | None,
        z: Tensor | None = None,
    ):
        self.name, self.economy = name, economy
        self.policy_function, self.value_function = policy, value
        self.grid = grid.detach().double()
        self._given_mass = None if mass is None else mass.detach().to(self.grid)
        self._check_ergodic()
        self.z = self._check_z(z)
        self._starts: dict[int, tuple[Tensor, Tensor, Tensor]] = {}  # by seed, see `_ergodic_starts`

    @property
    def world(self) -> World:
        """The economy with its policy and value function, as `deepham.simulation` takes it."""
        return World(self.economy, self.policy_function, self.value_function)

    @cached_property
    def mass(self) -> Tensor:
        """Ergodic cross-section in each aggregate state, (n_z, n_eps * G), as Population.histogram lays it out."""
        return self._ergodic_mass() if self._given_mass is None else self._given_mass

    @cached_property
    def ergodic(self) -> Population:
        """The ergodic cross-sections as a Population, B = n_z."""
        return Population.histogram(self.grid, self.mass.reshape(len(self.mass), self.economy.chain.n_eps, -1))

    def _ergodic_mass(self) -> Tensor:
        """`mass` where none was given. Raises InputError where nothing else finds it."""
        raise InputError("mass: expected the ergodic masses (n_z, n_eps * nodes), got None")

    @property
    def cross_sections(self) -> Panel:
        """The ergodic cross-sections with their aggregate states."""
        return Panel(self.ergodic, self.z)

    def along(self, ergodic: Ergodic) -> SolvedEconomy:
        """The same policy and value function with the cross-sections of the path `ergodic`, whose grid may be another:
        economies that saw the same shocks are compared without the luck of each.
        """
        kept = self.economy.chain.kept(ergodic.mean_z)
        return SolvedEconomy(
            self.name,
            self.economy,
            self.policy_function,
            self.value_function,
            ergodic.grid,
            ergodic.mean_mass,
            **kept,
        )

    def begin(self, shock: Tensor) -> Panel:
        """Where paths begin whose first shocks are these (B, d): ergodic cross-sections, and an aggregate state that is
        numbers at its mean."""
        chain = self.economy.chain
        z = chain.begin(shock, self.z)
        return Panel(self.ergodic.select(chain.cell(z)), z)

    @property
    def calibration(self) -> dict:
        """The economy's parameters, a copy."""
        return self.economy.parameters()

    # -- policy and value ------------------------------------------------------------------------------------------

    @named_states
    def consumption(self, *, population=None, **household) -> np.ndarray:
        """Consumption of households, goods per period.

        Args:
            household: the states by the economy's names, k, eps and z in ks98. Assets are those held at the start of
                the period, finite and not below the borrowing limit. Assets and the individual state are numbers or
                arrays (..., n) that broadcast against each other; the aggregate state broadcasts over their leading
                dimensions. A discrete state goes by its index or name, a continuous one by its value. An individual
                state that has one value may be left out.
            population: mapping of assets, individual state and "weight" to 1-D arrays: the cross-section from which
                prices and moments are computed, the same in every aggregate state. None: the stored ergodic one of the
                aggregate state asked about. The households asked about are never part of it.

        Returns:
            float64 of the states' common shape.

        Raises:
            InputError: an unknown name or state, shapes that do not fit, assets below the borrowing limit, or
                households without resources.
        """
        return self._evaluate("consumption", lambda seen: self.world.choose(seen)["c"], household, population)

    @named_states
    def value(self, *, population=None, **household) -> np.ndarray:
        """Expected lifetime utility, utils, discounted to this period.

        Args, shape of the result, and errors: as for `consumption`.
        """
        return self._evaluate("value", self.value_function, household, population, self.world.before)

    @named_states
    def resources(self, *, population=None, **household) -> np.ndarray:
        """Resources m = c + k', goods per period: all that a household can consume or save.

        Args, shape of the result, and errors: as for `consumption`.
        """
        return self._evaluate("resources", lambda seen: seen.resources, household, population)

    @named_states
    def choices(self, *, population=None, **household) -> dict[str, np.ndarray]:
        """All that households choose, by the economy's names: c, goods per period; where hours are chosen n, hours; and
        the assets that they carry out of the period, goods, for KS98 k_next. Arguments and errors as for `consumption`.
        """

        def chosen(name: str):
            return self._evaluate("choices", lambda seen: self.world.choose(seen)[name], household, population)

        def carried(seen: Observation) -> Tensor:
            return self.economy.carry(self.world.choose(seen), seen)

        names = (*self.economy.choices, *self.economy.within)
        next_period = {f"{self.economy.asset}_next": self._evaluate("choices", carried, household, population)}
        return {name: chosen(name) for name in names} | next_period

    @torch.no_grad()
    def _evaluate(self, call: str, function: Policy, household: dict, population, look=None) -> np.ndarray:
        """look: what households see; None: where markets have cleared."""
        k, eps, z = arguments.household_states(self.economy, call, household)
        if population is not None:
            population = arguments.cross_section(self.economy, "population", population, self.grid.device)
        result = np.empty(k.size)
        k_flat, eps_flat = (torch.tensor(array.reshape(-1), device=self.grid.device) for array in (k, eps))
        z_flat = torch.tensor(z.reshape(-1, z.shape[-1]), device=self.grid.device)
        chain = self.economy.chain
        for one in z_flat.unique(dim=0):
            z_here = one[None]
            around = self.ergodic.select(chain.cell(z_here)) if population is None else population
            for where in (z_flat == one).all(1).nonzero()[:, 0].split(CHUNK):
                seen = (look or self.world.observe)(Panel(around, z_here), k_flat[where][None], eps_flat[where][None])
                check_resources(self.economy, self.economy.asset, seen)
                result[where.cpu().numpy()] = function(seen)[0].cpu().numpy()
        return result.reshape(k.shape)

    # -- simulation ------------------------------------------------------------------------------------------------

    @one_thread()
    def simulate(
        self,
        periods: int | None = None,
        economies: int = 1,
        agents: int | None = None,
        seed: int = 0,
        shocks=None,
        start=None,
        histories: bool = False,
    ) -> Dataset:
        """Simulate economies that start from the ergodic cross-section or from `start`.

        Args:
            periods, economies: how many, at least 1; periods=None is as many as `shocks` has.
            agents: None for the continuum (a histogram on `grid`, without sampling noise), or the number of agents of a
                panel.
            seed: at least 0; the same call gives the same numbers, and the same seed the same aggregate path whatever
                `agents` is. The global generators are left alone.
            shocks: path of the aggregate state by index or name, (periods,) or (economies, periods); where it is
                numbers the path of its innovation, in standard deviations; the first moves nothing. Also a pandas
                Series, or the name of a CSV file with a header: its column of the aggregate state's name, or its only
                one. What labels the periods there is kept as the coordinate "date". None draws it, the first state of a
                chain at its long-run shares.
            start: mapping as `population` in `consumption`, the cross-section at the start of period 0 in every
                economy; an aggregate state that is a number may stand beside it by its name, otherwise it starts at its
                ergodic mean. Goods have to add up: where labour follows from the aggregate state, as many households
                are in each individual state as belong to it, and a drawn path begins in a state to which they do. The
                continuum splits its points between the neighbouring nodes of `grid`; a panel draws its agents from it.
                None: the ergodic cross-section of the first aggregate state.
            histories: of a panel, also what every household has, earns and does; nothing else in the Dataset changes.

        Returns:
            xarray.Dataset of dimensions (economy, period): what the economy accounts for (K at the start of the period,
            C during it, ...), the aggregate state by index or the innovation, Gini coefficient, standard deviation and
            quantiles of wealth; units and descriptions as attributes, and `resource_gap`, the largest violation of a
            resource constraint in percent of output, with its reason where it is more than rounding. With
            histories=True also, of dimensions (economy, agent, period), for KS98 k (start of the period), eps (index),
            c, m = c + k_next, income = m - k, k_next (assets carried) and mpc, the marginal propensity to consume out
            of a small gift of assets.

        Raises:
            InputError: one line on the argument that does not fit.
            OutOfDomain: an economy reaches an aggregate state in which the model has no meaning.
        """
        return self._simulate(periods, economies, agents, seed, shocks, start, arguments.flag("histories", histories))[
            0
        ]

    def _simulate(self, periods, economies, agents, seed, shocks, start, histories=False) -> tuple[Dataset, Panel]:
        """The Dataset of `simulate` and the economies in its last period."""
        given = paths.read(self.economy, shocks)
        if periods is None and given.periods is None:
            raise InputError("periods: expected a whole number of at least 1, or a path in shocks= that says how many")
        periods = arguments.whole("periods", given.periods if periods is None else periods, 1)
        economies = arguments.whole("economies", economies, 1)
        agents = None if agents is None else arguments.whole("agents", agents, 1)
        if histories and agents is None:
            raise InputError(
                "histories: the continuum has no single households to follow; expected agents=, the "
                "number of households of a panel"
            )
        arrays = memory.simulation(
            self.economy, len(self.grid), memory.widest(self.policy_function), periods, economies, agents
        )
        if histories and agents is not None:
            arrays.append(memory.histories(periods, economies, agents))
        memory.require_memory(arrays, self.grid.device)
        generator = self._generator(seed)
        if shocks is None:
            path = self._draw_path(economies, periods, generator, adding_up(self, start))
        else:
            path = self.economy.naming.read_path(given.values, economies, periods, self.grid.device)
        begin = start_at(self, start, self.begin(path[:, 0]), agents, generator)
        kept = Histories(self.economy, begin, periods) if histories else None
        with counting("simulation", economies * (periods + 1)) as tick:
            grid = self.grid if agents is None else None
            found = datasets.record(self.world, begin, path, grid, generator, kept, tick)
        simulated = datasets.to_dataset(
            self.economy,
            found.series,
            path,
            kept and kept.series,
            model=self.name,
            calibration=self.calibration,
            seed=int(seed),
            agents="continuum" if agents is None else agents,
            **datasets.quality(self.economy, found.resource_gap, found.top_mass),
        )
        if given.dates is not None:
            simulated = simulated.assign_coords(date=("period", given.dates))
        return simulated, found.last

    @one_thread()
    def risky_steady_state(self, z: int | float | str = 0, periods: int = 3000, start=None) -> RiskySteadyState:
        """The continuum while the aggregate state is held and households go on expecting shocks.

        Args:
            z: the state that is held, by index or name. Where the aggregate state is numbers, the innovation that is
                held, in standard deviations; at zero the shocks that households expect do not come.
            periods: how long, at least 2. After a hundred or fewer nothing counts as settled. In ks98 wealth spreads
                over thousands of quarters.
            start: mapping as in `simulate`; None: the ergodic cross-section of z.

        Raises:
            InputError: an unknown state, one that the chain never stays in, or periods below 2 or more than fit the
                memory.
            OutOfDomain: as for `simulate`.
        """
        periods, z = arguments.whole("periods", periods, 2), self.economy.naming.read_held(z)
        memory.require_memory(
            memory.simulation(self.economy, len(self.grid), memory.widest(self.policy_function), periods, 1, None),
            self.grid.device,
        )  # before a path of this length is made
        path, last = self._simulate(periods, 1, None, 0, np.full(periods, z), start)
        return at_the_end(self, path, last)

    @one_thread()
    def irf(
        self,
        shock,
        periods: int = 40,
        draws: int = 200,
        seed: int = 0,
        agents: int | None = None,
        start=None,
        hold: int = 1,
        baseline: str = "drawn",
        keep_draws: bool = False,
        unit: str | None = None,
    ) -> Dataset:
        """Generalised impulse response: mean difference of two copies of the economy with the same luck.

        Args:
            shock: what is forced on one of the two copies.

                - "good->bad": the state of the period before is good. One copy's state is forced to bad in period 0,
                  the other's is drawn from the chain given good; afterwards both follow the chain with the same draws.
                  "any->bad": whatever the state before.
                - {"innovation": -2.0}, where the aggregate state is a number: so many standard deviations in period 0.
                  The other copy's innovation is drawn, or zero with baseline="forced".
                - {"Z": 1.0} with unit="percent" or unit="level", by the name of that number: the innovation that moves
                  it by so much in period 0.
                - Of both a list or a Series: a path of innovations from period 0 on.
                - {"transfer": 0.05, "top": 0.1, "bottom": 0.5}: in period 0 five percent of the wealth of the richest
                  tenth go to the poorest half ("after": a state of the period before).
            periods, draws: at least 1; pairs of economies that are averaged over.
            agents: None for the continuum, where only the aggregate state is random, or the number of agents of a
                panel.
            start: mapping as in `simulate`, the cross-section of the period before the shock (after "any", in each
                aggregate state in turn in which goods add up with it). None: 64 economies 80 periods on from the
                ergodic mean, which is the ergodic set where that is forgotten by then, and the middle of it where it is
                not. The solution keeps those of the last seeds: the first call with a seed takes longer than the next.
            hold: periods that the state, or one innovation, is forced for.
            baseline: "drawn", or "forced" to stay in the state before the shock in period 0, or without innovations as
                long as the other's are forced.
            keep_draws: keep every draw's paths, (draw, period), as K_shocked and K_baseline.
            unit: of a shock that goes by the name of the aggregate state: "percent" of what that state would be, or
                "level", in its own units (from its mean, if it is a number that moves by percent).

        Returns:
            xarray.Dataset of dimension ("period",), where period 0 is that of the shock. Quantities in percent of the
            baseline's mean in that period (ratio of means), rates and shares in percentage points, with the standard
            error (K_se) and quantiles over draws (K_q05, K_q25, K_q75, K_q95). Draws are stratified by the period in
            which the two copies' states meet, whose probability the chain gives exactly: `deepham.solution.paired`.

        Raises:
            InputError: an unknown shock or state, numbers out of range, or a response that is exactly zero in every
                draw.
            OutOfDomain: as for `simulate`.
        """
        periods, draws = arguments.whole("periods", periods, 1), arguments.whole("draws", draws, 1)
        agents = None if agents is None else arguments.whole("agents", agents, 1)
        keep_draws = arguments.flag("keep_draws", keep_draws)
        read = read_shock(self.economy, shock, hold, baseline, unit)
        if isinstance(read, Innovation) and read.hold > periods:
            raise InputError(f"shock: {read.hold} periods are forced, of periods={periods}; expected as many periods")
        pool = paired.POOL if isinstance(read, StateShock) else draws  # of paths of the aggregate state
        memory.require_memory(
            memory.response(
                self.economy, len(self.grid), memory.widest(self.policy_function), periods, draws, agents, pool
            ),
            self.grid.device,
        )
        generator = self._generator(seed)
        settling = 0 if start is not None or seed in self._starts else paired.economies(self) * (paired.SETTLE + 1)
        with counting("impulse response", settling + 2 * draws * (periods + 2)) as tick:
            if start is None:
                starts = self._ergodic_starts(seed, generator, tick)
            else:
                here, among = self.cross_sections, adding_up(self, start)
                here = here if read.before is not None or among is None else here.select(among.nonzero()[:, 0])
                here = here if read.before is None else here.select([read.before])
                starts = start_at(self, start, here, None, generator)
            drawn = paired.simulate_pairs(self.world, self.grid, starts, read, periods, draws, agents, generator, tick)
        attributes = {
            "title": f"Response to {read.in_words(self.economy.naming, self.economy.period)}",
            "model": self.name,
            "calibration": json.dumps(self.calibration),
            "shock": str(shock),
            "unit": unit or "",
            "draws": draws,
            "baseline": baseline,
            "hold": hold,
            "seed": int(seed),
            "agents": "continuum" if agents is None else agents,
        }
        return impulse.to_dataset(self.economy, drawn, keep_draws, attributes)

    @signatures.keywords_from(lambda self: list(signature(SolvedEconomy.irf).parameters.values())[1:])
    def plot_irf(self, shock, variables=None, **options) -> Figure:
        """Figure of `irf(shock, **options)`: responses with their 50 and 90 percent bands over draws.

        Args:
            shock: as in `irf`; or a Dataset that `irf` returned, or several by label, of which nothing is computed
                again, as in `deepham.plot_irf`.
            variables: names, one panel each; None: those of Y, C, I, K, r, w and hours that the economy has.
            options: the other arguments of `irf`, such as periods=40.

        Raises:
            InputError: as in `irf`, or an unknown variable.
            OutOfDomain: as in `irf`.
        """
        from deepham.presentation import figures_irf  # matplotlib, which takes a third of a second to import

        if figures_irf.are_responses(shock):
            if options:
                raise InputError(
                    f"{next(iter(options))}: these responses are computed already; expected variables alone, or a shock"
                )
            return figures_irf.plot_irf(shock, variables)
        # before the response is computed
        variables = figures_irf.chosen(variables, list(datasets.descriptions(self.economy)))
        return figures_irf.plot_irf(self.irf(shock, **options), variables)

    @one_thread()
    def errors(self, dates: int = 20, periods: int = 1000, seed: int = 0) -> dict[str, float]:
        """Errors in the continuum, at `dates` cross-sections spread over a simulated path of `periods`. Expectations
        are exact. It takes some seconds at the defaults.

        Returns:
            By name ("euler.mean", ...) the mean, p99 and max over the population of euler (percent of consumption),
            bellman_policy and bellman_optimality (utils).

        Raises:
            InputError: dates or periods below 1, more dates than periods, or a seed below zero.
            OutOfDomain: as for `simulate`.
        """
        dates, periods = arguments.whole("dates", dates, 1), arguments.whole("periods", periods, 1)
        if dates > periods:
            raise InputError(f"dates: expected at most as many as periods, got {dates} dates of {periods} periods")
        width = max(memory.widest(self.policy_function), memory.widest(self.value_function))
        arrays = memory.verdict(self.economy, VerdictSettings(len(self.grid), 2.0, 0, periods, dates), width)
        memory.require_memory(
            [(size, {name.removeprefix("verdict."): value for name, value in names.items()}) for size, names in arrays],
            self.grid.device,
        )
        return error_measures(self.world, self.along_path(dates, periods, seed))

    def along_path(self, dates: int, periods: int, seed: int) -> Panel:
        """So many cross-sections (`dates`), spread over a simulated path of so many periods that begins at the ergodic
        ones; `seed` draws its shocks.

        Raises:
            OutOfDomain: as for `simulate`.
        """
        shocks = self._draw_path(1, periods, self._generator(seed))
        path = ergodic_path(self.world, self.grid, self.begin(shocks[:, 0]), shocks, burn_in=0, dates=dates)
        self.economy.check_domain(path.z.flatten(0, 1), error=OutOfDomain)
        return path.dates.select(slice(dates))

    def _generator(self, seed) -> torch.Generator:
        return torch.Generator(self.grid.device).manual_seed(arguments.whole("seed", seed, 0))

    def _ergodic_starts(self, seed: int, generator: torch.Generator, tick: Tick | None = None) -> Panel:
        """`paired.ergodic_starts` of a generator that is fresh from the seed.

        They follow from the seed alone, so those of the last seeds are kept, with the state that they leave the
        generator in: what is drawn next is the same either way.
        """
        if seed not in self._starts:
            starts = paired.ergodic_starts(self, generator, tick)
            mass = starts.population.weight.reshape(len(starts.z), self.economy.chain.n_eps, -1)
            latest = list(self._starts.items())[1 - MOST_STARTS :]
            self._starts = dict(latest) | {seed: (mass, starts.z, generator.get_state())}
        mass, z, state = self._starts[seed]
        generator.set_state(state)
        return Panel(Population.histogram(self.grid, mass), z)

    def _draw_path(
        self, economies: int, periods: int, generator: torch.Generator, among: Tensor | None = None
    ) -> Tensor:
        """Paths of shocks whose first are of their long-run shares, of `among` (n_z,) where it is given."""
        chain = self.economy.chain
        uniform = torch.rand((economies, 1), generator=generator, device=generator.device, dtype=self.grid.dtype)
        shares = chain.stationary_z() if among is None else chain.stationary_z() * among
        index = (uniform >= (shares / shares.sum())[:-1].cumsum(0)).sum(-1)
        return chain.draw_path(self.z[index], periods, generator)

    # -- checks ----------------------------------------------------------------------------------------------------

    def _check_ergodic(self) -> None:
        n_z, n_eps, nodes, mass = self.economy.chain.n_z, self.economy.chain.n_eps, self.grid.numel(), self._given_mass
        if self.grid.ndim != 1 or nodes < 2 or not bool((self.grid.diff() > 0).all() and self.grid.isfinite().all()):
            raise InputError("grid: expected a vector of at least two increasing, finite wealth nodes")
        if float(self.grid[0]) < self.economy.borrowing_limit:
            raise InputError(
                f"grid: expected nodes from the borrowing limit {self.economy.borrowing_limit:g} on, got "
                f"{float(self.grid[0]):g}"
            )
        if mass is None:
            return
        if mass.shape != (n_z, n_eps * nodes):
            raise InputError(
                f"mass: expected shape {(n_z, n_eps * nodes)} for {n_z} aggregate and {n_eps} individual "
                f"states on {nodes} nodes, got {tuple(mass.shape)}"
            )
        if not bool((mass >= 0).all()) or not bool(((mass.sum(1) - 1).abs() < 1e-6).all()):
            raise InputError("mass: expected masses of at least 0 that sum to 1 in every aggregate state")

    def _check_z(self, z: Tensor | None) -> Tensor:
        z = self.economy.chain.restored(z)
        self.economy.check_domain(z, error=InputError)
        return z
