"""What is only said ends nothing: whatever the letters, the encoding and the state of the terminal."""

import io
import sys

import pytest
import rich
from rich.table import Table

from deepham.presentation import saying
from deepham.presentation.saying import complain, counting, say
from deepham.runs.by_setting import SweepRun
from deepham.runs.summary import _jobs_table
from deepham.runs.tables import settings_table


class Full(io.StringIO):
    """A file on a disk that is full."""

    def write(self, text):
        raise OSError(28, "No space left on device")


class ReadByNobody(io.StringIO):
    """A pipe whose other end is closed."""

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


@pytest.fixture
def console():
    """rich's shared console, which is given back as it was."""
    quiet = rich.get_console().quiet
    yield rich.get_console()
    rich.get_console().quiet = quiet


def encoded(monkeypatch, encoding) -> io.TextIOWrapper:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    return stream


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_letters_that_the_encoding_lacks_are_escaped_and_the_others_stay(monkeypatch, encoding):
    stream = encoded(monkeypatch, encoding)
    table = Table("β", title="ω")
    table.add_row("[/b]x")
    say("──  β [red]x[/] [/b] :car:")
    say(table)
    said = stream.buffer.getvalue().decode(encoding)
    assert said.splitlines()[0] == ("──  β" if encoding == "utf-8" else "--  \\u03b2") + " [red]x[/] [/b] :car:"
    assert "[/b]x" in said


@pytest.mark.parametrize("stream", [Full, ReadByNobody, None])
def test_a_terminal_that_cannot_be_written_to_ends_nothing(monkeypatch, console, stream):
    monkeypatch.setattr(sys, "stdout", stream and stream())
    monkeypatch.setattr(sys, "stderr", stream and stream())
    for _ in range(2):
        say("a line"), complain("a line")


def test_a_closed_file_ends_nothing(monkeypatch, console):
    stream = io.StringIO()
    stream.close()
    monkeypatch.setattr(sys, "stdout", stream)
    say("a line")


def test_the_tables_of_a_sweep_show_names_as_they_are(capsys):
    jobs = [
        {"job": number, "state": "failed", "why": "[red]no[/b]", "overrides": [f"init_from='[/b]{number}'"]}
        for number in (0, 1)
    ]
    say(_jobs_table("[/b]name", jobs, 2))
    runs = [SweepRun(str(number), {"init_from": f"[/b]{number}"}, {"euler.mean": 0.1}) for number in (0, 1)]
    say(settings_table(runs, "euler.mean"))
    shown = capsys.readouterr().out
    assert shown.count("[/b]0") == 2 and "Sweep [/b]name" in shown and "[red]no[/b]" in shown


@pytest.mark.parametrize("watched", [True, False])
def test_a_long_computation_says_how_far_it_is_where_somebody_reads_along(monkeypatch, capsys, watched):
    monkeypatch.setattr(saying, "is_watched", lambda: watched)
    monkeypatch.setattr(saying, "PATIENCE", 0.0)
    monkeypatch.setattr(saying, "BETWEEN", 0.0)
    with counting("impulse response", 8) as tick:
        for _ in range(10):  # of which a rough total may know less
            tick(1)
    said = capsys.readouterr().out.split("\r")
    if not watched:
        assert said == [""]
        return
    shares = [int(line.split(": ")[1].split("%")[0]) for line in said if "%" in line]
    assert shares == sorted(shares) and shares[0] < 20 and shares[-1] == 100
    assert said[-1] == "" and said[-2].strip() == "" and len(said[-2]) == len(said[-3]), "it is wiped out"


def test_a_short_computation_says_nothing(monkeypatch, capsys):
    monkeypatch.setattr(saying, "is_watched", lambda: True)
    with counting("simulation", 2) as tick:
        tick(2)
    assert capsys.readouterr().out == ""
