"""An estimate: what is asked of it, its tables, and its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepham.errors import InputError, require, show
from deepham.estimation.inference import interval
from deepham.estimation.moments import Moment
from deepham.estimation.surface import Surface
from deepham.presentation.file_table import FileTable

if TYPE_CHECKING:
    import pandas

PROFILE = 41  # points of a profile
ENOUGH = 400  # independent draws
SHOWN = (0.025, 0.05, 0.5, 0.95, 0.975)  # quantiles of the posterior


@dataclass(frozen=True)
class Estimate:
    """Parameters estimated by simulated moments; `deepham.estimate` returns it.

    Attributes:
        name: of the economy.
        parameters: pandas.Series by parameter (by element of a list), in its unit.
        standard_errors: the same of their standard errors. It is NaN for a parameter at an edge of the box, and
            those of the others do not count on the edge; it is infinite where no moment moves with the parameter.
        covariance: pandas.DataFrame of the parameters.
        calibration: the estimate as `Solution.at` takes it: solution.at(**estimate.calibration).
        bounds: pandas.DataFrame of the box, columns low and high.
        j: statistic of the test of overidentifying restrictions.
        df: its degrees of freedom.
        p: its p-value, NaN where there are as many moments as parameters. Small: what the model misses is more than
            luck.
        moments: pandas.DataFrame by moment: data, model (at the estimate), standard_error (of the difference: sampling
            of the data and of the simulation), gap (data less model, in standard errors).
        sensitivity: pandas.DataFrame, parameters by moments: the change of an estimate by that of the moment in the
            data (Andrews, Gentzkow and Shapiro, 2017), in the units of both.
        not_identified: one line per direction in which the moments do not tell where parameters are; empty if all is
            well.
        at_edge: one line per parameter at an edge of the box; empty if all is well.
        surface_error: by how much the first guess of the moments at the estimate, from calibrations around, was off, in
            standard errors: the largest. What is reported has been simulated at the estimate.
        draws: pandas.DataFrame of the posterior, a column a parameter; None where none was asked for.
        about: seconds, calibrations, samples, periods, trend and weights, by name; of a posterior how many independent
            draws it is worth.
    """

    name: str
    parameters: pandas.Series
    standard_errors: pandas.Series
    covariance: pandas.DataFrame
    calibration: dict
    bounds: pandas.DataFrame
    j: float
    df: int
    p: float
    moments: pandas.DataFrame
    sensitivity: pandas.DataFrame
    not_identified: list[str]
    at_edge: list[str]
    surface_error: float
    about: dict
    described: list[Moment]
    surface: Surface
    root: np.ndarray
    unit: np.ndarray
    draws: pandas.DataFrame | None = None

    def intervals(self, level: float = 0.95) -> pandas.DataFrame:
        """Confidence intervals by parameter, columns low and high, NaN where there is no standard error. Where the box
        is positive they are symmetric in the parameter's log.

        Args:
            level: how often they cover the truth, between 0 and 1.

        Raises:
            InputError: another level.
        """
        import pandas

        require(0 < level < 1, f"level: expected a number between 0 and 1, got {show(level)}")
        low, high = interval(self.parameters, self.standard_errors, level, self.bounds["low"] > 0)
        return pandas.DataFrame({"low": low, "high": high}, self.parameters.index)

    # -- tables ----------------------------------------------------------------------------------------------------

    def tables(self) -> dict[str, FileTable]:
        """parameters, moments, sensitivity, and posterior where there is one, as markdown, CSV at full precision and
        LaTeX."""
        drawn = {} if self.draws is None else {"posterior": self._posterior_table(self.draws)}
        return {
            "parameters": self._parameters_table(),
            **drawn,
            "moments": self._moments_table(),
            "sensitivity": self._sensitivity_table(),
        }

    def _posterior_table(self, draws: pandas.DataFrame) -> FileTable:
        rows = [
            (str(name), float(each.mean()), float(each.std()), *np.quantile(each, SHOWN).tolist())
            for name, each in zip(draws.columns, draws.to_numpy().T)
        ]
        cells = [(name, *(_brief(value) for value in rest)) for name, *rest in rows]
        headings = ("parameter", "mean", "s.d.", *(f"{100 * share:g} %" for share in SHOWN))
        columns = ("parameter", "mean", "standard_deviation", *(f"q{share:.3f}" for share in SHOWN))
        return FileTable(headings, cells, "l" + "r" * (len(headings) - 1), columns, rows)

    def _parameters_table(self) -> FileTable:
        ends = self.intervals()
        rows = [
            (name, value, error, *ends.loc[name], *self.bounds.loc[name])
            for name, value, error in zip(self.parameters.index, self.parameters, self.standard_errors)
        ]
        cells = [
            (name, _brief(value), _brief(error, 2), _shown(low, high), f"[{least:g}, {most:g}]")
            for name, value, error, low, high, least, most in rows
        ]
        return FileTable(
            ("parameter", "estimate", "s.e.", "95 % interval", "box"),
            cells,
            "lrrrr",
            ("parameter", "estimate", "standard_error", "low_95", "high_95", "box_low", "box_high"),
            rows,
        )

    def _moments_table(self) -> FileTable:
        columns = ("data", "model", "standard_error", "gap")
        rows = [
            (each.name, each.described(), *(float(self.moments.loc[each.name, column]) for column in columns))
            for each in self.described
        ]
        cells = [
            (text, _brief(data), _brief(model), _brief(error, 2), f"{gap:.2f}")
            for _, text, data, model, error, gap in rows
        ]
        headings = ("moment", "data", "model", "s.e.", "data less model, s.e.")
        return FileTable(headings, cells, "lrrrr", ("name", "moment", *columns), rows)

    def _sensitivity_table(self) -> FileTable:
        """By a standard error of each moment, in standard errors of the parameter; at full precision in units."""
        relative = self.relative_sensitivity()
        cells = [
            (name, *(f"{relative.loc[parameter, name]:.2f}" for parameter in relative.index))
            for name in relative.columns
        ]
        exact = [(name, *self.sensitivity[name]) for name in self.sensitivity.columns]
        headings = ("moment", *map(str, relative.index))
        return FileTable(headings, cells, "l" + "r" * len(relative.index), headings, exact)

    def relative_sensitivity(self) -> pandas.DataFrame:
        """The sensitivity to a standard error of each moment, in standard errors of each parameter."""
        return self.sensitivity.mul(self.moments["standard_error"], axis=1).div(self.standard_errors, axis=0)

    def summary(self) -> str:
        """Tables of parameters and moments in markdown, the J test, and what to mind, over several lines."""
        about, tables = self.about, self.tables()
        lines = [
            f"{self.name}: {len(self.parameters)} parameters by {len(self.moments)} moments, {about['weights']} "
            f"weights, {about['samples']} samples of {about['periods']} periods",
            "",
            tables["parameters"].markdown(),
            *self._posterior_lines(),
            tables["moments"].markdown(),
            self._test,
            *(f"NOT IDENTIFIED: {line}" for line in self.not_identified),
            *(f"AT AN EDGE: {line}" for line in self.at_edge),
            f"{about['calibrations']} calibrations simulated; {about['preparing']:.0f} s to know the moments over the "
            f"box, {about['estimating']:.0f} s to estimate",
        ]
        return "\n".join(lines) + "\n"

    def _posterior_lines(self) -> list[str]:
        if self.draws is None:
            return []
        worth = f"posterior, a flat prior over the box: worth {self.about['effective_draws']:.0f} independent draws"
        short = (
            ""
            if self.about["effective_draws"] >= ENOUGH
            else "; TOO FEW for its tails: add moments, or fix a parameter"
        )
        return [worth + short, "", self._posterior_table(self.draws).markdown()]

    @property
    def _labels(self) -> list[str]:
        return [each.described() for each in self.described]

    @property
    def _test(self) -> str:
        if not self.df:
            return "as many moments as parameters: there is no test"
        return f"J = {self.j:.2f} with {self.df} degrees of freedom, p = {self.p:.3f}"

    # -- figures ---------------------------------------------------------------------------------------------------

    def profile(self, parameter: str) -> pandas.DataFrame:
        """The criterion along one parameter, the others at their best, less its least: columns "value" and "criterion".
        At the estimate's neighbours it is the surface's, which is exact where the model has been simulated.

        Raises:
            InputError: no such parameter.
        """
        import pandas

        names = list(self.parameters.index)
        if parameter not in names:
            raise InputError(f"parameter: expected one of {', '.join(names)}, got {show(parameter)}")
        at, data = names.index(parameter), self.moments["data"].to_numpy()
        low, high = self.bounds.loc[parameter]
        points = np.unique(np.append(np.linspace(0, 1, PROFILE), self.unit[at]))
        units = [self.surface.nearest(data, self.root, {at: point}) for point in points]
        criterion = np.array([float(((self.root.T @ (self.surface(unit) - data)) ** 2).sum()) for unit in units])
        return pandas.DataFrame({"value": low + points * (high - low), "criterion": criterion - criterion.min()})

    def plot_fit(self):
        """Figure of the moments: how far those of the model are from those of the data, in standard errors."""
        # matplotlib takes a third of a second to import
        from deepham.estimation import figures_of_estimate as figures

        return figures.fit(self.moments["gap"].to_numpy(), self._labels, self._test)

    def plot_sensitivity(self):
        """Figure of `relative_sensitivity`: which moments an estimate hangs on."""
        from deepham.estimation import figures_of_estimate as figures

        return figures.sensitivity(self.relative_sensitivity(), self._labels)

    def plot_profiles(self):
        """Figure of the criterion along each parameter, the others at their best."""
        from deepham.estimation import figures_of_estimate as figures

        return figures.profiles({name: self.profile(name) for name in map(str, self.parameters.index)}, self.parameters)

    def plot_posterior(self):
        """Figure of the posterior: each parameter, and each pair of them (a corner plot).

        Raises:
            InputError: no posterior was asked for.
        """
        from deepham.estimation import figures_of_estimate as figures

        if self.draws is None:
            raise InputError('plot_posterior: there are no draws; estimate with method="posterior"')
        return figures.corner(self.draws, self.parameters)

    def save(self, folder) -> Path:
        """Write summary.md, the tables (.md, .csv, .tex), draws.csv of a posterior and the figures (.png, .pdf) to a
        folder, which is made.

        Raises:
            InputError: the folder cannot be written.
        """
        from deepham.presentation.figures import save_figures

        path = Path(folder)
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / "summary.md").write_text(self.summary(), encoding="utf-8")
            for name, table in self.tables().items():
                table.write(path, name)
            drawn = {"fit": self.plot_fit(), "sensitivity": self.plot_sensitivity(), "profiles": self.plot_profiles()}
            if self.draws is not None:
                self.draws.to_csv(path / "draws.csv", index=False)
                drawn["posterior"] = self.plot_posterior()
            save_figures(drawn, path)
        except OSError as error:
            raise InputError(f"output: {path} cannot be written ({error.strerror})") from None
        return path

    def __repr__(self) -> str:
        return self.summary()


def _shown(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"[{_brief(low)}, {_brief(high)}]"


def _brief(value: float, digits: int = 4) -> str:
    return "" if np.isnan(value) else f"{value:.{digits}g}"
