"""Figures of responses that exist: nothing is computed again, and everything in them is named."""

import numpy as np
import pytest
import xarray
from untrained import make, refused

import deepham
from deepham.presentation.figures_irf import LINES
from deepham.solution import datasets


@pytest.fixture(scope="module")
def ks():
    return make("ks98", nodes=20)


@pytest.fixture(scope="module")
def start(ks):
    people = ks.ergodic
    return {"k": people.k[1].numpy(), "eps": people.eps[1].numpy(), "weight": people.weight[1].numpy()}


@pytest.fixture(scope="module")
def recession(ks, start):
    return ks.irf("good->bad", periods=5, draws=6, start=start)


@pytest.fixture(scope="module")
def other(start):
    return make("ks98", nodes=20, beta=0.992).irf("good->bad", periods=8, draws=6, start=start)


def panels(figure):
    return [axes for axes in figure.axes if axes.get_visible()]


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_a_dataset_is_drawn_as_it_is(ks, recession, tmp_path, monkeypatch):
    monkeypatch.setattr(type(ks), "irf", None)  # whoever computes it again fails
    datasets.save(recession, tmp_path / "recession.nc.gz")
    again = xarray.open_dataset(tmp_path / "recession.nc.gz")
    for figure in (deepham.plot_irf(recession), ks.plot_irf(recession), ks.plot_irf(again)):
        assert [axes.get_title().split(":")[0] for axes in panels(figure)] == ["Y", "C", "I", "K", "r", "w"]
        np.testing.assert_array_equal(panels(figure)[0].lines[0].get_ydata(), recession.Y)
        assert figure.get_suptitle() == "Response to a change of z from good to bad"
        assert legend(figure) == ["mean over draws", "90 % of the draws", "50 % of the draws"]


def test_several_solutions_in_one_figure(ks, recession, other):
    figure = ks.plot_irf({"usual": recession, "patient": other}, ["K", "gini"])
    for axes, name in zip(panels(figure), ("K", "gini"), strict=True):
        for line, data in zip(axes.lines, (recession, other)):
            np.testing.assert_array_equal(line.get_ydata(), data[name])
    assert legend(figure) == ["usual", "patient", "90 % of the draws, usual", "50 % of the draws, usual"]
    many = {f"run {number}": recession for number in range(len(LINES))}
    lines = panels(deepham.plot_irf(many, ["K"]))[0].lines[: len(LINES)]
    assert len({line.get_color() for line in lines}) == len(LINES)
    assert [line.get_label() for line in lines] == list(many)
    refused(lambda: deepham.plot_irf(many | {"one more": other}), "1 to 6", "got 7")


@pytest.mark.parametrize("periods", [1, 2, 3, 4, 7, 40, 200])
def test_periods_are_whole_numbers(recession, periods):
    repeated = recession.isel(period=np.arange(periods) % 5).assign_coords(
        period=("period", range(periods), recession.period.attrs)
    )
    (axes,) = panels(deepham.plot_irf(repeated, ["K"]))
    low, high = axes.get_xlim()
    ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
    assert ticks and all(tick == round(tick) for tick in ticks)


@pytest.mark.parametrize(
    "shock, options, words",
    [
        ("any->bad", {"hold": 4}, "a change of z from any state to bad, held for 4 quarters"),
        ("good->bad", {"baseline": "forced"}, "a change of z from good to bad against no change"),
        ({"transfer": 0.05}, {}, "a transfer of 5 % of the wealth of the richest 10 % to the poorest 50 %"),
    ],
)
def test_the_title_names_the_shock(ks, start, shock, options, words):
    response = ks.irf(shock, periods=3, draws=4, start=start, **options)
    assert response.attrs["title"] == f"Response to {words}"
    figure = deepham.plot_irf(response, ["C"])
    assert figure.get_suptitle().replace("\n", " ") == f"Response to {words}"
    figure.draw_without_rendering()
    box = figure._suptitle.get_window_extent()
    assert 0 <= box.x0 and box.x1 <= figure.bbox.x1, "nothing of it is cut off"


def test_the_economys_accounts_come_first(ks, recession):
    first = list(ks.economy.variables)
    assert [name for name in recession if name in first or name == "gini"] == [*first, "gini"]


def test_a_notebook_shows_the_picture(recession):
    assert deepham.plot_irf(recession, ["K"])._repr_png_().startswith(b"\x89PNG")


def test_what_is_no_response_is_refused(ks, recession):
    path = ks.simulate(2)
    for given, words in (
        ({}, ["responses", "got 0"]),
        (path, ["responses", "irf()", "K, L"]),
        ("good->bad", ["responses", "good"]),
        ({"a": recession, "b": path}, ["responses['b']", "irf()"]),
        ({1: recession}, ["labels", "1"]),
        (xarray.Dataset(), ["responses", "nothing"]),
    ):
        refused(lambda given=given: deepham.plot_irf(given), *words)
    refused(lambda: deepham.plot_irf(recession, ["GDP"]), "variables", "'GDP'", "unemployment")
    refused(lambda: ks.plot_irf(recession, draws=3), "draws", "computed already")
    yearly = recession.assign_coords(period=("period", range(5), {"units": "year"}))
    refused(lambda: deepham.plot_irf({"a": recession, "b": yearly}), "periods differ", "quarter and year")
