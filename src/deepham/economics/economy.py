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
from collections.abc import Callable
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from deepham.economics.domain import Domain
from deepham.economics.naming import Naming
from deepham.economics.parameters import parameter as parameter
from deepham.economics.parameters import read_parameters
from deepham.economics.planner import planned
from deepham.economics.preferences import CRRA
from deepham.economics.process import ShockProcess
from deepham.economics.unknown import Unknown
from deepham.errors import InputError, OutOfDomain, require, show

Wide = dict[str, Tensor]  # of whole economies, name -> (B, 1): aggregates, prices, accounts
Own = dict[str, Tensor]  # of households, name -> (B, N): what they choose, of which consumption is "c"


class Seen(Protocol):
    """What an economy asks of the households' information in a period (simulation/period.py): their resources, assets
    and individual states (B, N), the aggregate state, the cross-section that they live in, aggregates and prices.
    """

    @property
    def resources(self) -> Tensor: ...
    @property
    def k(self) -> Tensor: ...
    @property
    def eps(self) -> Tensor: ...
    @property
    def z(self) -> Tensor: ...
    @property
    def population(self) -> Any: ...
    @property
    def aggregates(self) -> Wide: ...
    @property
    def prices(self) -> Wide: ...


OBJECTIVES = ("market", "planner")
ROUNDING = 1e-12  # of an income, as a share of what a household has


@dataclass(frozen=True)
class Frictionless:
    """The household's rule without risk and without a borrowing limit: c = mpc (m + human_wealth).

    mpc is the marginal propensity to consume out of wealth, human_wealth the present value of income after this
    period, both at the typical state. The networks learn the difference from it.
    """

    mpc: float
    human_wealth: float


WORDS = {  # what most economies report: name -> description, unit
    "K": ("capital, start of period", "goods"),
    "L": ("labour", "hours"),
    "Y": ("output", "goods per {period}"),
    "C": ("consumption", "goods per {period}"),
    "I": ("investment, K' - (1-delta) K", "goods per {period}"),
    "r": ("net return on capital", "percent per {period}"),
    "w": ("wage", "goods per hour"),
}


def series(*names: str, period: str) -> dict[str, tuple[str, str]]:
    """Description and unit of series that most economies report, for `Economy.variables`."""
    return {name: (WORDS[name][0], WORDS[name][1].format(period=period)) for name in names}


class _Set:
    """What an economy sets beside its parameters, which are the fields of a dataclass."""

    beta: float  # discount factor per period, a parameter of most; of a mean household where they differ
    borrowing_limit: float = 0.0
    chain: ShockProcess  # of (z, eps), a JointChain where z is finite; set in `tables`, like `preferences`
    preferences: CRRA


@dataclass(eq=False)
class Economy(_Set, ABC):
    """Base class. Parameters are the dataclass fields of the subclass; derived tensors are set in `tables`.

    A parameter is a number (`float`), a whole number (`int`), a list of numbers (`list`) or a text that names a
    convention (`str`), by its annotation. All real numbers are taken, those of NumPy and torch, too,
    in lists, tuples, arrays, tensors or pandas' tables; they are kept as plain numbers in lists, which files can hold.
    """

    asset: ClassVar[str] = "k"  # public name of the endogenous individual state
    individual_shock: ClassVar[str] = "eps"
    aggregate_shock: ClassVar[str] = "z"
    # names of the discrete states, in the order of their indices; of an aggregate state of several numbers theirs
    shock_names: ClassVar[dict[str, tuple[str, ...]]] = {}
    period: ClassVar[str] = "period"  # what one period is
    # length of a period in the unit of time that utility is a flow by, which Bellman errors are told in
    period_length: ClassVar[float] = 1.0
    # what the policy decides, in this order; what follows from it is added in `complete`
    choices: ClassVar[tuple[str, ...]] = ("c",)
    # choices beside, by name, that follow from consumption by a condition within the period (`follows`). A network may
    # learn them instead (network.learned): they then come first in what the policy decides
    within: ClassVar[dict[str, Domain]] = {}
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
    # whether a planner's problem is stated: all households count alike, and assets move prices by K, their mean, alone
    planner: ClassVar[bool] = False

    def __post_init__(self):
        read_parameters(self)
        self.check()
        try:
            self.tables()
        except (OverflowError, ZeroDivisionError) as error:
            raise InputError(f"calibration: its tables by state cannot be computed ({error})") from error
        self._check_long_run()

    # -- what a subclass states ------------------------------------------------------------------------------------

    # who chooses savings: each household for itself, or a planner (economics/planner.py); see `under`
    objective: ClassVar[str] = "market"

    def check(self) -> None:  # noqa: B027 (nothing to check is as good as any)
        """Raise InputError for parameters out of their range, or that do not fit each other."""

    @abstractmethod
    def tables(self) -> None:
        """Set `chain`, `preferences` and the tables by state, in float64, from the parameters."""

    @abstractmethod
    def aggregates(self, population, z: Tensor) -> Wide:
        """The aggregates that prices depend on and that are known before anybody chooses, as weighted sums over the
        population."""

    @abstractmethod
    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        """What a household takes as given, from the aggregates, with the unknowns, and z (B, d). Has "R", what a unit
        of assets that was carried into the period is worth in it.
        """

    @abstractmethod
    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        """Resources m = c + k' of households with k, eps (B, N) when the aggregate state is z (B, d): (B, N)."""

    @abstractmethod
    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        """Aggregate quantities and prices of the period, described in `variables`, where the members of the population
        choose so and carry these assets (B, N) out of the period.
        """

    @abstractmethod
    def steady_state(self) -> dict[str, float]:
        """Deterministic steady state: the aggregates by name, and "c" and "m" of the average household."""

    def initial_assets(self, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Assets (B, N) to start a simulation from, before it has found its own distribution: gamma-distributed around
        what is typical, with a standard deviation of half the mean, and without debt.
        """
        least = max(self.borrowing_limit, 0.0)
        return least + self.gamma(self.typical_household()["assets"] - least, 4, shape, generator)

    def typical_state(self) -> dict[str, float]:
        """Where the economy lives, roughly, in the terms of `steady_state`: the scale of networks and grids.

        An economy whose risk holds capital far from the deterministic steady state says where.
        """
        return self.steady_state()

    def frictionless(self) -> Frictionless | None:
        """The base that the networks start from, or None where the economy has none: permanent income at R = 1/beta,
        c = (1 - beta) (m + H), H the present value of mean income beside that on assets, in the steady state. None
        where that is no household's rule: where it dies, or where the return is found within the period.
        """
        state = self.steady_state()
        if self.tracked in self.unknowns or type(self).continues is not Economy.continues or self.tracked not in state:
            return None
        income = state["m"] - state[self.tracked] / self.beta
        income = 0.0 if abs(income) < ROUNDING * state["m"] else income
        return Frictionless(mpc=1 - self.beta, human_wealth=income * self.beta / (1 - self.beta))

    def permanent(self, c: Tensor) -> Own:
        """What a household chooses for ever, without risk, who could consume c for ever: as much. Networks start
        there.
        """
        return {"c": c}

    def lifetime(self, c: Tensor, base: Frictionless) -> Tensor:
        """Utils of a household for ever that could consume c now by the frictionless rule."""
        return self.preferences.frictionless_value(c, base.mpc, self.beta)

    def known(self, period: Any, accounts: Wide) -> dict[str, tuple[Tensor, float]]:
        """What is known of this economy in advance, described in `answers`: name -> (what a solution says, the truth).
        The verdict shows the distance as the measure known.<name>; bars stand in conf/model/.

        Args:
            period: a `Period` of the solution, at cross-sections along its path.
            accounts: along the path, (B, T).
        """
        return {}

    def without_aggregate_risk(self) -> Economy | None:
        """The economy with one aggregate state, the long-run mean of its own; None where there is no such thing."""
        return None

    def at_rest(self) -> Economy | None:
        """The problem of a household who faces the prices of rest for ever, as an economy of its own, in which nothing
        is found within the period: second-order training starts from its solution on a grid, and has unknowns rest
        where they typically are until the policy has learned the shocks. It has one aggregate state, and "assets" of
        its `typical_household` are held on average. None: training starts from networks that know nothing.
        """
        return None

    # -- a household's period, as it is where one asset is held and one good consumed -------------------------------

    def complete(self, decided: Tensor, seen: Seen) -> Own:
        """All that households choose, by name, from what the policy decides: consumption, (B, N), from which the rest
        `follows`, or (B, N, C), those of `within` and then those of `choices`.
        """
        if decided.shape[:-1] != seen.resources.shape:
            return {"c": decided} | self.follows(decided, seen)
        return dict(zip((*self.within, *self.choices), decided.unbind(-1), strict=True))

    def follows(self, c: Tensor, seen: Seen) -> Own:
        """What households choose beside consumption, by conditions within the period, who consume so much: those of
        `within`, such as hours that are worth their pay."""
        return {}

    def missed(self, choice: Own, seen: Seen) -> Own:
        """By how much the choices of `within` miss their conditions, shares, by the name of the measure, (B, N); NaN of
        households who have no such choice."""
        return {}

    def utility(self, choice: Own, seen: Seen) -> Tensor:
        """Utils of the period, (B, N)."""
        return self.preferences.utility(choice["c"])

    def marginal_utility(self, choice: Own, seen: Seen) -> Tensor:
        """What one more unit of resources is worth, (B, N), utils: dV/dm by the envelope theorem."""
        return self.preferences.marginal_utility(choice["c"])

    def asset_price(self, seen: Seen) -> Tensor | float:
        """What a unit of assets costs that is carried out of the period, goods: a bond's price, 1 of capital."""
        return 1.0

    def carry(self, choice: Own, seen: Seen) -> Tensor:
        """Assets (B, N) that households carry out of the period: their budget."""
        return (seen.resources - choice["c"]) / self.asset_price(seen)

    def needed(self, choice: Own, carried: Tensor, seen: Seen) -> Tensor:
        """The resources (B, N) with which households choose so and carry these assets: their budget the other way
        round.
        """
        return choice["c"] + self.asset_price(seen) * carried

    def available(self, seen: Seen) -> Tensor:
        """Resources (B, N) of households who borrow as much as they may."""
        return seen.resources - self.asset_price(seen) * self.borrowing_limit

    def spendable(self, seen: Seen, chosen: Own | None = None) -> Tensor:
        """The most that households can consume, (B, N), who borrow as much as they may.

        chosen: those of `within`, where they are; None: they are what is best at that consumption.
        """
        return self.available(seen)

    def sensible(self, chosen: Own, seen: Seen) -> Own:
        """The same choices of `within` as far as households can consume something at all beside them."""
        return chosen

    def floor(self, seen: Seen, chosen: Own | None = None) -> Tensor | None:
        """The consumption (B, N) below which utility is not defined; None: zero. `chosen` as in `spendable`."""
        return None

    def spending(self, share: Tensor | float, seen: Seen) -> tuple[Own, Tensor]:
        """What households choose who spend this share of what they can, and the assets that they then carry."""
        available = self.spendable(seen)
        carried = self.borrowing_limit + (1 - share) * available / self.asset_price(seen)
        return self.complete(share * available, seen), carried

    def conditions(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        """What is left of the condition of each unknown, under its name, (B, 1), where the members of the population
        choose so and carry these assets: a market's excess demand for what the unknown pays for, in units of mean
        income. It falls as the unknown rises.
        """
        return {}

    def foresight(self, today: Wide, tomorrow: Wide, expect: Callable[[Tensor], Tensor]) -> Wide:
        """What is left of the condition of each unknown that looks ahead (`by="network"`), under its name, (B, 1): of a
        Phillips curve, the inflation that is missing.

        Args:
            today, tomorrow: aggregates, unknowns and prices by name, (B, 1), and in each state that may follow, (B, S).
            expect: the mean over these, (B, S) -> (B, 1).
        """
        return {}

    def substitution(self, seen: Seen) -> Tensor | float:
        """By which factor the unknowns of the period alone change what the frictionless household consumes in it, as
        against typical ones: networks start with a demand that falls in its price.
        """
        return 1.0

    def worth(self, choice: Own, seen: Seen) -> Tensor:
        """What one more unit of assets at the start of the period is worth, (B, N), utils: dV/dk by the envelope
        theorem. Discounted and expected it is the right-hand side of the Euler equation.
        """
        return seen.prices["R"] * self.marginal_utility(choice, seen)

    def interior(self, worth: Tensor, seen: Seen) -> Own:
        """The choice at which the Euler equation holds with equality: where one more unit of assets carried out of the
        period is worth so much, (B, N), utils of today.
        """
        return {"c": self.preferences.inverse_marginal_utility(worth / self.asset_price(seen))}

    def discount(self, eps: Tensor) -> Tensor | float:
        """What a household in eps (B, N) weighs the next period's utils with; an economy whose households differ in
        patience says more than `beta`, which then is what networks and grids are scaled by.
        """
        return self.beta

    def continues(self, eps: Tensor, eps_next: Tensor) -> Tensor | None:
        """Whether the household that is in eps is the one in eps', 1 or 0, (...): 0 where it dies, and who is in eps'
        has been born instead. None: nobody dies.
        """
        return None

    def age_of(self, eps: Tensor) -> Tensor | None:
        """The age of who is in eps (...), in periods since it entered, whole numbers; None where nobody ages."""
        return None

    def arrive(self, carried: Tensor, eps: Tensor, eps_next: Tensor) -> Tensor | None:
        """Assets (...) at the start of the next period of who is then in eps', where a household in eps carries so
        much out of this one: what the newborn begin with. None: everybody has what they carried.
        """
        return None

    @property
    def keeps(self) -> bool:
        """Whether everybody arrives with what they carried: `arrive` is not stated."""
        return type(self).arrive is Economy.arrive

    def outcomes(self, everybody: Callable[[], Seen], policy: Callable[[Any], Tensor]) -> Wide:
        """What all households together bring about by what they choose in the period, and each takes as given: it
        stands among the prices that they see.

        Args:
            everybody: what the members of the population see before that; computed when it is asked for.
        """
        return {}

    def premium(self, seen: Seen) -> Tensor | None:
        """What households are paid at the start of the period, (B, N), utils, which V does not count; None: nothing."""
        return None

    def balance(self, accounts: Wide) -> Wide:
        """By how much each resource constraint of the economy is missed, in goods as "Y" of the accounts: zero to
        rounding in every period, or the economy says in `unbalanced` why not. It is asked about paths, (B, T), too.

        By default goods, Y = C + I. An economy with other uses of output, or with more constraints, states them all.
        """
        return {"goods": accounts["Y"] - accounts["C"] - accounts["I"]} if {"Y", "C", "I"} <= accounts.keys() else {}

    def unbalanced(self) -> str:
        """Why the resource constraints do not hold in the economy as it is stated; empty where they do."""
        return ""

    # -- what follows from it --------------------------------------------------------------------------------------

    def described(self) -> Tensor:
        """Numbers of order one by which networks tell the individual states apart, (n_eps, numbers): one for each but
        the first, 1 in it and -1 in the others. An economy whose states are ages or incomes says where on a scale
        these are.
        """
        return 2 * torch.eye(self.chain.n_eps, dtype=torch.float64)[:, 1:] - 1

    def last(self) -> Tensor:
        """In which individual states a household has no tomorrow, (n_eps,): it will not be the one in any that
        follows.
        """
        follows = self.chain.successors
        lives = self.continues(torch.arange(len(follows), device=follows.device)[:, None], follows)
        if lives is None:
            return torch.zeros(len(follows), dtype=torch.bool, device=follows.device)
        goes_on = (self.chain.moves > 0).reshape(-1, *follows.shape).any(0) & (lives > 0)
        return ~goes_on.any(1)

    def fault(self, z: Tensor, aggregates: Wide | None = None) -> str | None:
        """Why there can be no economy in one of these aggregate states (B, d), in words; None where there can in all.

        aggregates: those beside z, where they are known.
        """
        return None

    def check_domain(self, z: Tensor, aggregates: Wide | None = None, *, error: type[InputError | OutOfDomain]) -> None:
        """Raise the error where there is a `fault`: InputError if these states were given, OutOfDomain if they were
        computed."""
        fault = self.fault(z, aggregates)
        if fault is not None:
            raise error(f"{self.aggregate_shock}: {fault}")

    @property
    def cleared(self) -> dict[str, Unknown]:
        """The unknowns that markets find."""
        return {name: unknown for name, unknown in self.unknowns.items() if unknown.by == "clearing"}

    @property
    def foreseen(self) -> dict[str, Unknown]:
        """Those that look ahead."""
        return {name: unknown for name, unknown in self.unknowns.items() if unknown.by == "network"}

    @property
    def scale(self) -> float:
        """How much households hold, roughly, goods: the unit of wealth grids and of what networks see. Mean assets in
        the typical state; an economy in which these may be zero says something else.
        """
        return self.typical_household()["assets"]

    @property
    def typical_dispersion(self) -> float:
        """The standard deviation of assets, roughly, goods: networks that see it see how far it is from there."""
        return self.scale

    def typical_aggregates(self) -> dict[str, float]:
        """What `prices` is given in the typical state, by name: aggregates and unknowns."""
        state = {name: value for name, value in self.typical_state().items() if name not in ("c", "m")}
        return state | {name: unknown.typical for name, unknown in self.unknowns.items()}

    def typical_household(self) -> dict[str, float]:
        """Mean "assets" and consumption "c" in the typical state, and the "limit" of borrowing."""
        state = self.typical_state()
        return {"assets": state[self.tracked], "c": state["c"], "limit": self.borrowing_limit}

    def names_of(self, shock: str, states: int) -> tuple[str, ...]:
        """Names of the states of a shock, their indices where the economy gives none for so many states."""
        names = self.shock_names.get(shock, ())
        return names if len(names) == states else tuple(str(index) for index in range(states))

    @property
    def naming(self) -> Naming:
        """How users speak of the aggregate state: labels, and reading what they give."""
        return self.chain.naming(self.aggregate_shock, self.names_of(self.aggregate_shock, self.chain.named))

    def parameters(self) -> dict:
        """The calibration as plain data."""
        return {each.name: copy.deepcopy(getattr(self, each.name)) for each in fields(self)}

    def under(self, objective: str) -> Economy:
        """A copy in which this objective chooses savings.

        Raises:
            InputError: a planner of an economy that states none.
        """
        require(objective in OBJECTIVES, f"objective: expected {' or '.join(OBJECTIVES)}, got {show(objective)}")
        require(
            objective == "market" or self.planner,
            f"objective: {type(self).__name__} states no planner's problem; expected "
            "market, or an economy whose class says planner = True",
        )
        market = getattr(type(self), "market", type(self))
        chosen = object.__new__(planned(market) if objective == "planner" else market)
        vars(chosen).update(vars(self))
        chosen._check_long_run()
        return chosen

    def to(self, device=None, dtype=None) -> Economy:
        """A copy whose tensors live on the device and have the floating dtype."""
        moved = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor | ShockProcess):
                setattr(moved, name, value.to(device=device, dtype=dtype))
        return moved

    def _check_long_run(self) -> None:
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
        base = self.frictionless()
        require(
            base is None or base.mpc > 0 and -self.borrowing_limit <= base.human_wealth < math.inf,
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
        if limit == 0:
            return
        z = self.chain.typical_z()
        aggregates = {name: self.table([value]).expand(len(z), 1) for name, value in self.typical_aggregates().items()}
        prices = self.prices(aggregates, z)
        eps = torch.arange(self.chain.n_eps).expand(len(z), -1)
        income, at_limit = (
            self.resources(torch.full(eps.shape, k, dtype=torch.float64), eps, z, prices) for k in (0.0, limit)
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

    def gamma(self, mean: float, terms: int, shape: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Numbers of that mean, the sum of so many exponential ones: a standard deviation of mean / sqrt(terms)."""
        uniform = torch.rand((terms, *shape), generator=generator, device=generator.device, dtype=self.chain.dtype)
        return mean / terms * -torch.log1p(-uniform).sum(0)

    def mean_of(self, by_z: Tensor) -> float:
        """The long-run mean of a table by the states of a finite chain of z, (n_z,)."""
        return float(self.chain.stationary_z() @ by_z)

    def table(self, values) -> Tensor:
        """A table by state, (n,), float64."""
        return torch.tensor(values, dtype=torch.float64)
