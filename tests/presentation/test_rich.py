"""What a notebook shows of a solution."""

import deepham
from deepham.presentation.rich import solution_html


def test_a_solution_shows_its_calibration_its_errors_and_how_to_go_on():
    shown = deepham.load("ks98")._repr_html_()
    for text in ("discount factor", "0.99", "percent of consumption", "solution.consumption(k=..., eps=..., z=...)"):
        assert text in shown, text


def test_nothing_that_a_file_says_becomes_markup():
    bad = "<script>alert(1)</script>"
    shown = solution_html(bad, bad, {bad: (bad, bad)}, {bad: bad}, [bad])
    assert "<script" not in shown and shown.count("&lt;script") == 8
