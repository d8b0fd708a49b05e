"""The three forms of a table hold the same cells, and LaTeX's special characters come out as themselves."""

import csv
import io

from deepham.sheet import Sheet

SHEET = Sheet(("symbol", "share, %"), [("β_0", "5"), ("a & b | c $", "100 %")], "lr", ("name", "value"),
              [("beta", 5.25), ("cost", 100.0)])


def test_markdown_keeps_its_columns():
    lines = SHEET.markdown().splitlines()
    assert lines[:3] == ["| symbol | share, % |", "| --- | --- |", "| β_0 | 5 |"] and r"a & b \| c $" in lines[3]


def test_csv_is_exact_where_there_is_more_than_what_is_shown():
    assert list(csv.DictReader(io.StringIO(SHEET.csv()))) == [{"name": "beta", "value": "5.25"}, {"name": "cost", "value": "100.0"}]
    plain = Sheet(SHEET.headings, SHEET.rows, "lr")
    assert next(csv.reader(io.StringIO(plain.csv()))) == ["symbol", "share, %"]


def test_latex_prints_what_was_meant():
    text = SHEET.latex()
    assert r"$\beta$\_0 & 5 \\" in text and r"a \& b $\mid$ c \$ & 100 \% \\" in text and r"share, \%" in text
    assert text.startswith(r"\begin{tabular}{lr}") and text.count(r" \\") == 3


def test_files_are_written(tmp_path):
    SHEET.write(tmp_path / "new", "one")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"one.md", "one.csv", "one.tex"}
