"""The report from its first section to its last, in the order of a replication package, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping

from deepham.errors import printable, show
from deepham.presentation.file_table import FileTable
from deepham.report import response_sections, simulation_sections, solution_sections
from deepham.report.group_section import group_section
from deepham.report.market_section import market_section
from deepham.report.page import Illustration, Section
from deepham.report.planner_section import planner_section
from deepham.report.reported import ReportedSolution
from deepham.report.study import Study
from deepham.report.takeover import Takeover


def contents(
    reported: list[ReportedSolution], studies: list[Study], takeover: Takeover | None, manifest: FileTable
) -> list[Section]:
    """All sections. The first solution is the one that the report is on, the first study is of it."""
    sections = [
        solution_sections.verdict(reported),
        solution_sections.calibration(reported),
        simulation_sections.cycle(studies),
        simulation_sections.wealth(studies),
        solution_sections.policy(reported, studies),
    ]
    sections += [
        section
        for section in (
            market_section(studies),
            planner_section(studies, takeover),
            response_sections.recession(studies),
            response_sections.transfer(studies),
            response_sections.risky(studies),
            response_sections.basins(studies),
            simulation_sections.welfare(studies),
            group_section(studies),
            solution_sections.moments(reported[0]),
            solution_sections.training(reported),
        )
        if section is not None
    ]
    return [*sections, _manifest(manifest, studies)]


def _manifest(manifest: FileTable, studies: list[Study]) -> Section:
    missing = [f"{study.label}, {name}: {why}" for study in studies for name, why in study.missing.items()]
    return Section(
        "Manifest",
        [f"Left out: {each}." for each in missing],
        [Illustration("manifest", manifest, "How the solution and this report were made.")],
    )


def manifest_file_table(reported: list[ReportedSolution], about: Mapping[str, object]) -> FileTable:
    """What each solution says of its making, and what is known of the report's own."""
    rows = []
    for one in reported:
        meta = one.solution.meta
        made = meta.get("made_by", {})
        seconds = made.get("seconds", {})
        told = {
            "made": meta.get("created"),
            "seed": meta.get("seed"),
            "deepham": meta.get("deepham"),
            "torch": meta.get("torch"),
            **{
                key: made.get(key) for key in ("command", "hardware", "system", "python", "numpy", "lightning", "scipy")
            },
            "training, seconds": _rounded(seconds.get("training")),
            "verdict, seconds": _rounded(seconds.get("verdict")),
            "peak memory, MB": _rounded(made.get("peak_memory_mb")),
            "network": " ".join(f"{key}={value}" for key, value in one.solution.network.items()),
            "algorithm": " ".join(
                f"{key}={show(value)}"
                for key, value in meta.get("algorithm", {}).items()
                if not isinstance(value, dict)
            ),
        }
        rows += [(one.label, key, printable(str(value))) for key, value in told.items() if value not in (None, "")]
    rows += [("report", key, str(value)) for key, value in about.items()]
    return FileTable(("of", "item", "value"), rows, "lll")


def _rounded(value) -> str | None:
    return None if value is None else f"{value:.0f}"
