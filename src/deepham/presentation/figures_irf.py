"""Impulse responses as a figure: of one solution or several, from Datasets that exist."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.patches import Patch

from deepham.errors import InputError, show
from deepham.presentation.figures import BLUE, GREEN, ORANGE, Figure, count_periods, legend_below, panel_title

if TYPE_CHECKING:
    from xarray import Dataset

# of what is laid over each other, solutions for example
LINES = (
    (BLUE, "-"),
    (ORANGE, "-."),
    (GREEN, (0, (1, 1.5))),
    ("#CC79A7", (0, (6, 2))),
    ("#56B4E9", (0, (3, 1, 1, 1, 1, 1))),
    ("#E69F00", (0, (8, 2, 2, 2))),
)
GRID_LINE = ("black", (0, (4, 2)))
BANDS = (("q05", "q95", 0.15, "90 %"), ("q25", "q75", 0.25, "50 %"))
VARIABLES = ("Y", "C", "I", "K", "r", "w", "hours")


def plot_irf(responses, variables=None) -> Figure:
    """Figure of responses that `Solution.irf` returned: one panel per variable, one line per Dataset.

    Args:
        responses: a Dataset of `irf`, or a mapping of labels to several, of one solution or of different ones. The
            bands are those of the first: 50 and 90 percent of its draws.
        variables: names, one panel each; None: Y, C, I, K, r, w and hours, as far as all Datasets have them.

    Returns:
        A matplotlib Figure, which a notebook shows and `savefig` writes.

    Raises:
        InputError: something that is not a Dataset of `irf`, periods of different lengths, or a variable that a Dataset
            lacks.
    """
    labelled = responses if isinstance(responses, Mapping) and not _is_dataset(responses) else {"": responses}
    _check_responses(labelled)
    names = [_variables(data) for data in labelled.values()]
    shared = [name for name in names[0] if all(name in others for others in names[1:])]
    return impulse_responses(labelled, chosen(variables, shared))


def are_responses(given) -> bool:
    """Whether these are Datasets, and no shock to compute a response to."""
    return _is_dataset(given) or isinstance(given, Mapping) and any(map(_is_dataset, given.values()))


def chosen(variables, known: list[str]) -> list[str]:
    """The names asked for, or the usual ones among those known. Raises InputError for one that is not known."""
    if variables is None:
        return [name for name in VARIABLES if name in known] or known[:6]
    if not isinstance(variables, list | tuple) or not variables:
        raise InputError(f"variables: expected a list of names, got {show(variables)}; there is {', '.join(known)}")
    for name in variables:
        if not isinstance(name, str) or name not in known:
            raise InputError(f"variables: there is no {show(name)}; there is {', '.join(known)}")
    return list(variables)


def impulse_responses(responses: Mapping[str, Dataset], variables: Sequence[str], lines: Sequence = LINES) -> Figure:
    """One panel per variable: one line per Dataset of `irf`, and around the first the bands of its draws."""
    columns = 2 if len(variables) == 4 else min(3, len(variables))  # no panel alone in a row
    rows = -(-len(variables) // columns)
    figure = Figure(figsize=(max(4.2 * columns, 5.2), 2.6 * rows + 0.6), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    first = next(iter(responses.values()))
    for axes, name in zip(panels, variables):
        for low, high, alpha, _ in BANDS:
            axes.fill_between(
                first["period"].values,
                first[f"{name}_{low}"],
                first[f"{name}_{high}"],
                color=lines[0][0],
                alpha=alpha,
                linewidth=0,
            )
        for (label, data), (color, style) in zip(responses.items(), lines):
            axes.plot(data["period"].values, data[name], color=color, linestyle=style, label=label or "mean over draws")
        axes.axhline(0, color="black", linewidth=0.6)
        axes.set_title(panel_title(name, first[name].attrs["long_name"].removeprefix("response of ")), fontsize=10)
        axes.set(ylabel=first[name].attrs["units"], xlabel=f"{first['period'].attrs['units']}s after the shock")
        count_periods(axes)
    for axes in panels[len(variables) :]:
        axes.set_visible(False)
    titles = {data.attrs.get("title", "") for data in responses.values()}
    title = titles.pop() if len(titles) == 1 else "Impulse responses"
    figure.suptitle(textwrap.fill(title, int(11 * figure.get_figwidth())), fontsize=11)
    _legend(figure, panels[0], responses, lines[0][0])
    return figure


def _legend(figure: Figure, axes, responses: Mapping[str, Dataset], color) -> None:
    """Lines and bands, under all panels. Where the bands overlap they are darker."""
    handles, _ = axes.get_legend_handles_labels()
    of = f", {next(iter(responses))}" if len(responses) > 1 else ""
    handles += [
        Patch(color=color, alpha=alpha, linewidth=0, label=f"{share} of the draws{of}")
        for (*_, share), alpha in zip(BANDS, (0.15, 0.36))
    ]
    legend_below(figure, others=handles)


def _check_responses(responses: Mapping) -> None:
    if not 0 < len(responses) <= len(LINES):
        raise InputError(
            f"responses: expected a Dataset of irf(), or 1 to {len(LINES)} of them by label, got {len(responses)}"
        )
    units = set()
    for label, data in responses.items():
        where = f"responses[{show(label)}]" if len(responses) > 1 or label != "" else "responses"
        if not isinstance(label, str):
            raise InputError(f"responses: expected texts as labels, got {show(label)}")
        if not _is_dataset(data) or "period" not in data.sizes or not _variables(data):
            raise InputError(f"{where}: expected a Dataset as irf() returns it, got {_kind(data)}")
        units.add(data["period"].attrs.get("units", "period"))
    if len(units) > 1:
        raise InputError(
            f"responses: periods differ, {' and '.join(sorted(map(str, units)))}; expected economies that "
            "count time alike, or a figure each"
        )


def _kind(data) -> str:
    return f"a Dataset of {', '.join(map(str, list(data)[:4])) or 'nothing'}" if _is_dataset(data) else show(data)


def _variables(data) -> list[str]:
    """Names of the responses in a Dataset of `irf`: what has an error, bands and a unit."""
    suffixes = ("_se", *(f"_{level}" for low, high, *_ in BANDS for level in (low, high)))
    return [
        name
        for name, one in data.items()
        if one.dims == ("period",)
        and {"long_name", "units"} <= one.attrs.keys()
        and all(f"{name}{suffix}" in data for suffix in suffixes)
    ]


def _is_dataset(given) -> bool:
    import xarray  # slow to import

    return isinstance(given, xarray.Dataset)
