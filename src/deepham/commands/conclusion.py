"""The end of a run: the solution, what is measured of it, and how it looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import torch

from deepham.algorithm.business_cycle import Moments
from deepham.algorithm.ergodic import Ergodic
from deepham.algorithm.evaluation import cycle_moments, distribution_measures, measure, moment_errors
from deepham.reference.compare import measure_against
from deepham.reference.grid_solution import GridSolution
from deepham.simulation.period import World
from deepham.solution.solution import Solution
from deepham.training.data import PanelData
from deepham.training.module import DeepHAM
from deepham.training.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Conclusion:
    """What a run ends with.

    Attributes:
        solution: the averaged networks with their ergodic cross-sections.
        measures: taken in the continuum. errors: standard errors of the moments among them.
        cycle, cycle_beside: business-cycle moments, and those of the reference on the same shocks.
        reference, grid_path: the grid solution and its path on the same shocks, or None.
        candidate: the solution's path. All of it on the CPU.
    """

    solution: Solution
    measures: dict[str, float]
    errors: dict[str, float]
    cycle: list[Moments]
    cycle_beside: list[Moments] | None
    reference: GridSolution | None
    candidate: Ergodic
    grid_path: Ergodic | None

    @property
    def beside(self) -> dict[str, float] | None:
        """The reference's moments on the same shocks."""
        return None if self.grid_path is None else distribution_measures(self.grid_path)

    def figures(self) -> dict[str, Figure]:
        """The solution, and against the grid where there is a grid solution, by name."""
        from deepham.presentation.figures import laid_out, wealth_and_policy  # matplotlib, for runs that draw
        from deepham.report.figures_against_grid import figures_against_grid

        figures: dict[str, Figure] = {"solution": wealth_and_policy(self.solution)}
        if self.reference is not None and self.grid_path is not None:
            figures |= figures_against_grid(self.solution, self.reference, self.candidate, self.grid_path)
        return laid_out(figures)


def conclude(
    settings: Settings, module: DeepHAM, data: PanelData, reference: GridSolution | None, progress=None
) -> Conclusion:
    """Measure the averaged networks in the continuum, beside the reference on the same shocks where there is one."""
    device = data.running.generator.device
    economy = settings.economy.to(device=device)  # float64: errors are measured more finely than they are trained
    policy, value = module.policy_average.double().to(device), module.value_average.double().to(device)
    world = World(economy, policy, value)
    if reference is None:
        grid_path = None
        start = data.panel.to(dtype=torch.float64)
        ergodic, measures = measure(world, start, settings.verdict, settings.seed, progress)
    else:
        ergodic, grid_path, measures = measure_against(
            world, reference.to(device), settings.verdict, settings.seed, progress
        )
    plain = settings.hyperparameters()
    calibration = {key: parameter for key, parameter in plain["model"].items() if key != "name"}
    errors = moment_errors(ergodic)
    meta = {
        "seed": settings.seed,
        "algorithm": plain["algorithm"],
        "measures": measures,
        "standard_errors": errors,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    solution = Solution(
        settings.economy_name,
        calibration,
        plain["network"],
        policy.float().cpu(),
        value.float().cpu(),
        ergodic.grid.cpu(),
        ergodic.mean_mass.cpu(),
        meta,
        vary=settings.box and settings.box.vary,
        **economy.chain.kept(ergodic.mean_z.cpu()),
    )
    return Conclusion(
        solution,
        measures,
        errors,
        cycle_moments(economy, ergodic),
        None if grid_path is None else cycle_moments(economy, grid_path),
        reference,
        ergodic.to("cpu"),
        grid_path and grid_path.to("cpu"),
    )
