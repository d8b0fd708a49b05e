"""An economy that has been solved, by networks or on a grid, and the questions it answers.

Timing: k is held at the start of the period, the shocks are seen, then households consume. NumPy in, NumPy out.
"""

from __future__ import annotations

import json

import numpy as np
import torch
from torch import Tensor

from deepham import datasets, impulse, memory, states
from deepham.algorithm.evaluation import VerdictSettings, ergodic_path, error_measures
from deepham.economics.economy import Economy
from deepham.errors import InputError
from deepham.risky import RiskySteadyState, describe_path
from deepham.simulation.continuum import on_grid
from deepham.simulation.household import Observation, Policy, Value, observe
from deepham.simulation.population import Population

CHUNK = 2**17  # households that go through a policy at once: bounds the memory
LEAST = 1e-300  # resources of a household that can consume: a share of less would be rounded to nothing


class SolvedEconomy:
    """Policy, value function and ergodic cross-sections of one economy.

    Args:
        name: of the economy, as in conf/model/.
        economy: float64, on the device of `grid`.
        policy, value: Observation -> (B, N), consumption and lifetime utility in float64.
        grid: (G,) wealth nodes of the continuum; everything is computed on its device.
        mass: (n_z, n_eps * G) ergodic cross-section in each aggregate state, as Population.histogram lays it out.

    Attributes:
        economy, grid, mass: as given, in float64.
        policy_function, value_function: policy and value as given.
        ergodic: Population of B = n_z cross-sections.

    Raises:
        InputError: one line on what does not fit.
    """

    def __init__(self, name: str, economy: Economy, policy: Policy, value: Value, grid: Tensor, mass: Tensor):
        self.name, self.economy = name, economy
        self.policy_function, self.value_function = policy, value
        self.grid = grid.detach().double()
        self.mass = mass.detach().to(self.grid)
        self.ergodic = self._check_ergodic()

    @property
    def calibration(self) -> dict:
        """The economy's parameters, a copy."""
        return self.economy.parameters()

    # -- policy and value ------------------------------------------------------------------------------------------

    def consumption(self, *, population=None, **household) -> np.ndarray:
        """Consumption of households, goods per period.

        Args:
            household: the states by the economy's names, for KS98 k, eps, z. Assets and the individual state are
                (..., n) or numbers and broadcast against each other; the aggregate state broadcasts over their leading
                dimensions. Discrete states by index or name; an individual state of one value may be left out.
                Assets: finite, not below the borrowing limit, held at the start of the period.
            population: mapping of assets, individual state and "weight" to 1-D arrays: the cross-section that prices
                and moments are computed from, the same in every aggregate state. None: the stored ergodic one of each
                point's own aggregate state. The households asked about are never part of it.

        Returns:
            float64 of the states' common shape.

        Raises:
            InputError: a state, a shape or a name that does not exist, and households without resources.
        """
        return self._evaluate("consumption", self.policy_function, household, population)

    def value(self, *, population=None, **household) -> np.ndarray:
        """Expected lifetime utility in utils, discounted to this period; arguments and errors as for `consumption`."""
        return self._evaluate("value", self.value_function, household, population)

    def resources(self, *, population=None, **household) -> np.ndarray:
        """Resources m = c + k', goods per period; arguments and errors as for `consumption`."""
        return self._evaluate("resources", lambda seen: seen.resources, household, population)

    @torch.no_grad()
    def _evaluate(self, call: str, function: Policy, household: dict, population) -> np.ndarray:
        k, eps, z = states.household_states(self.economy, call, household)
        if population is not None:
            population = states.cross_section(self.economy, "population", population, self.grid.device)
        result = np.empty(k.size)
        k_flat, eps_flat, z_flat = (torch.tensor(array.reshape(-1), device=self.grid.device) for array in (k, eps, z))
        for index in z_flat.unique().tolist():
            for where in (z_flat == index).nonzero()[:, 0].split(CHUNK):
                around = self.ergodic.select(slice(index, index + 1)) if population is None else population
                seen = observe(self.economy, around, z_flat[where[:1]], k_flat[where][None], eps_flat[where][None])
                self._check_resources(self.economy.asset, seen)
                result[where.cpu().numpy()] = function(seen)[0].cpu().numpy()
        return result.reshape(k.shape)

    # -- simulation ------------------------------------------------------------------------------------------------

    def simulate(self, periods: int, economies: int = 1, agents: int | None = None, seed: int = 0, shocks=None,
                 start=None):
        """Simulate economies that start from the ergodic cross-section or from `start`.

        Args:
            periods, economies: how many, at least 1.
            agents: None for the continuum (a histogram on `grid`, without sampling noise), or the number of agents of a
                panel.
            seed: at least 0; the same call gives the same numbers, and the same seed the same aggregate path whatever
                `agents` is. The global generators are left alone.
            shocks: path of the aggregate state by index or name, (periods,) or (economies, periods); None draws it
                from the chain, the first state at its long-run shares.
            start: mapping as `population` in `consumption`, the cross-section at the start of period 0 in every
                economy. The continuum splits its points between the neighbouring nodes of `grid`; a panel draws its
                agents from it. None: the ergodic cross-section of the first aggregate state.

        Returns:
            xarray.Dataset of dimensions (economy, period): what the economy accounts for (K at the start of the period,
            C during it, ...), the aggregate state by index, Gini coefficient, standard deviation and quantiles of
            wealth; units and descriptions as attributes.

        Raises:
            InputError: one line on the argument that does not fit.
        """
        return self._simulate(periods, economies, agents, seed, shocks, start)[0]

    def _simulate(self, periods, economies, agents, seed, shocks, start):
        """The Dataset of `simulate` and the cross-sections in its last period."""
        periods, economies = states.whole("periods", periods, 1), states.whole("economies", economies, 1)
        agents = None if agents is None else states.whole("agents", agents, 1)
        memory.require_memory(memory.simulation(self.economy, len(self.grid), memory.point_of(self.policy_function), periods,
                                                economies, agents), self.grid.device)
        generator = self._generator(seed)
        if shocks is None:
            z_path = self._draw_path(economies, periods, generator)
        else:
            z_path = states.shock_path(self.economy, shocks, economies, periods, self.grid.device)
        population = self._start(start, z_path[:, 0], agents, generator)
        series, last = datasets.record(
            self.economy, self.policy_function, population, z_path, self.grid if agents is None else None, generator)
        return datasets.to_dataset(
            self.economy, series, z_path, model=self.name, calibration=self.calibration, seed=int(seed),
            agents="continuum" if agents is None else agents), last

    def risky_steady_state(self, z, periods: int = 3000, start=None) -> RiskySteadyState:
        """The continuum while the aggregate state is held and households go on expecting shocks.

        Args:
            z: the state that is held, by index or name.
            periods: how long, at least 2; in ks98 wealth spreads over thousands of quarters.
            start: mapping as in `simulate`; None: the ergodic cross-section of z.

        Raises:
            InputError: an unknown state, one that the chain never stays in, periods below 2 or more than the memory holds.
        """
        periods, z = states.whole("periods", periods, 2), states.aggregate_state(self.economy, z)
        memory.require_memory(memory.simulation(self.economy, len(self.grid), memory.point_of(self.policy_function), periods,
                                                1, None), self.grid.device)  # before a path of this length is made
        path, last = self._simulate(periods, 1, None, 0, np.full(periods, z), start)
        settled, drift, turn = describe_path(path["K"].values[0])
        eps = np.arange(self.economy.chain.n_eps)[:, None]
        names = self.economy.asset, self.economy.individual_shock, "weight"
        population = dict(zip(names, (x[0].cpu().numpy() for x in (last.k, last.eps, last.weight))))
        wealth = self.grid.cpu().numpy()
        consumption = self.consumption(population=population, **{
            self.economy.asset: wealth, self.economy.individual_shock: eps, self.economy.aggregate_shock: z})
        means = self.ergodic.mean(self.ergodic.k)
        return RiskySteadyState(
            path=path, K=float(path["K"][0, -1]), settled=settled, drift=drift, turn=turn,
            deterministic_K=self.economy.steady_state()["K"],
            ergodic_K=float(self.economy.chain.stationary_z().to(means) @ means),
            population=population, wealth=wealth, consumption=consumption)

    def irf(self, shock, periods: int = 40, draws: int = 200, seed: int = 0, agents: int | None = None, start=None,
            hold: int = 1, baseline: str = "drawn", keep_draws: bool = False):
        """Generalised impulse response: mean difference of two copies of the economy with the same luck.

        Args:
            shock: "good->bad": the state of the period before is good, one copy's is forced to bad in period 0, the
                other's drawn from the chain given good; both follow the chain afterwards with the same draws. "any->bad":
                whatever the state before. {"transfer": 0.05, "top": 0.1, "bottom": 0.5}: in period 0 five percent of the
                wealth of the richest tenth go to the poorest half ("after": a state of the period before).
            periods, draws: at least 1; pairs of economies that are averaged over.
            agents: None for the continuum, where only the aggregate state is random, or the number of agents of a panel.
            start: mapping as in `simulate`, the cross-section of the period before the shock (after "any", in each
                aggregate state in turn). None: ergodic ones.
            hold: periods that the state is forced for.
            baseline: "drawn", or "forced" to stay in the state before the shock in period 0.
            keep_draws: keep every draw's paths, (draw, period), as K_shocked and K_baseline.

        Returns:
            xarray.Dataset of dimension ("period",), period 0 the one of the shock. Quantities in percent of the
            baseline's mean in that period (ratio of means), rates and shares in percentage points, with the standard
            error (K_se) and quantiles over draws (K_q05, K_q25, K_q75, K_q95). Draws are stratified by the period in
            which the two copies' states meet, whose probability the chain gives exactly: `deepham.impulse`.

        Raises:
            InputError: an unknown shock or state, numbers out of range, a response that is exactly zero in every draw.
        """
        periods, draws = states.whole("periods", periods, 1), states.whole("draws", draws, 1)
        agents = None if agents is None else states.whole("agents", agents, 1)
        keep_draws = states.flag("keep_draws", keep_draws)
        read = impulse.read_shock(self.economy, shock, hold, baseline)
        pool = impulse.POOL if isinstance(read, impulse.StateShock) else draws  # of paths of the aggregate state
        memory.require_memory(memory.response(self.economy, len(self.grid), memory.point_of(self.policy_function), periods,
                                              draws, agents, pool), self.grid.device)
        generator = self._generator(seed)
        if start is None:
            starts = impulse.ergodic_starts(self.economy, self.policy_function, self.grid, self.ergodic, generator)
        else:
            number = self.economy.chain.n_z
            z = torch.arange(number, device=self.grid.device)
            starts = self._start(start, z if read.before is None else z[read.before:read.before + 1], None, generator), \
                (z if read.before is None else z[read.before:read.before + 1])
        return impulse.impulse_response(
            self.economy, self.policy_function, self.grid, starts, read, periods, draws, agents, generator, keep_draws,
            {"model": self.name, "calibration": json.dumps(self.calibration), "shock": str(shock), "draws": draws,
             "baseline": baseline, "hold": hold, "seed": int(seed), "agents": "continuum" if agents is None else agents})

    def plot_irf(self, shock, variables=("Y", "C", "I", "K", "r", "w"), **options):
        """Figure of `irf(shock, **options)`: responses with their 50 and 90 percent bands over draws.

        Raises:
            InputError: as `irf`, and for variables that there are none of.
        """
        known = list(datasets.descriptions(self.economy))
        if not isinstance(variables, list | tuple) or not variables:
            raise InputError(f"variables: expected a list of names, got {states.show(variables)}; there is {', '.join(known)}")
        for name in variables:
            if not isinstance(name, str) or name not in known:
                raise InputError(f"variables: there is no {states.show(name)}; there is {', '.join(known)}")
        from deepham import figures  # matplotlib, which takes a third of a second to import

        return figures.impulse_responses({"": self.irf(shock, **options)}, variables)

    def errors(self, dates: int = 20, periods: int = 1000, seed: int = 0) -> dict[str, float]:
        """Errors in the continuum, at `dates` cross-sections spread over a simulated path of `periods`.

        Returns:
            Mean, 99th percentile and maximum over the population of euler (percent of consumption), bellman_policy and
            bellman_optimality (utils): "euler.mean", ...; expectations are exact. Some seconds at the defaults.

        Raises:
            InputError: dates or periods below 1, more dates than periods, a seed that is none.
        """
        dates, periods = states.whole("dates", dates, 1), states.whole("periods", periods, 1)
        if dates > periods:
            raise InputError(f"dates: expected at most as many as periods, got {dates} dates of {periods} periods")
        point = max(memory.point_of(self.policy_function), memory.point_of(self.value_function))
        parts = memory.verdict(self.economy, VerdictSettings(len(self.grid), 2.0, 0, periods, dates), point)
        memory.require_memory([(size, {name.removeprefix("verdict."): value for name, value in names.items()})
                               for size, names in parts], self.grid.device)
        z_path = self._draw_path(1, periods, self._generator(seed))
        path = ergodic_path(self.economy, self.policy_function, self.grid, self.ergodic.select(z_path[:, 0]), z_path,
                            burn_in=0, dates=dates)
        return error_measures(self.economy, self.policy_function, self.value_function, path.dates.select(slice(dates)))

    def _generator(self, seed) -> torch.Generator:
        return torch.Generator(self.grid.device).manual_seed(states.whole("seed", seed, 0))

    def _draw_path(self, economies: int, periods: int, generator: torch.Generator) -> Tensor:
        chain = self.economy.chain
        uniform = torch.rand((economies, 1), generator=generator, device=generator.device, dtype=self.grid.dtype)
        z = (uniform >= chain.stationary_z()[:-1].cumsum(0)).sum(-1)
        return chain.draw_path(z, periods, generator)

    @torch.no_grad()
    def _start(self, start, z: Tensor, agents: int | None, generator: torch.Generator) -> Population:
        if start is None:
            population = self.ergodic.select(z)
        else:
            given = states.cross_section(self.economy, "start", start, self.grid.device)
            population = given.select(torch.zeros_like(z))
            self._check_resources(f"start[{self.economy.asset!r}]", observe(self.economy, population, z))
            if agents is None:
                if bool((given.k > self.grid[-1]).any()):
                    raise InputError(f"start: assets of {float(given.k.max()):g} lie above the top {self.grid[-1]:g} "
                                     f"of the wealth grid; lower them, or simulate a panel with agents=")
                population = on_grid(self.grid, population, self.economy.chain.n_eps)
        return population if agents is None else datasets.draw_panel(population, agents, generator)

    # -- checks ----------------------------------------------------------------------------------------------------

    def _check_ergodic(self) -> Population:
        n_z, n_eps, nodes, mass = self.economy.chain.n_z, self.economy.chain.n_eps, self.grid.numel(), self.mass
        if self.grid.ndim != 1 or nodes < 2 or not bool((self.grid.diff() > 0).all() and self.grid.isfinite().all()):
            raise InputError("grid: expected a vector of at least two increasing, finite wealth nodes")
        if float(self.grid[0]) < self.economy.borrowing_limit:
            raise InputError(f"grid: expected nodes from the borrowing limit {self.economy.borrowing_limit:g} on, got "
                             f"{float(self.grid[0]):g}")
        if mass.shape != (n_z, n_eps * nodes):
            raise InputError(f"mass: expected shape {(n_z, n_eps * nodes)} for {n_z} aggregate and {n_eps} individual "
                             f"states on {nodes} nodes, got {tuple(mass.shape)}")
        if not bool((mass >= 0).all()) or not bool(((mass.sum(1) - 1).abs() < 1e-6).all()):
            raise InputError("mass: expected masses of at least 0 that sum to 1 in every aggregate state")
        return Population.histogram(self.grid, mass.reshape(n_z, n_eps, nodes))

    def _check_resources(self, name: str, seen: Observation) -> None:
        short = seen.resources - self.economy.borrowing_limit < LEAST
        if bool(short.any()):
            k = seen.k.expand_as(short)[short].max()
            raise InputError(f"{name}: households with {self.economy.asset} = {float(k):g} have no resources above the "
                             f"borrowing limit, so that they cannot consume; expected more assets")
