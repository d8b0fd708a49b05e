"""scripts/check_gpu.sh: what it says before it starts, and that no step that fails, hangs or does not fit stops
another."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from benchmarks import card, check_gpu
from benchmarks.check_gpu import TOTAL, Finding, Step, main, perform, steps, table
from deepham.system.paths import conf_folder

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_gpu.sh"


def step(name, code, limit=20.0, least=0.0, read=lambda output: ([("length", len(output), "letters")], {})):
    return Step(name, ["-c", code], limit, least, read)


def test_a_step_that_fails_hangs_or_does_not_fit_stops_no_other(tmp_path):
    # the one that hangs ignores what it is told, and has started another
    hangs = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
        f"open({str(tmp_path / 'child')!r}, 'w').write(str(child.pid)); time.sleep(60)"
    )
    seen = []
    outcomes = perform(
        [
            step("fails", "import sys; print('error: no such thing', file=sys.stderr); print('bye'); sys.exit(3)"),
            step("unreadable", "print(1)", read=lambda output: json.loads("{")),
            step("hangs", hangs, limit=1.5),
            step("long", "print(1)", least=100),
            step("works", "print('ab')"),
        ],
        tmp_path / "log",
        total=60,
        tell=lambda sofar: seen.append(len(sofar)),
    )
    assert [outcome.state for outcome in outcomes] == ["failed", "failed", "failed", "skipped", "done"]
    assert outcomes[0].why == "exit code 3: error: no such thing" and "no result" in outcomes[1].why
    assert outcomes[2].why == "stopped after 2 s" and outcomes[2].seconds < 8 and "needs 100" in outcomes[3].why
    assert outcomes[4].figures == [("length", 3, "letters")] and seen == [1, 2, 3, 4, 5]
    assert "=== works" in (tmp_path / "log").read_text()
    time.sleep(0.1)
    child = Path("/proc", (tmp_path / "child").read_text(), "stat")
    assert not child.exists() or child.read_text().split()[2] == "Z"
    text = table(outcomes, {"card": "a card", "driver": "1.2"})
    assert "| machine | card | a card |" in text and "| works | length | 3 | letters |" in text
    assert text.count("\n") == 2 + 2 + 5 + 1  # one table: the machine, the steps, a figure


def test_all_of_it_ends_in_eight_minutes(tmp_path):
    began = time.monotonic()
    plan = [step("hangs", "import time; time.sleep(60)"), step("never", "print(1)", least=0.5)]
    outcomes = perform(plan, tmp_path / "log", total=1)
    assert time.monotonic() - began < 4 and [outcome.state for outcome in outcomes] == ["failed", "skipped"]
    assert TOTAL + 10 <= 480


@pytest.mark.parametrize("dry", [False, True])
def test_every_command_of_the_check_composes(tmp_path, dry):
    plan = steps(tmp_path, dry)
    names = [each.name for each in plan]
    assert len(set(names)) == len(names) == 8 and all(each.least < each.limit for each in plan)
    assert dry or all(each.limit < TOTAL for each in plan)
    composed = []
    for each in plan:
        if not each.command[0].startswith("-"):
            script = Path(each.command[0])
            assert script.is_file()
            with initialize_config_dir(str(conf_folder()), version_base="1.3"):
                composed.append(compose(script.stem, overrides=each.command[1:]))
    gpus = {cfg.trainer.gpus if "trainer" in cfg else cfg.gpus for cfg in composed}
    graphs = [cfg.trainer.cuda_graphs for cfg in composed if "trainer" in cfg]
    assert gpus == {0 if dry else 1} and graphs == ([False] * 4 if dry else [False, True, True, False])
    tests = plan[0].command
    assert tests[tests.index("gpu") - 1] == "-m" and any(text.endswith("test_on_a_gpu.py") for text in tests)


def test_a_bar_that_is_missed_is_found_and_its_figures_are_kept(tmp_path):
    rows = [{"description": "Euler error", "value": 0.2, "unit": "%", "bar": 0.1}]
    found = {
        "bar_met": False,
        "missed": ["euler.mean"],
        "verdict": rows,
        "seconds": {"training": 1, "verdict": 2, "total": 3},
    }
    (tmp_path / "checkpoints" / "quick").mkdir(parents=True)
    (tmp_path / "checkpoints" / "quick" / "metrics.json").write_text(json.dumps(found))
    real, dry = ({each.name: each for each in steps(tmp_path, dry)}["quick"] for dry in (False, True))
    with pytest.raises(Finding, match="missed by euler.mean") as finding:
        real.read("")
    assert ("Euler error", 0.2, "%") in finding.value.args[1]
    assert ("the bar", "missed: euler.mean", "") in dry.read("")[0]


def test_what_is_missing_is_said_a_line_each_before_anything_starts(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["no-such-package>=1,<2", "torch>=2"]\n')
    monkeypatch.setattr(check_gpu, "ROOT", tmp_path)
    monkeypatch.setattr(check_gpu, "perform", None)
    assert main([str(tmp_path / "file" / "below")]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == "error: missing package: no-such-package>=1,<2" and "cannot write in" in errors[1]
    assert len(errors) == 2
    (tmp_path / "pyproject.toml").write_text('[project]\ndependencies = ["torch>=2"]\n')
    none = dict.fromkeys(("card", "card memory", "python", "torch", "lightning", "CUDA"))
    monkeypatch.setattr(check_gpu, "ABOUT", f"print('null'); print('{json.dumps(none)}')")
    assert main([str(tmp_path / "out")]) == 2 and "error: no GPU" in capsys.readouterr().err
    monkeypatch.setattr(check_gpu, "ABOUT", "import no_such_module")
    assert main([str(tmp_path / "out")]) == 2 and "no_such_module" in capsys.readouterr().err
    for wrong in (["--dry"], ["a", "b"]):
        assert main(wrong) == 2 and "expected [--dry-run] [folder]" in capsys.readouterr().err


@pytest.mark.slow
def test_differences_of_weights_are_found(monkeypatch):
    found = card.look(gpus=0, small=True)["rows"]
    assert all(row["right"] for row in found) and len(found) == 7
    assert [row["value"] for row in found[:5]] == [0, 0, 0, 0, 1]  # a CPU comes to the same bits
    drawn = iter(torch.tensor([[1.0, 1.0 + 0.01 * i]]) for i in range(6))
    monkeypatch.setattr(card, "weights", lambda overrides: next(drawn))
    assert [row["right"] for row in card.equality(["trainer.gpus=1"])] == [False] * 5
    assert not card._row("a number that is none", float("nan"), "")["right"]


def test_the_script_takes_the_interpreter_and_the_folder_that_it_is_given(tmp_path):
    def call(*given, **variables):
        environment = os.environ | variables
        return subprocess.run([SCRIPT, *given], capture_output=True, text=True, env=environment, cwd=tmp_path)

    refused = call(PYTHON="no-such-python")
    assert refused.stderr.startswith("error: no-such-python: ") and refused.returncode == 2
    shown = tmp_path / "python"
    shown.write_text('#!/bin/sh\necho "$PYTHONPATH" "$@"\n')
    shown.chmod(0o755)
    (tmp_path / "more").mkdir()
    path, *arguments = call("--dry-run", "out", PYTHON=str(shown), WHEELS="more").stdout.split()
    root = SCRIPT.parents[1]
    assert path.split(":")[:3] == [str(root / "src"), str(root), str(tmp_path / "more")]
    assert arguments == ["-m", "benchmarks.check_gpu", "--dry-run", "out"]


@pytest.mark.slow
def test_a_dry_run_does_every_step_at_tiny_sizes(tmp_path):
    done = subprocess.run(
        [SCRIPT, "--dry-run"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHON": sys.executable, "OUT": str(tmp_path / "out")},
    )
    assert done.returncode == 0 and "failed: none" in done.stdout, done.stdout + done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"check-gpu.md", "check-gpu.json", "check-gpu.log"}
    found = json.loads((tmp_path / "out" / "check-gpu.json").read_text())
    assert [each["state"] for each in found["steps"]] == ["done"] * 8 and found["machine"]["torch"] == torch.__version__
    assert "| quick | Euler error, mean |" in (tmp_path / "out" / "check-gpu.md").read_text()
