"""A disk that is full, for a while or for good, and folders that cannot be written in: a file-size limit does for
both."""

import json
import re
import sys
from pathlib import Path

import pytest

from deepham.callbacks.history import History
from deepham.errors import NotSaved
from deepham.runs.checkpoints import read_checkpoint
from deepham.system.disk import Disk
from deepham.system.files import replace

resource = pytest.importorskip("resource", reason="Windows has no limits")

EPOCHS = 3
RUN = ["run=r", f"algorithm.outer_iterations={EPOCHS}", "callbacks.asset_distribution.figure_every=1"]


@pytest.fixture
def command(command):
    """As ever, and no limit holds any more once a run has ended: pytest's own output may be a file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def call(*overrides):
        try:
            return command(*overrides)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return call


@pytest.fixture
def limited(monkeypatch):
    """limited({1: 0, 2: None}) lets no file grow after one outer iteration, and any again after two."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (before[0] if size is None else size, before[1]))

    honest, planned = History.on_train_epoch_end, {}

    def on_train_epoch_end(self, trainer, module):
        if trainer.current_epoch in planned:
            limit(planned[trainer.current_epoch])
        honest(self, trainer, module)

    def plan(sizes):
        limit(None)
        planned.clear()
        planned.update(sizes)

    monkeypatch.setattr(History, "on_train_epoch_end", on_train_epoch_end)
    yield plan
    limit(None)


def status():
    return json.loads(Path("checkpoints/r/status.json").read_text())


def lines(output, what):
    return [line for line in output.splitlines() if re.match(rf"cannot write \S*{what}", line)]


@pytest.mark.slow
def test_a_disk_that_is_full_for_good_keeps_the_last_good_checkpoint_and_the_run_says_what_is_missing(command, limited):
    """5,000 bytes let the small files through."""
    limited({1: 5000})
    code, output, errors = command(*RUN)
    assert code == 1 and len(errors) == 1 and errors[0].startswith("error: not written: checkpoints/r ")
    assert "checkpoints/r/last.ckpt (File too large)" in errors[0] and "Traceback" not in output
    assert len(lines(output, "last.ckpt")) == 1 and "the one before is kept" in lines(output, "last.ckpt")[0]
    assert len(lines(output, "TensorBoard's")) == 1
    assert "outer iteration 3/3" in output and "Verdict on r" in output, "training and verdict go on"
    assert read_checkpoint(Path("checkpoints/r/last.ckpt"))["epoch"] == 0
    assert status()["state"] == "failed" and "last.ckpt" in status()["why"] and "ckpt_path" in status()["resume"]
    assert not Path("checkpoints/r/weights.safetensors").exists()


def test_nothing_can_be_written_at_all(command, limited):
    limited({1: 0})
    code, output, errors = command(*RUN)
    assert code == 1 and len(errors) == 1 and "Verdict on r" in output
    assert [len(lines(output, name)) for name in ("last.ckpt", "metrics.csv", "train.log", "status.json")] == [
        1,
        1,
        1,
        1,
    ]
    assert read_checkpoint(Path("checkpoints/r/last.ckpt"))["epoch"] == 0


@pytest.mark.slow
def test_what_was_lost_is_found_again_by_resuming(command, limited):
    assert command(*RUN[1:], "run=whole")[0] == 0
    limited({1: 5000})
    assert command(*RUN)[0] == 1
    limited({})
    assert command(*RUN, "ckpt_path=checkpoints/r")[0] == 0
    for name in ("weights.safetensors", "ergodic.safetensors"):
        assert Path("checkpoints/r", name).read_bytes() == Path("checkpoints/whole", name).read_bytes()
    assert status()["state"] == "finished"


@pytest.mark.slow
def test_a_disk_that_has_room_again_ends_well(command, limited):
    limited({1: 5000, 2: None})
    code, output, errors = command(*RUN)
    assert (code, errors) == (0, [])
    assert output.count("checkpoints/r/last.ckpt is written again") == 1
    assert read_checkpoint(Path("checkpoints/r/last.ckpt"))["epoch"] == EPOCHS - 1
    assert Path("logs/r/metrics.csv").read_text().count("\n") == EPOCHS + 1


def test_a_file_system_that_turns_read_only(command, monkeypatch):
    """Root writes in any folder, so the system's refusal is played: nothing is opened for writing after one
    iteration."""
    turned = []
    honest = History.on_train_epoch_end

    def on_train_epoch_end(self, trainer, module):
        if trainer.current_epoch == 1:
            turned.append(True)
        honest(self, trainer, module)

    def refuse(path, mode="r", *options, **more):
        if turned and set(mode) & set("wax+"):
            raise OSError(30, "Read-only file system")
        return open(path, mode, *options, **more)

    monkeypatch.setattr(History, "on_train_epoch_end", on_train_epoch_end)
    for module in ("deepham.system.files", "deepham.solution.folder"):
        monkeypatch.setattr(f"{module}.open", refuse, raising=False)
    code, output, errors = command(*RUN, "logger=none")
    assert code == 1 and len(errors) == 1 and "checkpoints/r/last.ckpt (Read-only file system)" in errors[0]
    for name in ("last.ckpt", "metrics.csv", "metrics.json"):
        assert len(lines(output, name)) == 1
    assert "Verdict on r" in output and read_checkpoint(Path("checkpoints/r/last.ckpt"))["epoch"] == 0
    assert not list(Path("checkpoints/r").glob("*.tmp"))


def test_a_disk_that_is_full_from_the_start_stops_the_run_before_it_computes(command, monkeypatch):
    monkeypatch.setattr("deepham.commands.train.fit", None)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        code, output, errors = command(*RUN)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (
        code == 2
        and len(errors) == 1
        and "cannot write in checkpoints/r" in errors[0]
        and "File too large" in errors[0]
    )


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
@pytest.mark.parametrize("folder", ["checkpoint_dir", "log_dir"])
def test_a_folder_that_cannot_be_made_is_refused(command, folder):
    code, _, errors = command("run=r", f"{folder}=/proc/deepham")
    assert code == 2 and len(errors) == 1 and "cannot make /proc/deepham" in errors[0] and f"{folder}=..." in errors[0]


@pytest.mark.parametrize(
    "patched, error",
    [("os.replace", PermissionError(13, "Permission denied")), ("os.fsync", OSError(28, "No space left on device"))],
)
def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch, patched, error):
    path = tmp_path / "file"
    replace(path, b"old")

    def fail(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(f"deepham.system.files.{patched}", fail)
        with pytest.raises(OSError):
            replace(path, b"new")
    assert path.read_bytes() == b"old"
    replace(path, b"new")
    assert path.read_bytes() == b"new" and [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_what_cannot_be_read_back_does_not_replace_what_can(tmp_path, monkeypatch):
    path = tmp_path / "file"
    replace(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr("deepham.system.files.os.fsync", lambda handle: next(tmp_path.glob("*.tmp")).write_bytes(b"rot"))
        with pytest.raises(OSError, match="is not what was written"):
            replace(path, b"new")
    with pytest.raises(ZeroDivisionError):
        replace(path, b"new", check=lambda data: 1 / 0)
    assert path.read_bytes() == b"old"


def test_a_disk_says_a_failure_once_until_it_is_over(caplog):
    disk = Disk()
    for _ in range(3):
        with disk.attempt("the file"):
            raise OSError(28, "No space left on device")
    with pytest.raises(NotSaved, match="the file .No space left on device."):
        disk.check(Path("the file"), Path("another"))
    disk.check(Path("another"))
    with disk.attempt("the file"):
        pass
    disk.check(Path("the file"))
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        "cannot write the file (No space left on device); the run goes on"
    ]
    with pytest.raises(ZeroDivisionError), disk.attempt("the file"):
        _ = 1 / 0
