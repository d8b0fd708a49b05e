"""Runs beside each other: nobody writes into another's folder."""

import json
import os
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from deepham.commands import resuming
from deepham.errors import InputError
from deepham.runs.folders import LOCK, RunFolders

# forks of one process that has imported everything: they start closer to each other than commands of a shell
TOGETHER = """
import json, sys
from pathlib import Path
from trials import end, start
children = [start(Path.cwd(), arguments) for arguments in json.loads(sys.argv[1])]
print(json.dumps([end(child) for child in children]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_runs_and_sweeps_started_in_the_same_second_share_nothing(tmp_path, tiny):
    settings = [*tiny, "figures=false", "logger=none"]
    sweep = ["-m", *settings, "seed=1,2"]
    given = json.dumps([sweep, sweep, settings, settings])
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", TOGETHER, given],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert json.loads(done.stdout) == [0, 0, 0, 0], done.stderr + (tmp_path / "output.txt").read_text()
    runs = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    sweeps = {path.parent.name for path in (tmp_path / "logs").glob("*/sweep.json")}
    assert len(runs) == 6 and len(sweeps) == 2
    assert {path.name for path in (tmp_path / "logs").iterdir()} == runs | sweeps
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoints", "logs", "output.txt"}
    for name in runs:
        status = json.loads((tmp_path / "checkpoints" / name / "status.json").read_text())
        assert (status["state"], status["run"]) == ("finished", name)
        assert len((tmp_path / "logs" / name / "metrics.csv").read_text().splitlines()) == 2
    for sweep in sweeps:
        jobs = json.loads((tmp_path / "logs" / sweep / "sweep.json").read_text())["jobs"]
        assert [job["run"] for job in jobs] == sorted(name for name in runs if name.startswith(f"{sweep}-"))


@pytest.mark.slow
def test_a_run_that_is_going_on_has_its_folder_for_itself(command):
    assert command("run=r")[0] == 0
    with RunFolders("r", Path("checkpoints/r"), Path("logs/r")).claimed(resuming=True):
        for overrides in (["run=r", "ckpt_path=auto"], ["ckpt_path=last"], ["ckpt_path=checkpoints/r"]):
            code, _, errors = command(*overrides)
            assert code == 2 and len(errors) == 1 and "another process is running r" in errors[0]
    assert command("ckpt_path=last")[0] == 0


def test_two_runs_that_draw_the_same_name_do_not_share_it(command, monkeypatch):
    class Noon(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 1, 1, 12)

    monkeypatch.setattr(resuming, "datetime", Noon)
    monkeypatch.setattr(resuming.secrets, "token_hex", lambda number: "abc123")
    assert command()[0] == 0
    code, _, errors = command()
    assert code == 2 and "ks98-deepham-seed1-20260101-120000-abc123 exists and is not empty" in errors[0]


def test_a_name_is_free_again_where_nothing_was_saved(command, tmp_path):
    folders = RunFolders("r", Path("checkpoints/r"), Path("logs/r"))
    with folders.claimed(resuming=False):
        folders.set_status("running")
        (folders.logs / "train.log").write_text("killed here\n")
        (folders.checkpoints / "last.ckpt.tmp").write_bytes(b"half")
        (folders.checkpoints / ".r.123.tmp").mkdir()
        (folders.checkpoints / ".r.123.tmp/weights.safetensors").write_bytes(b"half a solution")
    assert command("run=r")[0] == 0
    kept = {path.name for path in folders.checkpoints.iterdir()}
    assert LOCK in kept and "last.ckpt" in kept and not any(name.endswith(".tmp") for name in kept)
    assert folders.logs.joinpath("train.log").read_text().startswith("killed here\n")


def test_auto_starts_a_run_and_then_resumes_it(command):
    """So that a cluster may start the same command again."""
    assert command("run=r", "ckpt_path=auto")[0] == 0
    before = json.loads(Path("checkpoints/r/metrics.json").read_text())["measures"]
    code, output, _ = command("run=r", "ckpt_path=auto")
    assert code == 0 and "outer iteration 1/1" not in output
    assert json.loads(Path("checkpoints/r/metrics.json").read_text())["measures"] == before
    code, _, errors = command("ckpt_path=auto")
    assert code == 2 and re.search("ckpt_path=auto.*run=", errors[0])


def test_what_is_in_a_folder_is_not_overwritten(tmp_path):
    folders = RunFolders("r", tmp_path / "checkpoints/r", tmp_path / "logs/r")
    folders.logs.mkdir(parents=True)
    (folders.logs / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="logs/r exists and is not empty"), folders.claimed(resuming=False):
        pass
    assert not folders.checkpoints.exists()
