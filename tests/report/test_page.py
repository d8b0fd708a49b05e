"""The page opens offline, and holds every figure and table that is written beside it."""

import re
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from deepham.economics.ks98 import KS98
from deepham.presentation.file_table import FileTable
from deepham.report.page import Illustration, Section, write
from deepham.report.solution_sections import about, symbol, value_text


def test_everything_is_inline_and_in_files(tmp_path):
    figure = Figure()
    figure.add_subplot().plot(np.arange(3))
    sheet = FileTable(("a < b", "value"), [("x & y", "1")], "lr")
    page = write(
        tmp_path,
        "title",
        "subtitle",
        [
            Section(
                "First, of all",
                ["A paragraph with <signs>."],
                [Illustration("curve", figure, "A curve.")],
                "c = m - k'",
            ),
            Section("Second", [], [Illustration("numbers", sheet, "Numbers.")]),
        ],
    )
    text = page.read_text(encoding="utf-8")
    assert "&lt;signs&gt;" in text and "a &lt; b" in text and "x &amp; y" in text and "c = m - k" in text
    assert 'src="data:image/png;base64,' in text and not re.search(r'(src|href)="(?!data:|#)', text)
    assert re.findall(r'href="#([^"]+)"', text) == ["first-of-all", "second"] == re.findall(r'h2 id="([^"]+)"', text)
    assert {path.name for path in tmp_path.iterdir()} == {
        "report.html",
        "curve.png",
        "curve.pdf",
        "numbers.md",
        "numbers.csv",
        "numbers.tex",
    }


def test_parameters_named_after_greek_letters_are_shown_as_such():
    assert (symbol("beta"), symbol("sigma"), symbol("hours"), symbol("mu")) == ("β", "σ", "hours", "μ")


def test_parameters_of_every_shape_are_shown():
    assert (value_text(2), value_text([0.95, 1.05]), value_text([])) == ("2", "0.95, 1.05", "none")
    assert value_text([[1.0, 0.0], [0.25, 0.75]]) == "1, 0; 0.25, 0.75"
    assert value_text([[[1.0, 0.0]], [[0.5, 0.5]]]) == "1, 0 | 0.5, 0.5"


def test_a_class_without_a_docstring_is_not_described_by_the_list_of_its_parameters():
    @dataclass(eq=False)
    class Silent(KS98):
        pass

    assert Silent.__doc__.startswith("Silent(") and about(Silent) == ""
    assert about(KS98).startswith("The economy of Krusell and Smith")
