"""What the solver asks of an economy: its states, its shocks, its prices and its equations, as functions of tensors.

An economy is one subclass of `Economy` (a dataclass whose fields are the parameters), in a file of your own anywhere:
docs/add-an-economy.md. One of the package has its file in this folder and its calibration in conf/model/; nothing else
names it.

Shape letters: B economies, N agents or support points, d numbers of which the aggregate state is made. What a whole
economy has in common is (B, 1), so that it broadcasts against its households, (B, N). The aggregate state z is (B, d):
the index of a finite chain, d = 1, or numbers; only an economy and its process look into it. Timing: k is held at the
start of the period, z and eps are seen, then households choose consumption; k' = resources - c.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, ClassVar

import torch
from torch import Tensor

from deepham.economics.naming import Naming
from deepham.economics.one_asset import OneAsset
from deepham.economics.parameters import parameter as parameter
from deepham.economics.parameters import read_parameters
from deepham.economics.patience import shares_spent
from deepham.economics.process import ShockProcess
from deepham.economics.terms import Frictionless as Frictionless
from deepham.economics.terms import Groups as Groups
from deepham.economics.terms import Own as Own
from deepham.economics.terms import Seen as Seen
from deepham.economics.terms import Wide as Wide
from deepham.economics.terms import series as series
from deepham.economics.unknown import Unknown
from deepham.errors import InputError, OutOfDomain, require, show

ROUNDING = 1e-12  # of an income, as a share of what a household has


@dataclass(eq=False)
class Economy(OneAsset, ABC):
    """Base class. Parameters are the dataclass fields of the subclass; derived tensors are set in `tables`.

    By its annotation a parameter is a number (`float`), a whole number (`int`), a list of numbers (`list`) or a text
    that names a convention (`str`). Numbers of NumPy, torch and pandas are taken, too, also in tuples, arrays, tensors
    and tables. They are kept as plain numbers and lists, which files can hold.

    Shapes: B economies of N households each. What a whole economy shares is (B, 1), what households have is (B, N), the
    aggregate state z is (B, d). Timing: k is held at the start of the period, z and eps are seen, then households
    choose. Units: goods, goods per period and utils, unless `variables` says otherwise. What recurs among arguments:
    `seen`, what households see in a period (`resources`, `k`, `eps`, `z`, `population`, `aggregates`, `prices`), and
    `choice`, what they choose, by name, (B, N) each, with consumption as "c".

    Raises:
        InputError: a parameter has no value, is out of its range or does not fit another one, or the calibration has no
            long run.
    """

    asset: ClassVar[str] = "k"  # public name of the endogenous individual state
    individual_shock: ClassVar[str] = "eps"
    aggregate_shock: ClassVar[str] = "z"
    # names of the discrete states, in the order of their indices; of an aggregate state of several numbers theirs
    shock_names: ClassVar[dict[str, tuple[str, ...]]] = {}
    period: ClassVar[str] = "period"  # what one period is
    # length of a period in the unit of time that utility is a flow by, which Bellman errors are told in
    period_length = 1.0
    # the aggregate that is followed and forecast: the mean of households' assets, or an unknown where that says nothing
    tracked: ClassVar[str] = "K"
    # what is found within the period, by name: it stands among the aggregates that `prices` is given, and the policy
    # sees it. A range may depend on parameters: then a property
    unknowns: ClassVar[dict[str, Unknown]] = {}
    source: ClassVar[str] = ""  # where the calibration in conf/model/ is from
    # name -> (description, unit) of everything `accounts` returns
    variables: ClassVar[dict[str, tuple[str, str]]] = {}
    # name -> (description, unit) of everything `known` returns
    answers: ClassVar[dict[str, tuple[str, str]]] = {}
    # share of what they can that households consume at most, of networks that have not learned yet: in an economy that
    # leaves those without assets nothing to live on, less than they do
    most_spent: ClassVar[float] = 1.0
    # who chooses savings: each household for itself, or a planner, see `deepham.economics.planner.under`
    objective: ClassVar[str] = "market"
    # the price by which households are paid for the assets that they hold, beside what these return, as by a planner:
    # `premium`; V counts no such pay. None: they save for their own sake alone
    pays: ClassVar[str | None] = None
    # whether a planner's problem is stated: all households count alike, and assets move prices by K, their mean, alone
    planner: ClassVar[bool] = False

    def __post_init__(self):
        read_parameters(self)
        self.check()
        try:
            self.tables()
        except (OverflowError, ZeroDivisionError) as error:
            raise InputError(f"calibration: its tables by state cannot be computed ({error})") from error
        self.check_long_run()

    # -- what a subclass states ------------------------------------------------------------------------------------

    def check(self) -> None:  # noqa: B027 (nothing to check is as good as any)
        """Raise InputError for parameters out of their range, or that do not fit each other."""

    @abstractmethod
    def tables(self) -> None:
        """Set `chain`, `preferences` and the tables by state, in float64, from the parameters. `table` makes a tensor
        of a list."""

    @abstractmethod
    def aggregates(self, population, z: Tensor) -> Wide:
        """The aggregates that prices depend on and that are known before anybody chooses, such as mean assets K: name
        -> (B, 1), weighted means over the population.

        Args:
            population: cross-sections with `k`, `eps` and `weight`, (B, N) each; `population.mean(x)` is (B, 1).
            z: aggregate state, (B, d).
        """

    @abstractmethod
    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        """What a household takes as given: name -> (B, 1). "R" has to be there, the goods that a unit of assets carried
        into the period is worth in it.

        Args:
            aggregates: what `aggregates` returns, and the `unknowns`, (B, 1) each.
            z: aggregate state, (B, d).
        """

    @abstractmethod
    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        """Resources m = c + k', goods per period, (B, N), of households who begin the period with assets k and are in
        the individual state eps, (B, N) each, when the aggregate state is z (B, d) and prices are (B, 1).
        """

    @abstractmethod
    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        """Aggregate quantities and prices of the period: name -> (B, 1), in the units that `variables` gives.

        Args:
            choice: what the members of the population choose, by name, (B, N): consumption is "c".
            carried: the assets that they carry out of the period, (B, N).
            seen: what they saw: `seen.population`, `seen.z`, `seen.aggregates`, `seen.prices`.
        """

    @abstractmethod
    def steady_state(self) -> dict[str, float]:
        """Deterministic steady state: the aggregates by name, and consumption "c" and resources "m" of the average
        household, goods per period, as floats. It sets the scale of networks and grids, and need not be exact.
        """

    def initial_assets(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Assets to start a simulation from, goods, of shape (B, N): gamma-distributed around typical assets, with a
        standard deviation of half the mean, and without debt. The simulation then finds its own distribution.
        """
        least = max(self.borrowing_limit, 0.0)
        return least + self.gamma(self.typical_household()["assets"] - least, 4, shape, generator)

    def typical_state(self) -> dict[str, float]:
        """Where the economy lives, roughly, with the names of `steady_state`: the scale of networks and grids.

        State it where risk holds capital far from the deterministic steady state.
        """
        return self.steady_state()

    def frictionless(self) -> Frictionless | None:
        """The rule that the networks start from: permanent income at R = 1/beta in the steady state,
        c = (1 - beta) (m + H), where H is the present value of mean income other than that on assets. Households that
        differ in patience each spend their own share. None where no household follows such a rule: where households
        die, or where the return is found within the period.
        """
        state = self.steady_state()
        if self.tracked in self.unknowns or type(self).continues is not Economy.continues or self.tracked not in state:
            return None
        income = state["m"] - state[self.tracked] / self.beta
        income = 0.0 if abs(income) < ROUNDING * state["m"] else income
        alike = type(self).discount is Economy.discount
        return Frictionless(
            mpc=1 - self.beta if alike else shares_spent(self), human_wealth=income * self.beta / (1 - self.beta)
        )

    def permanent(self, c: Tensor) -> Own:
        """All choices, by name, (B, N), of a household that can consume c (B, N) for ever and faces no risk: c itself.
        Networks start there.
        """
        return {"c": c}

    def lifetime(self, c: Tensor, base: Frictionless) -> Tensor:
        """Lifetime utility (B, N), utils, of a household that consumes c (B, N) now and follows the frictionless rule
        for ever."""
        return self.preferences.frictionless_value(c, base.mpc, self.beta)

    def planned(self, seen: Seen, change: Tensor) -> Tensor | None:
        """Lifetime utility (B, N), utils, of a household that in each period of its life consumes exp(change) times
        what it would without risk, at the prices of today. V starts there where there is no frictionless rule, and
        learns the change (B, N). None: V starts from typical consumption for ever.
        """
        return None

    def known(self, period: Any, accounts: Wide) -> dict[str, tuple[Tensor, float]]:
        """What is known of this economy in advance, described in `answers`: name -> (what a solution says, the known
        answer). The verdict shows the distance as the measure `known.<name>`; bars stand in the model file.

        Args:
            period: a `Period` of the solution, at cross-sections along its path.
            accounts: along the path, (B, T).
        """
        return {}

    def without_aggregate_risk(self) -> Economy | None:
        """The same economy with a single aggregate state, the long-run mean of z; None where that cannot be said."""
        return None

    def at_rest(self) -> Economy | None:
        """The problem of a household that faces the prices of rest for ever, as an economy of its own with one
        aggregate state and no unknowns. Newton steps start from its solution on a grid, and keep unknowns at their
        typical values until the policy has learned the shocks. On average households hold the "assets" of its
        `typical_household`. None: training starts from networks that know nothing.
        """
        return None

    # -- what follows from it --------------------------------------------------------------------------------------

    def described(self) -> Tensor:
        """Numbers of order one by which networks tell the individual states apart, (n_eps, numbers): one for each but
        the first, 1 in it and -1 in the others. An economy whose states are ages or incomes says where on a scale
        these are.
        """
        return 2 * torch.eye(self.chain.n_eps, dtype=torch.float64)[:, 1:] - 1

    def last(self) -> Tensor:
        """Individual states in which a household has no tomorrow, (n_eps,), boolean: whoever is in a state that follows
        has been born.
        """
        follows = self.chain.successors
        lives = self.continues(torch.arange(len(follows), device=follows.device)[:, None], follows)
        if lives is None:
            return torch.zeros(len(follows), dtype=torch.bool, device=follows.device)
        goes_on = (self.chain.moves > 0).reshape(-1, *follows.shape).any(0) & (lives > 0)
        return ~goes_on.any(1)

    def fault(self, z: Tensor, aggregates: Wide | None = None) -> str | None:
        """Why the model has no meaning in one of these aggregate states, in words; None where it has one in all.

        Args:
            z: aggregate states, (B, d).
            aggregates: those of the same economies, where they are known.
        """
        return None

    def check_domain(self, z: Tensor, aggregates: Wide | None = None, *, error: type[InputError | OutOfDomain]) -> None:
        """Raise `error` where there is a `fault`: InputError for states that were given, OutOfDomain for those that
        were computed."""
        fault = self.fault(z, aggregates)
        if fault is not None:
            raise error(f"{self.aggregate_shock}: {fault}")

    @property
    def cleared(self) -> dict[str, Unknown]:
        """The unknowns that clear markets within the period, by name."""
        return {name: unknown for name, unknown in self.unknowns.items() if unknown.by == "clearing"}

    @property
    def unknowns_shown(self) -> list[str]:
        """Among `variables`, what tells a reader of the unknowns."""
        return [unknown.shown or name for name, unknown in self.unknowns.items()]

    @property
    def foreseen(self) -> dict[str, Unknown]:
        """The unknowns that look ahead, which a network learns, by name."""
        return {name: unknown for name, unknown in self.unknowns.items() if unknown.by == "network"}

    @property
    def scale(self) -> float:
        """How much households hold, roughly, goods: the unit of wealth grids and of what networks see. Mean assets in
        the typical state; state something else where these may be zero.
        """
        return self.typical_household()["assets"]

    @property
    def typical_dispersion(self) -> float:
        """The standard deviation of assets, roughly, goods: networks that see it see its distance from this."""
        return self.scale

    @property
    def typical_poverty(self) -> float:
        """The mean of 1 / (1 + a / c), roughly, a what households hold beyond the limit and c typical consumption:
        networks that see it see its distance from this."""
        beyond = self.scale - self.borrowing_limit
        return 1 / (1 + beyond / self.typical_state()["c"])

    def typical_aggregates(self) -> dict[str, float]:
        """What `prices` is given in the typical state, by name: aggregates and unknowns, as floats."""
        state = {name: value for name, value in self.typical_state().items() if name not in ("c", "m")}
        return state | {name: unknown.typical for name, unknown in self.unknowns.items()}

    def typical_household(self) -> dict[str, float]:
        """Mean "assets" and consumption "c" in the typical state, and the "limit" of borrowing."""
        state = self.typical_state()
        return {"assets": state[self.tracked], "c": state["c"], "limit": self.borrowing_limit}

    def names_of(self, shock: str, states: int) -> tuple[str, ...]:
        """Names of the states of a shock; their indices, as text, where the economy has no names for so many."""
        names = self.shock_names.get(shock, ())
        return names if len(names) == states else tuple(str(index) for index in range(states))

    @property
    def naming(self) -> Naming:
        """How users speak of the aggregate state: labels, and reading what they give."""
        return self.chain.naming(self.aggregate_shock, self.names_of(self.aggregate_shock, self.chain.named))

    def parameters(self) -> dict:
        """The calibration: parameters by name, as plain numbers, lists and texts. A copy."""
        return {each.name: copy.deepcopy(getattr(self, each.name)) for each in fields(self)}

    def to(self, device=None, dtype=None) -> Economy:
        """A copy whose tensors live on the device and have the floating dtype."""
        moved = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor | ShockProcess):
                setattr(moved, name, value.to(device=device, dtype=dtype))
        return moved

    def check_long_run(self) -> None:
        """Raise InputError for a calibration without a long run, a finite steady state, finite prices or finite
        wealth."""
        self.chain.eps_shares()  # refuses a chain without a single long run
        try:
            state = {"deterministic": self.steady_state(), "typical": self.typical_state()}
        except (OverflowError, ZeroDivisionError) as error:
            raise InputError(f"calibration: its deterministic steady state cannot be computed ({error})") from error
        for name, unknown in self.unknowns.items():
            unknown.check(name)
        for name, values in state.items():
            require(
                all(isinstance(value, float) and math.isfinite(value) and value > 0 for value in values.values()),
                f"calibration: its {name} steady state is not finite and positive, {values}",
            )
            z = self.chain.typical_z()
            given = values | {key: unknown.typical for key, unknown in self.unknowns.items()}
            prices = self.prices({key: self.table([value]).expand(len(z), 1) for key, value in given.items()}, z)
            require(
                all(bool(price.isfinite().all()) for price in prices.values()) and bool((prices["R"] > 0).all()),
                f"calibration: prices at its {name} steady state are not finite, or R is not positive, "
                f"{ ({key: price.tolist() for key, price in prices.items()}) }",
            )
        self._check_limit()
        self._check_newborn()
        base = self.frictionless()
        require(
            base is None or base.possible and -self.borrowing_limit <= base.human_wealth,
            "calibration: without risk its households spend a share above 0 of a finite wealth, from which they could "
            f"pay back all debt, got {base}",
        )

    def _check_limit(self) -> None:
        """Raise InputError for a limit at which a household that earns the least, in any aggregate state and at the
        prices of the typical state, has nothing to consume although it stays as deep in debt. (At a limit of zero an
        economy may leave those without assets nothing to live on.)
        """
        limit = self.borrowing_limit
        require(
            not isinstance(limit, bool) and isinstance(limit, Real) and math.isfinite(limit) and limit < self.scale,
            f"borrowing_limit: expected a finite number below the typical assets {self.scale:.4g}, got {show(limit)}",
        )
        of_each = torch.as_tensor(self.limit_of(torch.arange(self.chain.n_eps)), dtype=torch.float64)
        of_each = of_each.expand(self.chain.n_eps)
        require(
            bool((of_each >= limit).all()),
            f"limit_of: expected no state below the borrowing_limit {limit:g}, got {show(of_each.tolist())}",
        )
        if limit == 0 and not of_each.any():
            return
        z = self.chain.typical_z()
        aggregates = {name: self.table([value]).expand(len(z), 1) for name, value in self.typical_aggregates().items()}
        prices = self.prices(aggregates, z)
        eps = torch.arange(self.chain.n_eps).expand(len(z), -1)
        income, at_limit = (
            self.resources(torch.full(eps.shape, k, dtype=torch.float64), eps, z, prices) for k in (0.0, limit)
        )
        held = (at_limit <= of_each) & (of_each > limit)
        if bool(held.any()):
            state = int(held.any(0).nonzero()[0])
            raise InputError(
                f"limit_of: who has borrowed {-limit:g} and comes to "
                f"{self.names_of(self.individual_shock, self.chain.n_eps)[state]} has "
                f"{float(at_limit[:, state].min()):.4g} at the prices of the typical state, and may carry no less than "
                f"{float(of_each[state]):g} out of the period; expected a lower limit there, or a higher "
                "borrowing_limit"
            )
        short = at_limit <= limit
        if bool(short.any()):
            # income + R bound = bound
            income, bound = income[short], (income / (1 - (at_limit - income) / limit))[short]
            expected = (
                f"above the natural one, {float(bound.max()):.4g}" if limit < 0 else f"below {float(bound.min()):.4g}"
            )
            raise InputError(
                f"borrowing_limit: at {limit:g} a household that earns {float(income.min()):.4g} a {self.period} has "
                f"nothing left to consume at the prices of the typical state; expected a limit {expected}"
            )

    def _check_newborn(self) -> None:
        """Raise InputError where somebody would begin a period in debt beyond the limit, as the heirs of those who have
        borrowed as much as they may can."""
        follows, limit = self.chain.successors, self.borrowing_limit
        now = torch.arange(len(follows))[:, None]
        arriving = self.arrive(torch.full(now.shape, limit, dtype=torch.float64), now, follows)
        if arriving is None:
            return
        arriving = torch.where((self.chain.moves > 0).reshape(-1, *follows.shape).any(0), arriving, limit)
        place = int(arriving.nan_to_num(-math.inf).argmin())
        least, state = float(arriving.flatten()[place]), int(follows.flatten()[place])
        require(
            least >= limit,
            f"arrive: a household that comes to {self.names_of(self.individual_shock, self.chain.n_eps)[state]} from "
            f"one at the borrowing limit {limit:g} begins with {least:.4g}, which it could not repay; expected at "
            "least the limit",
        )

    def gamma(self, mean: float, terms: int, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Gamma-distributed numbers of that mean and shape, each a sum of so many exponential ones: their standard
        deviation is mean / sqrt(terms). `generator` draws them."""
        uniform = torch.rand((terms, *shape), generator=generator, device=generator.device, dtype=self.chain.dtype)
        return mean / terms * -torch.log1p(-uniform).sum(0)

    def mean_of(self, by_z: Tensor) -> float:
        """The long-run mean of `by_z`, a table by the states of a finite chain of z, (n_z,)."""
        return float(self.chain.stationary_z() @ by_z)

    def table(self, values) -> Tensor:
        """The values, a list or a nested one, as a tensor in float64: a table by state."""
        return torch.tensor(values, dtype=torch.float64)
