"""A solution that is reported on, with its errors and its distances to the grid solution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from deepham.algorithm.by_wealth import WealthBin, errors_by_wealth
from deepham.algorithm.ergodic import Ergodic, VerdictSettings
from deepham.algorithm.evaluation import measure, measures_along, moment_errors
from deepham.measures.verdict import BAR_SETS, Bars, Row, bars_of, judge
from deepham.reference.compare import measure_against
from deepham.reference.grid_solution import GridSolution
from deepham.report.study import GRID
from deepham.solution.solution import Solution


@dataclass(frozen=True)
class ReportedSolution:
    """A solution with what was measured of it, and the grid solution of its calibration where there is one."""

    label: str
    solution: Solution
    measures: dict[str, float]
    ergodic: Ergodic
    bins: list[WealthBin]
    reference: GridSolution | None = None
    grid_path: Ergodic | None = None
    beside: dict[str, float] | None = None
    grid_bins: list[WealthBin] | None = None
    bars: Bars = field(default_factory=lambda: BAR_SETS["standard"])

    @property
    def rows(self) -> list[Row]:
        economy = self.solution.economy
        return judge(
            self.measures,
            self.bars,
            self.beside,
            moment_errors(self.ergodic),
            economy,
        )


def examine(
    label: str,
    solution: Solution,
    reference: GridSolution | None,
    verdict: VerdictSettings,
    seed: int,
    main: bool,
    say: Callable[[str], None],
) -> ReportedSolution:
    """Measure one solution; the grid solution beside the main one, too."""
    say(f"{label}: errors and distances")
    world, bars = solution.world, bars_of(verdict.bars, verdict.own_bars)
    if reference is None:
        ergodic, measures = measure(world, solution.cross_sections, verdict, seed)
        return ReportedSolution(label, solution, measures, ergodic, errors_by_wealth(world, ergodic.dates), bars=bars)
    ergodic, grid_path, measures = measure_against(world, reference, verdict, seed)
    bins = errors_by_wealth(world, ergodic.dates)
    beside = grid_bins = None
    if main:
        say(f"{GRID}: errors")
        beside = measures_along(reference.world, grid_path)
        grid_bins = errors_by_wealth(reference.world, grid_path.dates)
    return ReportedSolution(label, solution, measures, ergodic, bins, reference, grid_path, beside, grid_bins, bars)
