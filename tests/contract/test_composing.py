"""Hydra's grammar is Hydra's: what is printed can be pasted, what is typed is read by its own parser, and files are
data."""

import importlib.util
import pickle
import shlex
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

import deepham
from deepham.commands import cli
from deepham.commands.composing import check_files, composing
from deepham.commands.resuming import resume_command
from deepham.errors import InputError
from deepham.runs.folders import RunFolders
from deepham.runs.overrides import override
from deepham.system.paths import conf_folder

PATHS = [
    "checkpoints/r",
    "Uni (a=1, b)/cp/r",
    "β/r",
    "a'b\"c/r",
    "back\\slash\\/r",
    "1e3",
    "null",
    "[x]",
    "{a:1}",
    "a${b}/r",
    "a,b",
    "~/r",
    " a ",
    "true",
    "choice(1,2)",
    "a:b",
    "\\",
    "'",
    '"',
    "\\'",
]


def check_reads_back(key, text):
    """As Hydra sets it, and as a configuration resolves it."""
    parsed = OverridesParser.create().parse_override(override(key, text))
    assert not parsed.is_sweep_override()
    assert OmegaConf.create({key: parsed.value()})[key] == text


@pytest.mark.parametrize("path", PATHS)
def test_any_path_is_an_override(path):
    check_reads_back("ckpt_path", path)


@settings(max_examples=40)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=12))
def test_so_is_any_text(text):
    check_reads_back("ckpt_path", text)


@pytest.mark.parametrize("path", ["checkpoints", "Uni (a=1, b)/cp", "it's β"])
def test_the_command_that_resumes_can_be_pasted(tmp_path, monkeypatch, path):
    folders = RunFolders("r", tmp_path / path / "r", tmp_path / "logs/r")
    folders.checkpoints.mkdir(parents=True)
    folders.last.write_text("")
    typed = [
        "-m",
        "--config-dir",
        "my_conf",
        "seed=1",
        "++run=r",
        "init_from=ks98",
        override("checkpoint_dir", f"{tmp_path}/{path}"),
    ]
    monkeypatch.setattr(sys, "argv", ["train.py", *typed])
    python, script, *words = shlex.split(resume_command(folders))
    assert (python, script, words[0], words[1:-1]) == (
        "python",
        "scripts/train.py",
        "--config-dir=my_conf",
        ["seed=1", typed[-1]],
    )
    parsed = OverridesParser.create().parse_override(words[-1])
    assert (parsed.key_or_group, parsed.value()) == ("ckpt_path", str(folders.checkpoints))


# -- files ---------------------------------------------------------------------------------------------------------


class Opens:
    """Unpickled, it makes a file."""

    def __reduce__(self):
        return open, ("ran", "w")


@pytest.fixture
def written(tmp_path, monkeypatch):
    """written(name, text) is a file in a folder of the user's, own/, with a pickle beside."""
    monkeypatch.chdir(tmp_path)
    Path("e.pt").write_bytes(pickle.dumps(Opens()))

    def write(name, text):
        path = Path("own", f"{name}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)

    return write


CALLBACK = "{callbacks: {x: {_target_: torch.load, f: e.pt, weights_only: false}}}"
GLOBAL = "# @package _global_\n"
REFUSED = [  # group and text of a file, and what is said
    *(
        (group, f"{GLOBAL}{text}", says)
        for group, number in (("experiment", None), ("calibration", 2), ("model", 2))
        for text, says in (
            (f"hydra: {CALLBACK}", "sets hydra"),
            ("checkpoint_dir: elsewhere", "sets checkpoint_dir"),
            ("hydra: {job_logging: {handlers: {x: {class: logging.FileHandler}}}}", "sets hydra"),
            ("hydra: {run: {dir: elsewhere}}", "sets hydra"),
            ("log_dir: elsewhere", "sets log_dir"),
            ("run: elsewhere", "sets run"),
            ("ckpt_path: elsewhere", "sets ckpt_path"),
            ("logger: {tensorboard: {save_dir: elsewhere}}", "sets logger"),
            ("algorithm: {x: {_target_: os.system}}", "which is refused"),
            ("defaults: [override /hydra/job_logging: default]", "chooses hydra/job_logging"),
            ("defaults: [/hydra/job_logging/default]", "chooses hydra/job_logging/default"),
        )[:number]
    ),
    ("calibration", f"# @package hydra\n{CALLBACK[1:-1]}", "sets hydra"),
    ("calibration", "# @package hydra.callbacks.x\n_target_: torch.load", "sets hydra"),
    ("calibration", f"{GLOBAL}algorithm: {{horizon: 2}}", "sets algorithm"),
    ("network", f"{GLOBAL}seed: 3", "sets seed"),
    ("experiment", f"{GLOBAL}callbacks: {{x: {{_target_: torch.load}}}}", "sets _target_"),
    ("experiment", f"{GLOBAL}defaults: [override /callbacks: mine]", "chosen on the command line, callbacks=mine"),
    ("sweep", f"{GLOBAL}hydra: {CALLBACK}", "sets hydra.callbacks"),
    ("sweep", f"{GLOBAL}hydra: {{sweep: {{dir: elsewhere}}}}", "sets hydra.sweep"),
    ("sweep", f"{GLOBAL}hydra: {{sweeper: {{storage: 'sqlite:///x'}}}}", "sets hydra.sweeper.storage"),
    ("sweep", f"{GLOBAL}hydra: {{sweeper: {{params: {{checkpoint_dir: elsewhere}}}}}}", "sets checkpoint_dir"),
    (
        "sweep",
        f"{GLOBAL}hydra: {{sweeper: {{params: {{+hydra.callbacks.x._target_: os.system}}}}}}",
        "sets +hydra.callbacks",
    ),
    ("sweep", f"{GLOBAL}hydra: {{sweeper: {{sampler: {{_target_: os.system}}}}}}", "sets _target_"),
    ("hydra/callbacks", "x: {_target_: os.system}", "settings of Hydra"),
    ("hydra/launcher", "_target_: os.system", "settings of Hydra"),
    *(
        (
            "calibration",
            mark + "# @package model\nbeta: 0.98\n".encode(code),
            "byte-order mark" if code == "utf-8" else "not in UTF-8",
        )
        for mark, code in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"))
    ),
]


@pytest.mark.parametrize("group, text, says", REFUSED)
def test_a_file_that_is_more_than_data_is_refused_before_hydra_acts(written, group, text, says):
    written(f"{group}/mine", text)
    written("callbacks/mine", "{}") if group != "callbacks" else None
    with pytest.raises(InputError) as refused:
        cli._check("train", ["hydra.searchpath=[own]", f"{group}=mine"])
    assert says in str(refused.value), refused.value
    assert sorted(path.name for path in Path(".").iterdir()) == ["e.pt", "own"]


@pytest.mark.parametrize(
    "entry, words",
    [
        (cli.train, ["hydra.searchpath=[own]"]),
        (cli.reference, ["--config-dir", "own"]),
        (cli.train, ["-m", "--config-dir=own", "seed=1,2"]),
        (cli.train, ["hydra.mode=MULTIRUN", "hydra.searchpath=[own]", "seed=1,2"]),
        (cli.reference, ["-m", "hydra.searchpath=[own]"]),
    ],
)
def test_no_script_acts_on_such_a_file(written, script, entry, words):
    written("calibration/mine", f"{GLOBAL}hydra: {CALLBACK}")
    for choice in ("mine", "baseline,mine"):
        if "," in choice and not {"-m", "hydra.mode=MULTIRUN"} & set(words):
            continue
        code, output, errors = script(entry, *words, f"calibration={choice}")
        assert (code, output) == (2, "") and len(errors) == 1 and "sets hydra" in errors[0]
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    "group, text",
    [
        ("network", "name: mine\n"),
        ("callbacks", "time: {_target_: lightning.pytorch.callbacks.Timer}\n"),
        (
            "experiment",
            f"{GLOBAL}defaults: [override /model: jfv]\nalgorithm: {{horizon: 2}}\ncallbacks: "
            f"{{guard: {{every: 3}}}}\nseed: 2\n",
        ),
        ("sweep", f"{GLOBAL}hydra: {{sweeper: {{params: {{model.beta: '0.98,0.99', calibration: baseline}}}}}}\n"),
    ],
)
def test_a_file_that_is_data_is_taken(written, group, text):
    written(f"{group}/mine", text)
    with composing("own") as loader:
        check_files(loader, "train", [f"{group}=mine"])


@pytest.mark.parametrize(
    "words", [["--config-dir", "own"], ["--config-dir=own"], ["-cd", "own"], ["hydra.searchpath=[own]"]]
)
def test_a_run_and_a_sweep_find_the_files_of_a_folder_that_is_given(written, words):
    written("calibration/mine", "# @package model\nbeta: 0.98\n")
    cli._check("train", [*words, "calibration=mine"])
    cli._check("train", ["-m", *words, "calibration=baseline,mine"])


@pytest.mark.parametrize(
    "group", [path.name for path in conf_folder().iterdir() if path.is_dir() and path.name != "hydra"]
)
def test_every_file_that_ships_is_data(group):
    with composing() as loader:
        for path in (conf_folder() / group).glob("*.yaml"):
            if "/hydra/sweeper: optuna" in path.read_text(encoding="utf-8") and not importlib.util.find_spec("optuna"):
                continue  # the extra that brings it is not installed
            check_files(loader, "train", [f"{group}={path.stem}"])


@pytest.mark.parametrize(
    "words, says",
    [
        (["run=a=b"], "run: expected a name of"),
        (["run=βeta"], "run: expected a name of"),
        (["+run=β"], "run: expected a name of"),
        (["checkpoint_dir=β"], "or quotes inside: 'checkpoint_dir=\"β\"'"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["seed=1", "--config-dir=.", "seed=2"], "flags stand before all settings"),
        (["--config-dir", "nowhere"], "nowhere is no folder"),
        (["--config-path", "own"], "is not taken"),
        (["--config-name", "evil"], "is not taken"),
        (["--experimental-rerun", "e.pt"], "is not taken"),
    ],
)
def test_what_cannot_be_read_says_what_to_type(written, script, words, says):
    code, output, errors = script(cli.train, *words)
    assert (code, output) == (2, "") and len(errors) == 1 and says in errors[0], errors


def test_hydra_goes_on_as_its_caller_left_it(tmp_path):
    """Whoever calls solve from a program that has a configuration of its own composes that afterwards."""
    (tmp_path / "mine.yaml").write_text("a: 1\nname: ${hydra:job.name}\n")
    with initialize_config_dir(str(tmp_path), job_name="theirs", version_base="1.2"):
        for overrides in (["algorithm.bogus=2"], ["algorithm.agents=0"]):  # one that Hydra refuses and one that we do
            with pytest.raises(InputError):
                deepham.solve("ks98", overrides=overrides)
        assert compose("mine").a == 1
        assert compose("mine", return_hydra_config=True).hydra.job.name == "theirs"
        assert compose("mine", return_hydra_config=True).hydra.runtime.version_base == "1.2"
