"""Estimation by simulated moments: from data and the solution of a box of calibrations to an `Estimate`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from deepham.economics.box import Box, Side
from deepham.errors import InputError, require, show
from deepham.estimation.data import Data, covariance_of, read
from deepham.estimation.inference import infer, root_of
from deepham.estimation.model import Model, Simulated, design
from deepham.estimation.posterior import draw, require_emcee
from deepham.estimation.result import Estimate
from deepham.estimation.surface import Surface
from deepham.presentation.saying import counting
from deepham.solution import arguments
from deepham.solution.solution import Solution

POINTS = 8  # for each parameter: where the model is simulated before anything is estimated
ROUNDS, STILL = 5, 0.05  # of simulating the model at the estimate, until it moves by less of its standard error
NEAR = 0.04  # of a side: from the estimate to where derivatives are simulated
COVARIANCE_SAMPLES = 96  # of the model, for the covariance of its moments
EDGE = 1e-3  # of a side
WEIGHTS = ("optimal", "diagonal")
METHODS = ("smm", "posterior")
_models: WeakKeyDictionary[Solution, dict[tuple[int, int, int], Model]] = WeakKeyDictionary()


def estimate(
    solution: Solution,
    moments: Any,
    series: Any,
    periods: Any,
    fixed: Mapping[str, Any] | None,
    covariance: Any,
    weights: str,
    trend: str | None,
    samples: int,
    points: int | None,
    seed: int,
    method: str = "smm",
) -> Estimate:
    """See `deepham.estimate`."""
    require(isinstance(solution, Solution), f"solution: expected a trained solution, got {show(solution)}")
    if solution.box is None:
        raise InputError(
            "solution: it is of one calibration, so that there is nothing to estimate; train with vary=..., say "
            f'deepham.solve("{solution.name}", vary={{...}})'
        )
    began = time.monotonic()
    box = solution.box
    data = read(solution.economy, moments, series, periods, trend)
    free = _free(box, fixed or {})
    require(
        len(data.moments) >= len(free.sides),
        f"moments: {len(data.moments)} cannot identify {len(free.sides)} parameters, "
        f"{', '.join(side.label for side in free.sides)}; expected as many moments at least, or fixed=",
    )
    require(weights in WEIGHTS, f"weights: expected {' or '.join(WEIGHTS)}, got {show(weights)}")
    require(method in METHODS, f"method: expected {' or '.join(METHODS)}, got {show(method)}")
    if method == "posterior":
        require(weights == "optimal", f"weights: a posterior is of optimal ones, got {weights}; leave it out")
        require_emcee()
    least = (len(free.sides) + 1) * (len(free.sides) + 2) // 2 + 1
    points = POINTS * len(free.sides) if points is None else arguments.whole("points", points, 1)
    require(points >= least, f"points: expected at least {least} for {len(free.sides)} parameters, got {points}")
    key = data.periods, arguments.whole("samples", samples, 2), arguments.whole("seed", seed, 0)
    models = _models.setdefault(solution, {})
    model = models[key] if key in models else models.setdefault(key, Model(solution, *key))
    problem = Problem(model, data, free)
    surface = problem.surface(points)
    prepared = time.monotonic() - began
    found = problem.solve(surface, covariance, weights)
    if method == "posterior":
        found = with_draws(found, model.seed)
    seconds = {"preparing": prepared, "estimating": time.monotonic() - began - prepared}
    return replace(found, about=found.about | {"weights": weights} | seconds)


@dataclass(frozen=True)
class Free:
    """The sides of a box that are estimated, and where the others are, as points of its unit cube."""

    sides: list[Side]
    places: list[int]
    whole: np.ndarray

    def placed(self, inner: np.ndarray) -> np.ndarray:
        unit = self.whole.copy()
        unit[self.places] = inner
        return unit

    @property
    def lengths(self) -> np.ndarray:
        return np.array([side.high - side.low for side in self.sides])

    @property
    def lows(self) -> np.ndarray:
        return np.array([side.low for side in self.sides])


def _free(box: Box, fixed: Mapping[str, Any]) -> Free:
    require(isinstance(fixed, Mapping), f"fixed: expected parameters with their values, got {show(fixed)}")
    whole = (np.array(box.scaled(box.moved(fixed))) + 1) / 2
    places = [at for at, side in enumerate(box.sides) if side.name not in fixed]
    require(bool(places), "fixed: no parameter is left to be estimated")
    return Free([box.sides[at] for at in places], places, whole)


@dataclass(frozen=True)
class Problem:
    """A model, data, and what is to be estimated."""

    model: Model
    data: Data
    free: Free

    def moments(self, found: Simulated) -> np.ndarray:
        """Means over samples, (M,).

        Raises:
            InputError: a moment that is none in this model.
        """
        values = self.sampled(found).mean(0)
        for each, value in zip(self.data.moments, values):
            require(
                bool(np.isfinite(value)),
                f"moments: {each.name} is not defined in this model, where nothing moves it or a log is of zero",
            )
        return values

    def sampled(self, found: Simulated) -> np.ndarray:
        """Of each sample, (S, M)."""
        households = [found.households[each.name] for each in self.data.moments if not each.variable]
        series = [self.data.of_series(found.series)] if self.data.periods else []
        return np.concatenate([*series, *(each[:, None] for each in households)], 1)

    def at(self, inner: np.ndarray) -> np.ndarray:
        """The model's moments (M,) at a point of the cube of what is estimated."""
        return self.moments(self.model.at(self.free.placed(inner)))

    def surface(self, points: int) -> Surface:
        """The model's moments over the box."""
        units = design(len(self.free.sides), points)
        values = []
        with counting("moments over the box", points) as tick:
            for unit in units:
                values.append(self.at(unit))
                tick(1)
        return Surface(units, np.array(values))

    def solve(self, surface: Surface, given: Any, weights: str) -> Estimate:
        """Two steps: with weights by the size of each moment's own error, and with those that are asked for, by the
        covariance at the first estimate. The model is simulated at each estimate and the surface goes through it, until
        it stays."""
        middle = self.free.placed(surface.points[0])
        first = self.omega(self.model.at(middle), given)
        rough = surface.nearest(self.data.values, np.diag(np.diag(first) ** -0.5))
        surface = surface.with_point(rough, self.at(rough))
        other_luck = self.model.seed + 10**6
        omega = self.omega(self.model.fresh(self.free.placed(rough), COVARIANCE_SAMPLES, other_luck), given)
        root = root_of(omega) if weights == "optimal" else np.diag(np.diag(omega) ** -0.5)
        unit, missed, sloped = rough, np.zeros(1), None
        for turn in range(ROUNDS):
            before, unit = unit, surface.nearest(self.data.values, root)
            if turn and np.linalg.norm(root.T @ surface.slope(unit) @ (unit - before)) < STILL:
                break
            value = self.at(unit)
            missed = missed if turn else surface(unit) - value
            surface = surface.with_point(unit, value)
            if sloped is None or np.abs(unit - sloped).max() > NEAR:  # those of an estimate beside this one will do
                surface, sloped = self.with_slopes(surface, unit), unit
        return self.result(surface, unit, root, omega, missed)

    def with_slopes(self, surface: Surface, unit: np.ndarray) -> Surface:
        """The surface through points beside this one, in each parameter one."""
        for at in range(len(unit)):
            beside = unit.copy()
            beside[at] += NEAR if unit[at] < 0.5 else -NEAR
            surface = surface.with_point(beside, self.at(beside))
        return surface

    def omega(self, simulated: Simulated, given: Any) -> np.ndarray:
        """Covariance (M, M) of data less model, with the part of the simulation, by samples at one calibration."""
        samples = self.sampled(simulated)
        found = covariance_of(self.data, given, samples, self.model.seed)
        require(
            bool((np.diag(found) > 0).all()),
            "covariance: a moment has no variance, so that it cannot be weighted; give its standard error",
        )
        found += np.atleast_2d(np.cov(samples, rowvar=False)) / self.model.samples
        return found

    def result(
        self, surface: Surface, unit: np.ndarray, root: np.ndarray, omega: np.ndarray, missed: np.ndarray
    ) -> Estimate:
        """The estimate at a point of the cube."""
        import pandas  # slow to import

        labels, names = [side.label for side in self.free.sides], self.data.names
        edge = (unit < EDGE) | (unit > 1 - EDGE)
        inside = np.flatnonzero(~edge)
        fitted, slope, lengths = surface(unit), surface.slope(unit), self.free.lengths
        gap, weights = self.data.values - fitted, root @ root.T
        inner = infer(slope[:, inside], gap, weights, omega)
        covariance = infer(slope, gap, weights, omega).covariance * np.outer(lengths, lengths)
        # an edge is where the training ends and tells nothing of the others, which are as unsure as without it
        covariance[edge], covariance[:, edge] = np.nan, np.nan
        sensitivity = np.zeros((len(unit), len(names)))
        sensitivity[inside] = inner.sensitivity * lengths[inside, None]
        errors = np.sqrt(np.diag(omega))
        table = {"data": self.data.values, "model": fitted, "standard_error": errors}
        bounds = {"low": self.free.lows, "high": self.free.lows + lengths}
        calibration = self.model.box.at(self.free.placed(unit))
        return Estimate(
            name=self.model.solved.name,
            parameters=pandas.Series(self.free.lows + unit * lengths, labels),
            standard_errors=pandas.Series(np.sqrt(np.diag(covariance)), labels),
            covariance=pandas.DataFrame(covariance, labels, labels),
            calibration={side.name: calibration[side.name] for side in self.model.box.sides},
            bounds=pandas.DataFrame(bounds, labels),
            j=inner.j,
            df=inner.df,
            p=inner.p,
            moments=pandas.DataFrame(table | {"gap": (self.data.values - fitted) / errors}, names),
            sensitivity=pandas.DataFrame(sensitivity, labels, names),
            not_identified=[
                said_weak([labels[at] for at in inside], direction, error) for direction, error in inner.weak
            ],
            at_edge=[said_edge(self.free.sides[at], unit[at]) for at in np.flatnonzero(edge)],
            surface_error=float((np.abs(missed) / errors).max()),
            about={
                "samples": self.model.samples,
                "periods": self.data.periods,
                "trend": self.data.of_series.trend,
                "calibrations": len(surface.points),
            },
            described=self.data.moments,
            surface=surface,
            root=root,
            unit=unit,
        )


def with_draws(found: Estimate, seed: int) -> Estimate:
    """The estimate with draws of its posterior."""
    import pandas

    drawn = draw(found.surface, found.moments["data"].to_numpy(), found.root, found.unit, seed)
    low, high = found.bounds["low"].to_numpy(), found.bounds["high"].to_numpy()
    table = pandas.DataFrame(low + drawn.units * (high - low), columns=found.bounds.index)
    return replace(found, draws=table, about=found.about | {"effective_draws": drawn.effective})


def said_weak(labels: list[str], direction: np.ndarray, error: float) -> str:
    """A direction in which the moments do not say where parameters are, in words."""
    direction = direction * np.sign(direction[np.abs(direction).argmax()])
    parts = [f"{share:+.2f} {label}" for label, share in zip(labels, direction) if abs(share) >= 0.1]
    known = (
        "no moment moves along it" if np.isinf(error) else f"its standard error is {error:.2g} of the sides of the box"
    )
    return f"{' '.join(parts)} (in sides of the box): {known}; add a moment that moves along it, or fix a parameter"


def said_edge(side: Side, unit: float) -> str:
    """A parameter at an edge of the box, in words."""
    which, bound = ("lower", side.low) if unit < 0.5 else ("upper", side.high)
    return (
        f"{side.label} is at its {which} bound {bound:g}; train with a wider box, or take it that these moments ask "
        "for what the model does not have"
    )
