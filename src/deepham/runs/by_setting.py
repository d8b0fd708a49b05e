"""The runs of a sweep by setting: which settings vary, and which runs differ in nothing but the seed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from deepham.measures.verdict import BAR_SETS, Bars, bar_met, judge

GROUPED = ("seed", "run")  # what runs of one setting may differ in
UNKNOWN = "default"


@dataclass(frozen=True)
class SweepRun:
    """One run.

    Attributes:
        name: its folder's, or the number of its job.
        settings: setting -> value as it was typed, of those that were; a run may lack one that another has.
        measures: measure -> value, in the units of the verdict; None where the run is not finished.
        why: what became of a run that is not finished.
        grid: moments of the grid solution of its calibration, on the same shocks; empty where there was none.
        bars: what it was held against, measure -> (bar, goal).
        meanings: setting -> what it means, of parameters of its economy.
        measured: the settings of the verdict that the measures come from; empty where they are not known.
        stopped: where training was stopped early, if it was; the measures are then those of networks half trained.
    """

    name: str
    settings: dict[str, str]
    measures: dict[str, float] | None
    why: str = ""
    grid: dict[str, float] = field(default_factory=dict)
    stopped: str = ""
    bars: Bars = field(default_factory=lambda: BAR_SETS["quick"])  # those of runs from before there were several
    meanings: dict[str, str] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)

    @property
    def taken(self) -> dict[str, float]:
        """The measures of a run that is finished."""
        assert self.measures is not None
        return self.measures

    @property
    def complete(self) -> bool:
        return self.measures is not None and not self.stopped

    @property
    def bar_met(self) -> bool:
        return self.measures is not None and bar_met(judge(self.measures, self.bars))


def measured_unlike(runs: list[SweepRun]) -> str | None:
    """In words, two of these runs that were not measured with the same settings; None where there are none that are
    known."""
    known = [run for run in runs if run.measures is not None and run.measured]
    for other in known:
        keys = [
            key
            for key in dict.fromkeys([*known[0].measured, *other.measured])
            if known[0].measured.get(key) != other.measured.get(key)
        ]
        if keys:
            said = (
                f"{run.name} with "
                f"{', '.join(f'{key}={run.measured.get(key):g}' for key in keys if key in run.measured)}"
                for run in (known[0], other)
            )
            return f"measured {' and '.join(said)}"
    return None


def most_welfare(runs: list[SweepRun]) -> SweepRun | None:
    """Of the runs that trained to their end the one whose households are best off on average: of several local maxima
    of a planner's problem the one to keep. None where no run measured it.
    """
    found = [run for run in runs if run.complete and math.isfinite(run.taken.get("welfare", math.nan))]
    return max(found, key=lambda run: run.taken["welfare"], default=None)


def varying(runs: list[SweepRun]) -> list[str]:
    """The settings in which the runs differ, the seed aside, in the order in which they were typed. What a run that is
    not finished does not say is no difference.
    """
    keys = dict.fromkeys(key for run in runs for key in run.settings if key not in GROUPED)
    return [
        key
        for key in keys
        if len({run.settings.get(key, UNKNOWN) for run in runs if key in run.settings or run.measures is not None}) > 1
    ]


def by_setting(runs: list[SweepRun], keys: list[str]) -> dict[tuple[str, ...], list[SweepRun]]:
    """Values of the keys -> runs, numbers in their order and before words."""
    groups: dict[tuple[str, ...], list[SweepRun]] = {}
    for run in runs:
        groups.setdefault(tuple(run.settings.get(key, UNKNOWN) for key in keys), []).append(run)
    return dict(sorted(groups.items(), key=lambda item: [order(value) for value in item[0]]))


def order(value: str) -> tuple[float, str]:
    """A key to sort values by: numbers by size, then everything else by its letters."""
    number = as_number(value)
    return (math.inf, value) if number is None else (number, "")


def as_number(value: str) -> float | None:
    """The number that the text is, None for a word, NaN and infinity."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
