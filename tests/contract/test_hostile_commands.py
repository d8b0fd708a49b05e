"""Scripts that are given files and names made to harm: one line, exit code 2, nothing executed and nothing written."""

import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from deepham.commands.cli import evaluate, reference, report, summarize, train
from deepham.commands.configuration import check_run_name
from deepham.commands.targets import check_targets
from deepham.errors import InputError
from deepham.report.contents import manifest_file_table
from deepham.report.page import Illustration, Section, write
from deepham.report.reported import ReportedSolution
from deepham.runs.outcomes import measures_of
from deepham.solution import folder
from deepham.solution.loading import load
from deepham.system.paths import conf_folder


@pytest.fixture
def refusal(script):
    """refusal(entry, *overrides): the one line, once nothing has been printed, run or written."""

    def call(entry, *overrides):
        before = {path: path.lstat().st_mtime_ns for path in Path(".").rglob("*")}
        code, output, errors = script(entry, *overrides)
        assert (code, output) == (2, "") and len(errors) == 1 and len(errors[0]) < 1000, (code, output, errors)
        assert {path: path.lstat().st_mtime_ns for path in Path(".").rglob("*")} == before
        return errors[0]

    return call


class Opens:
    """Unpickled, it makes a file."""

    def __reduce__(self):
        return open, ("ran", "w")


def rewrite(path: Path, change) -> None:
    contents = json.loads(path.read_text())
    change(contents)
    path.write_text(json.dumps(contents))


# -- solutions ---------------------------------------------------------------------------------------------------


def damaged(how: str) -> str:
    """Name of a folder, made here, with a solution that is none."""
    target = Path("bad")
    if how == "file":
        target.write_text("text")
    elif how != "missing":
        shutil.copytree(folder.SHIPPED / "ks98", target)
    if how == "truncated":
        (target / folder.WEIGHTS).write_bytes((target / folder.WEIGHTS).read_bytes()[:-5])
    elif how == "newer":
        rewrite(target / folder.META, lambda meta: meta.update(schema_version=folder.SCHEMA_VERSION + 1))
    elif how == "pickle":
        (target / folder.WEIGHTS).write_bytes(pickle.dumps(Opens()))
    elif how == "target":
        text = (target / folder.CONFIG).read_text()
        (target / folder.CONFIG).write_text(text.replace("network:", "network:\n  _target_: os.system"))
    elif how == "history":
        contents = folder.read(target)
        folder.write(
            target,
            folder.Contents(contents.weights, contents.ergodic, contents.config, contents.meta | {"history": 3}),
            overwrite=True,
        )
    return str(target)


@pytest.mark.parametrize(
    "how, says",
    [
        ("missing", "does not exist"),
        ("file", "is a file"),
        ("truncated", "weights.safetensors"),
        ("newer", "upgrade deepham"),
        ("pickle", "weights.safetensors"),
        ("target", "_target_"),
        ("history", "history"),
    ],
)
def test_a_solution_that_is_none_is_refused_by_every_script(refusal, tmp_path, how, says):
    path = damaged(how)
    assert says in refusal(evaluate, f"solution={path}")
    if how in ("missing", "newer"):
        assert says in refusal(report, f"compare=[{path}]") and says in refusal(train, f"init_from={path}")


def test_solutions_of_another_economy_are_refused(refusal):
    assert "brock_mirman" in refusal(report, "compare=[brock_mirman]")
    assert "brock_mirman" in refusal(train, "init_from=brock_mirman")


def test_a_report_shows_what_a_solution_says_as_text(tmp_path):
    """Meta data are free text: no markup on the page, no commands for a terminal."""
    solution = load("brock_mirman")
    solution.meta["made_by"] = {"command": "<script>alert(1)</script>\x1b[2J\ud800"}
    sheet = manifest_file_table([ReportedSolution("<b>", solution, {}, None, [])], {})
    page = write(tmp_path, "<i>", "<i>", [Section("Manifest", ["<i>"], [Illustration("manifest", sheet, "<i>")])])
    text = page.read_text(encoding="utf-8")
    assert not any(mark in text for mark in ("<script>", "<b>", "<i>", "\x1b")) and "&lt;script&gt;" in text


# -- runs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"measures": ',
        "[]",
        "null",
        "3",
        '"measures"',
        "{}",
        '{"measures": null}',
        '{"measures": [1, 2]}',
        '{"measures": "text"}',
        '{"measures": 3}',
        '{"measures": {"euler.mean": {"a": 1}}}',
        '{"measures": {"euler.mean": "1"}}',
        '{"measures": {"euler.mean": [1]}}',
        '{"measures": {"euler.mean": true}}',
        '{"measures": {}, "verdict_settings": {"periods": "x"}}',
        '{"measures": {}, "verdict_settings": 3}',
        '{"measures": {}, "reference": 3}',
        '{"measures": {}, "reference": {"gini": "1"}}',
        '{"measures": {"euler.mean": 1' + "0" * 400 + "}}",
        '{"measures": {"euler.mean": 1' + "0" * 5000 + "}}",
        "[" * 10**5,
        "\xff\ufffe",
    ],
)
def test_measures_that_are_none_are_refused(tmp_path, text):
    for name in ("metrics.json", "evaluation.json"):
        (tmp_path / name).write_text(text, encoding="utf-16" if text.startswith("\xff") else "utf-8")
        with pytest.raises(InputError, match=f"^runs: [^\n]*{name} is damaged[^\n]*$"):
            measures_of(tmp_path / name)


def test_what_no_run_is_is_refused(refusal):
    Path("runs/r/metrics.json").mkdir(parents=True)
    Path("half/r").mkdir(parents=True)
    Path("half/r/metrics.json").write_text('{"measures": {"eul')
    Path("other/r").mkdir(parents=True)
    Path("file").write_text("text")
    for runs in ("runs", "half"):
        assert f"{runs}/r/metrics.json" in refusal(summarize, f"runs={runs}/*")
    assert "two folders called r" in refusal(summarize, "runs=[runs/*,other/*]")
    for runs in ("file", "[]", "null", "{a: 1}", "runs/r/*/*"):
        assert "runs" in refusal(summarize, f"runs={runs}")
    assert "output" in refusal(summarize, "runs=runs/*", "output=file/below")


def test_numbers_that_are_missing_or_hardly_numbers_are_summarised(script):
    for name, value in (("a", "null"), ("b", "1.5"), ("c", "NaN"), ("d", "-Infinity"), ("e", "1e308"), ("f", "1e308")):
        Path("runs", name).mkdir(parents=True)
        Path("runs", name, "metrics.json").write_text(f'{{"measures": {{"euler.mean": {value}, "<b>|&": 1}}}}')
    for runs in ("runs/*", "runs/[be]", "runs/[ef]"):
        code, output, errors = script(summarize, f"runs='{runs}'")
        assert (code, errors) == (0, []) and "runs.md" in output


# -- paths that escape -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "override, says",
    [
        ("run=../x", "run"),
        ("run=..", "run"),
        ("run=${oc.env:HOME}", "run"),
        ("run=a\nb", "run"),
        ("run=a\0b", "run"),
        *(
            (override, "choose from")
            for override in (
                "model=../network/paper",
                "model=/etc/passwd",
                "experiment=../../x",
                "experiment=../model/ks98",
                "network=..",
                "+experiment=../x",
                "model='../model/ks98'",
                "model=${oc.env:HOME}",
                "experiment=[../model/ks98]",
                "model@foo=../model/ks98",
                "callbacks=../logger/none",
                "algorithm=..\\deepham",
            )
        ),
        ("checkpoint_dir=file", "checkpoint_dir"),
        ("log_dir=file/below", "log_dir"),
        ("log_dir=" + "x" * 300, "log_dir"),
        ("log_dir=", "log_dir"),
        ("checkpoint_dir=[a]", "checkpoint_dir"),
        ("checkpoint_dir=link", "checkpoint_dir"),
        ("log_dir='a\tb'", "log_dir"),
        ("init_from='a\tb'", "path"),
        ("init_from=" + "x" * 300, "does not exist"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_and_nothing_is_written(refusal, override, says):
    Path("file").write_text("text")
    Path("link").symlink_to("nowhere")
    assert says in refusal(train, override)


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "..",
        ".",
        "/tmp/x",
        "a/b",
        "a b",
        "-x",
        "x" * 201,
        "a\tb",
        "a\nb",
        "a\n",
        "a\0",
        ["a"],
        3,
        None,
        "\\x",
        "~",
        "",
        "\x1b[2J",
        "é",
    ],
)
def test_a_run_has_a_plain_name(name):
    with pytest.raises(InputError, match="^run: [^\n]*$"):
        check_run_name(name)


def test_a_sweep_over_names_that_lead_elsewhere_is_refused(refusal):
    assert "choose from" in refusal(train, "-m", "model=ks98,../network/paper")


@pytest.mark.parametrize(
    "entry, overrides, says",
    [
        (evaluate, ["solution=ks98", "store=file"], "store"),
        (evaluate, ["solution=ks98", "output=file/x"], "output"),
        (evaluate, ["solution=ks98", "output=''"], "output"),
        (evaluate, ["solution=ks98", "output=[a]"], "output"),
        (evaluate, ["solution='a\tb'"], "path"),
        (evaluate, ["solution=null"], "None"),
        (evaluate, ["solution=ks98", "against=file"], "reference"),
        (evaluate, ["solution=ks98", "against=../../.."], "reference"),
        (evaluate, ["solution=ks98", "reference=../model/ks98"], "choose"),
        (report, ["output=file"], "output"),
        (report, ["store=file/x"], "store"),
        (report, ["solution=[ks98]"], "does not exist"),
        (report, ["compare=[[ks98]]"], "does not exist"),
        (report, ["compare={a: b}"], "compare"),
        (reference, ["store=file"], "store"),
        (reference, ["model=../network/paper"], "choose from"),
        (reference, ["store=" + "x" * 300], "store"),
    ],
)
def test_other_scripts_refuse_what_leads_nowhere_before_they_work(refusal, entry, overrides, says):
    Path("file").write_text("text")
    assert says in refusal(entry, *overrides)


# -- targets -----------------------------------------------------------------------------------------------------


def target(text: str, **more) -> dict:
    return {"mine": {"_target_": text} | more}


GUARD = "deepham.callbacks.guard.Guard"
RUNS = {"_target_": "os.system", "_args_": ["touch ran"]}


@pytest.mark.parametrize(
    "parts",
    [
        *map(
            target,
            (
                "deepham.commands.cli.os.system",
                "deepham.commands.cli.sys.exit",
                "deepham.solution.folder.Path",
                "lightning.Trainer",
                "torch.optim.lr_scheduler.warnings.catch_warnings",
                "torch.optim.Adam",
                "deepham.solution.solution.Solution",
                "lightning.fabric.strategies.launchers.subprocess_script._SubprocessScriptLauncher",
                "deepham.solution.folder.write",
                "hydra._target_",
                "hydra.utils.get_method",
                "lightning.",
                "deepham.",
                "deepham..folder",
                "",
                "deephamX.y",
                "lightning_evil.Callback",
                "${run}",
                "${oc.env:TARGET}",
                "deepham.${run}",
                "lightning.pytorch.callbacks.${run}",
            ),
        ),
        target("os.system", _args_=["touch ran"]),
        target("lightning.pytorch.cli.LightningCLI", args=["fit"]),
        target("lightning.pytorch.utilities.rank_zero.logging.FileHandler", filename="ran"),
        target("lightning.fabric.strategies.launchers.subprocess_script.subprocess.Popen", args=["touch", "ran"]),
        target("lightning.pytorch.loggers.CSVLogger", save_dir="ran"),
        target("lightning.pytorch.callbacks.LambdaCallback", setup={"_target_": "os.system", "_partial_": True}),
        target(GUARD, every=RUNS),
        target(GUARD, every={"a": [{"b": RUNS}]}),
        target(GUARD, _args_=[RUNS]),
        target(GUARD, _partial_=RUNS),
        target(GUARD, every={"_target_": "lightning.pytorch.cli.LightningCLI"}),
        target(GUARD, every={"_target_": "${oc.env:TARGET}"}),
        target(GUARD, every="${evil.part}"),
        target(GUARD, every="${evil}"),
        target(GUARD, every="${oc.decode:'{_target_: os.system, _args_: [touch ran]}'}"),
        target(GUARD, every="${oc.create:${oc.decode:'{_target_: os.system}'}}"),
        target(GUARD, every="${oc.decode:${oc.env:DECODED}}"),
        target(GUARD, every={"deep": "${oc.dict.values:evil}"}),
        *(
            target(GUARD, **{key: value})
            for key, value in (
                ("_args_", [1]),
                ("_partial_", True),
                ("_convert_", "all"),
                ("_recursive_", False),
                ("_mode_", 1),
            )
        ),
        {"mine": 3},
        {"mine": {"x": 1}},
        {"mine": {"_target_": ["os.system"]}},
        {"mine": {"_target_": RUNS}},
        {"mine": [{"_target_": GUARD}]},
        [RUNS],
        "text",
        "${evil}",
        {"mine": "${evil.part}"},
    ],
)
def test_a_target_that_is_no_callback_of_ours_is_refused_before_it_is_built(tmp_path, monkeypatch, parts):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TARGET", "os.system")
    monkeypatch.setenv("DECODED", "{_target_: os.system, _args_: [touch ran]}")
    cfg = OmegaConf.create({"callbacks": parts, "run": "GPUStatsMonitor", "evil": {"part": RUNS}})
    with pytest.raises(InputError) as caught:
        check_targets("callbacks", cfg.callbacks)
    assert len(str(caught.value).splitlines()) == 1 and len(str(caught.value)) < 500
    assert os.listdir(".") == []


@pytest.mark.parametrize(
    "override",
    [
        'callbacks.guard.every=${oc.decode:"{_target_: os.system, _args_: [touch ran]}"}',
        "callbacks.guard._target_=${run}",
        "+callbacks.x={_target_: lightning.Trainer}",
        "callbacks=[3]",
        "logger.tensorboard.name={_target_: os.system, _args_: [touch ran]}",
        "+callbacks.guard._recursive_=x",
    ],
)
def test_a_target_on_the_command_line_is_refused(refusal, override):
    assert refusal(train, override)


def test_the_callbacks_and_loggers_of_lightning_are_allowed():
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        cfg = compose("train", overrides=["+callbacks.time._target_=lightning.pytorch.callbacks.Timer", "run=r"])
    for group in ("callbacks", "logger"):
        check_targets(group, cfg[group])
    check_targets("callbacks", None)
    with pytest.raises(InputError, match="expected a lightning.pytorch.loggers.Logger"):
        check_targets("logger", OmegaConf.create(target(GUARD)))
