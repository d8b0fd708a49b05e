"""The three forms of a table hold the same cells, and LaTeX's special characters come out as themselves."""

import csv
import io
import math
import os
import shutil
import subprocess

import pytest

from deepham.presentation.file_table import FileTable

SHEET = FileTable(
    ("symbol", "share, %"),
    [("β_0", "5"), ("a & b | c $", "100 %")],
    "lr",
    ("name", "value"),
    [("beta", 5.25), ("cost", 100.0)],
)


def test_markdown_keeps_its_columns():
    lines = SHEET.markdown().splitlines()
    assert lines[:3] == ["| symbol | share, % |", "| --- | --- |", "| β_0 | 5 |"] and r"a & b \| c $" in lines[3]


def test_csv_is_exact_where_there_is_more_than_what_is_shown():
    assert list(csv.DictReader(io.StringIO(SHEET.csv()))) == [
        {"name": "beta", "value": "5.25"},
        {"name": "cost", "value": "100.0"},
    ]
    plain = FileTable(SHEET.headings, SHEET.rows, "lr")
    assert next(csv.reader(io.StringIO(plain.csv()))) == ["symbol", "share, %"]


def test_latex_prints_what_was_meant():
    text = SHEET.latex()
    assert r"$\beta$\_0 & 5 \\" in text and r"a \& b $\mid$ c \$ & 100 \% \\" in text and r"share, \%" in text
    assert text.startswith(r"\begin{tabular}{lr}") and text.count(r" \\") == 3


NAMES = [
    "[0.98, 1.02]",
    "*",
    "".join(map(chr, range(32, 127))),
    "αβγδεζηθικλμνξοπρςστυφχψω ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ",
    "é − ≤ → × ∞",
    r"C:\new {x} ~a^b",
    r"\\",
    r"\input{/etc/passwd}",
    "$x$",
    r"$\alpha$",
]


def test_latex_escapes_what_it_would_read_as_a_command():
    text = FileTable(("[a]", "b"), [(name, "1") for name in NAMES], "lr").latex()
    rows = text.splitlines()[1:-1]
    assert rows[0] == r"{}[a] & b \\" and rows[1] == r"{}[0.98, 1.02] & 1 \\" and rows[2] == r"{}* & 1 \\"
    assert rows[6] == r"C:\textbackslash{}new \{x\} \textasciitilde{}a\textasciicircum{}b & 1 \\"
    assert rows[8] == r"\textbackslash{}input\{/etc/passwd\} & 1 \\" and rows[10] == r"\$\textbackslash{}alpha\$ & 1 \\"


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no pdflatex")
def test_latex_compiles_whatever_the_names_are(tmp_path):
    table = FileTable(("[a]", "b"), [(name, "1") for name in NAMES], "lr").latex()
    (tmp_path / "t.tex").write_text(
        "\\documentclass{article}\n\\begin{document}\n" + table + "\\end{document}\n", encoding="utf-8"
    )
    done = subprocess.run(
        ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "t.tex"],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        env=os.environ | {"openin_any": "p"},
    )
    assert done.returncode == 0 and (tmp_path / "t.pdf").is_file(), done.stdout[-2000:]


def test_a_spreadsheet_computes_nothing_that_a_name_says():
    names = [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "=",
        "-",
        "-0.5",
        "-1e-05",
        "+3",
        "-0.2 (0.14)",
        "a=b",
        -0.5,
        math.nan,
        "-inf",
    ]
    cells = [
        row[0]
        for row in csv.reader(io.StringIO(FileTable(("=h", "b"), [], "l", (), [(name, 1) for name in names]).csv()))
    ]
    assert cells == [
        "'=h",
        "'=1+1",
        "'+cmd|' /C calc'!A0",
        "'-2+3",
        "'@SUM(A1)",
        "=",
        "-",
        "-0.5",
        "-1e-05",
        "+3",
        "-0.2 (0.14)",
        "a=b",
        "-0.5",
        "nan",
        "-inf",
    ]


def test_files_are_written(tmp_path):
    SHEET.write(tmp_path / "new", "one")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"one.md", "one.csv", "one.tex"}
