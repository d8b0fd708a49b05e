"""Checkpoints that are damaged, foreign, hostile or of another time: one line, exit code 2, nothing executed."""

import hashlib
import os
import pickle
import random
import re
import shutil
import sys
from pathlib import Path

import pytest
import torch

from deepham.commands.cli import train
from deepham.errors import InputError
from deepham.runs.checkpoints import SealedCheckpoints, read_checkpoint
from deepham.solution import folder


@pytest.fixture(scope="module")
def bytes_of_a_checkpoint(tmp_path_factory):
    """A small one, of the form that runs write."""
    path = tmp_path_factory.mktemp("checkpoint") / "last.ckpt"
    content = {
        "schema_version": folder.SCHEMA_VERSION,
        "state_dict": {"weight": torch.arange(40.0).reshape(5, 8)},
        "hyper_parameters": {"model": {"name": "ks98"}, "network": {}, "algorithm": {}, "seed": 1},
        "panel": [torch.rand(3, 4), torch.zeros(3, dtype=torch.long)],
        "text": "epoch",
        "number": 3,
        "nothing": None,
    }
    SealedCheckpoints().save_checkpoint(content, path)
    return path.read_bytes()


class Malice:
    """Makes a file when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch executed",)


def refused(path: Path) -> str:
    with pytest.raises(InputError) as error:
        read_checkpoint(path)
    message = str(error.value)
    assert "\n" not in message and message.startswith(f"ckpt_path: {path}")
    return message


def test_a_checkpoint_is_a_zip_archive_that_torch_reads_without_us(bytes_of_a_checkpoint, tmp_path):
    path = tmp_path / "last.ckpt"
    path.write_bytes(bytes_of_a_checkpoint)
    plain = torch.load(path, weights_only=True)
    ours = read_checkpoint(path)
    assert (
        torch.equal(plain["state_dict"]["weight"], ours["state_dict"]["weight"])
        and plain["number"] == ours["number"] == 3
    )


def test_a_truncated_checkpoint_is_refused_wherever_it_ends(bytes_of_a_checkpoint, tmp_path):
    path, data = tmp_path / "last.ckpt", bytes_of_a_checkpoint
    lengths = {*range(0, 200), *range(0, len(data), 37), *range(len(data) - 200, len(data))}
    for length in sorted(lengths):
        path.write_bytes(data[:length])
        assert "not a checkpoint of deepham, or damaged" in refused(path)
    path.write_bytes(data + b"\0")
    refused(path)


def test_a_flipped_bit_is_noticed_wherever_it_is(bytes_of_a_checkpoint, tmp_path):
    path, data = tmp_path / "last.ckpt", bytes_of_a_checkpoint
    generator = random.Random(1)
    for position in [*range(64), *range(len(data) - 128, len(data)), *generator.sample(range(len(data)), 400)]:
        flipped = bytearray(data)
        flipped[position] ^= 1 << generator.randrange(8)
        path.write_bytes(flipped)
        assert "not a checkpoint of deepham, or damaged" in refused(path), position


@pytest.mark.parametrize("sealed", [False, True])
def test_nothing_in_a_checkpoint_is_executed(tmp_path, monkeypatch, sealed):
    """Also not where somebody has taken the trouble to seal it."""
    from deepham.runs.checkpoints import _seal

    monkeypatch.chdir(tmp_path)
    path = tmp_path / "last.ckpt"
    for hostile in (Malice(), {"schema_version": folder.SCHEMA_VERSION, "state_dict": Malice()}):
        torch.save(hostile, path)
        if sealed:
            archive = path.read_bytes()[:-2]
            path.write_bytes(archive + _seal(hashlib.sha256(archive).hexdigest()))
        assert "not a checkpoint of deepham" in refused(path)
        path.write_bytes(pickle.dumps(hostile))
        refused(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.ckpt"]


def test_what_is_saved_can_be_read_without_executing_anything(tmp_path):
    """A module among the hyper-parameters, say, would be found while the older checkpoint still exists."""
    path = tmp_path / "last.ckpt"
    good = {"schema_version": folder.SCHEMA_VERSION}
    SealedCheckpoints().save_checkpoint(good, path)
    with pytest.raises(pickle.UnpicklingError):
        SealedCheckpoints().save_checkpoint(good | {"layer": torch.nn.Linear(1, 1)}, path)
    assert read_checkpoint(path) == good


def test_another_version_says_what_to_do(tmp_path):
    path = tmp_path / "last.ckpt"
    for version, remedy in ((folder.SCHEMA_VERSION + 1, "upgrade deepham"), (1, "train again"), ("2", "train again")):
        SealedCheckpoints().save_checkpoint({"schema_version": version}, path)
        assert remedy in refused(path) and f"version {version!r}" in refused(path)


def test_files_that_are_no_checkpoints(tmp_path):
    for content in (b"", b"PK", b"#!/bin/sh\ntouch executed\n", os.urandom(5000)):
        path = tmp_path / "file.ckpt"
        path.write_bytes(content)
        refused(path)
    assert "cannot be read" in refused(tmp_path)
    assert "cannot be read" in refused(tmp_path / "nowhere.ckpt")


@pytest.fixture(scope="module")
def run_of_ks98(tmp_path_factory, tiny):
    """The folder in which a finished run r lies below checkpoints/ and logs/."""
    home = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr(sys, "argv", ["train.py", *tiny, "figures=false", "logger=none", "run=r"])
        assert train() == 0
    return home


@pytest.fixture
def trained(command, run_of_ks98):
    """A finished run in the working folder, and rewrite(change) of its checkpoint's settings."""
    shutil.copytree(run_of_ks98, Path("."), dirs_exist_ok=True)
    path = Path("checkpoints/r/last.ckpt")
    saved = read_checkpoint(path)

    def rewrite(change):
        content = saved | {"hyper_parameters": change(dict(saved["hyper_parameters"]))}
        SealedCheckpoints().save_checkpoint(content, path)

    return rewrite


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda plain: plain | {"model": plain["model"] | {"_target_": "os.system"}}, "_target_"),
        (lambda plain: plain | {"algorithm": plain["algorithm"] | {"_target_": "os.system"}}, "_target_"),
        (
            lambda plain: plain | {"network": plain["network"] | {"activation": "${oc.env:HOME}"}},
            "expected numbers, texts",
        ),
        (lambda plain: plain | {"model": plain["model"] | {"name": "../../evil"}}, "no economy '../../evil'"),
        (lambda plain: plain | {"model": "ks98"}, "model"),
        (lambda plain: plain | {"seed": torch.tensor(1)}, "expected numbers, texts"),
        (lambda plain: {}, "does not say what it was trained with"),
        (
            lambda plain: plain | {"network": plain["network"] | {"width": 7}},
            "holds other networks than its settings describe",
        ),
        (lambda plain: plain | {"model": plain["model"] | {"name": "brock_mirman"}}, "model"),
    ],
)
def test_settings_in_a_checkpoint_are_data(command, trained, change, says):
    trained(change)
    code, _, errors = command("ckpt_path=checkpoints/r", sizes=["figures=false"])
    assert code == 2 and len(errors) == 1 and re.search(says, errors[0]), errors
    assert not Path("executed").exists()


def test_a_checkpoint_of_another_economy_is_refused(command, trained):
    code, _, errors = command("ckpt_path=checkpoints/r", "model=brock_mirman")
    assert code == 2 and len(errors) == 1 and "model.name=ks98, this run has brock_mirman" in errors[0]


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda plain: plain | {"verdict": torch.tensor(1)}, "expected numbers, texts"),
        (lambda plain: plain | {"verdict": {"nodes": "${oc.env:HOME}"}}, "expected numbers, texts"),
        (lambda plain: plain | {"verdict": {"_target_": "os.system"}}, "_target_"),
        (lambda plain: {}, "how its run was configured"),
        (lambda plain: plain | {"run": "../../evil"}, "run: expected a name"),
        (lambda plain: plain | {"figures": 3}, "figures"),
    ],
)
def test_so_are_those_of_its_run(command, trained, change, says):
    saved = read_checkpoint(Path("checkpoints/r/last.ckpt"))
    SealedCheckpoints().save_checkpoint(
        saved | {"configuration": change(dict(saved["configuration"]))}, Path("copy.ckpt")
    )
    code, _, errors = command("ckpt_path=copy.ckpt", sizes=[])
    assert code == 2 and len(errors) == 1 and re.search(says, errors[0]), errors
    assert not Path("executed").exists()


def test_a_checkpoint_that_does_not_fit_its_own_settings_leaves_the_run_as_it_is(command, trained):
    before = {path.name: path.read_bytes() for path in Path("checkpoints/r").iterdir() if path.name != "status.json"}
    shutil.copy("checkpoints/r/last.ckpt", "copy.ckpt")
    trained(lambda plain: plain | {"network": plain["network"] | {"width": 7}})
    assert command("ckpt_path=checkpoints/r", sizes=["figures=false"])[0] == 2
    shutil.copy("copy.ckpt", "checkpoints/r/last.ckpt")
    assert before == {
        path.name: path.read_bytes() for path in Path("checkpoints/r").iterdir() if path.name != "status.json"
    }
