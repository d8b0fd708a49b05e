"""The section on groups of households that an economy tells apart, ages or types: what each has, and what it loses."""

from __future__ import annotations

import numpy as np

from deepham.algorithm.by_age import ages_of, by_kind
from deepham.economics.economy import Groups
from deepham.presentation.file_table import FileTable
from deepham.report import figures_of_groups as figures
from deepham.report.page import Illustration, Section
from deepham.report.study import Study
from deepham.solution.datasets import of_groups

COLUMNS = {  # of a profile
    "assets": ("mean assets", "goods"),
    "assets_sd": ("sd of assets", "goods"),
    "consumption": ("mean consumption", "goods"),
    "consumption_sd": ("sd of consumption", "goods"),
    "euler": ("Euler error, mean", "% cons."),
}


def group_section(studies: list[Study]) -> Section | None:
    first = studies[0].solved.economy
    groups = first.groups()
    if groups is None:
        return None
    what = "age" if first.age_of(groups.of) is not None else "type"
    section = Section(
        f"By {what}",
        [
            "At cross-sections along the paths of the verdict. Costs are those of aggregate fluctuations, percent of "
            "consumption, as in the section on welfare."
        ],
    )
    if what == "age":
        figure = figures.life_figure(first, {each.label: _profile(each, ages_of(first).numpy()) for each in studies})
        section.shown.append(Illustration("by_age", figure, "Over the life: means, dispersion, errors and cost."))
    else:
        figure = figures.density_figure(studies[0].solved, groups)
        section.shown.append(Illustration("by_type", figure, "Density of wealth within each type."))
    section.shown.append(Illustration("groups", _file_table(studies, groups), f"Households by {what}."))
    if any(study.recession is not None for study in studies):
        drawn = figures.group_responses(studies, tuple(of_groups(first)))
        section.shown.append(Illustration("irf_groups", drawn, f"Consumption by {what} after the bad shock."))
    return section


def _profile(study: Study, kind: np.ndarray) -> dict[str, np.ndarray]:
    """`by_kind`, and the "cost" of each kind where it has been computed."""
    import torch

    found = by_kind(study.solved.world, study.dates, torch.as_tensor(kind, device=study.dates.z.device))
    profile = {name: values.cpu().numpy() for name, values in found.items()}
    if study.cost is not None:
        shares, cost = study.cost.shares, study.cost.by_state
        profile["cost"] = np.bincount(kind, shares * cost) / np.bincount(kind, shares)
    return profile


def _file_table(studies: list[Study], groups: Groups) -> FileTable:
    profiles = {study.label: _profile(study, groups.of.cpu().numpy()) for study in studies}
    rows, exact = [], []
    for index, name in enumerate(groups.names):
        for label, each in profiles.items():
            share = each["share"]
            held = share * each["assets"] / (share @ each["assets"])
            cost = each["cost"][index] if "cost" in each else float("nan")
            numbers = [100 * share[index], 100 * held[index], *(each[column][index] for column in COLUMNS), cost]
            exact.append((name, label, *map(float, numbers)))
            rows.append((name, label, *("" if x != x else f"{x:.4g}" for x in numbers)))
    headings = ("households, %", "of all assets, %", *(f"{text}, {unit}" for text, unit in COLUMNS.values()), "cost, %")
    headings = ("group", "solution", *headings)
    return FileTable(headings, rows, "ll" + "r" * (len(headings) - 2), headings, exact)
