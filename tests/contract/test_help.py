"""--help: every setting and every option with its sentence, and examples that compose."""

import logging
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir

from benchmarks import benchmark
from deepham.commands import cli
from deepham.commands.help import help_page
from deepham.system.paths import conf_folder

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py"))
ENTRIES = {name: benchmark if name == "benchmark" else getattr(cli, name) for name in SCRIPTS}
OPTIONS = [
    f"{folder.name}={path.stem}"
    for folder in conf_folder().iterdir()
    if folder.is_dir() and folder.name != "hydra"
    for path in folder.glob("*.yaml")
]


def content(name):
    return yaml.safe_load((conf_folder() / f"{name}.yaml").read_text(encoding="utf-8"))


def keys(settings, prefix=""):
    """The dotted names of the values of a file, without what Hydra reads for itself."""
    for key, value in settings.items():
        if isinstance(value, dict) and value:
            yield from keys(value, f"{prefix}{key}.")
        elif key != "_target_":
            yield f"{prefix}{key}"


def words(page):
    """What stands before = or : in the first column."""
    return set(re.findall(r"^  ([\w.]+)[=:]", page, re.MULTILINE))


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "92")


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_setting_and_every_option_is_named_with_its_sentence(name):
    page, settings = help_page(name, []), content(name)
    groups = [
        group for item in settings.pop("defaults") if isinstance(item, dict) for group in item if " " not in group
    ]
    settings.pop("hydra")
    assert words(page) >= {*keys(settings), *groups}
    for group in groups:
        for path in (conf_folder() / group).glob("*.yaml"):
            assert re.search(rf"^  {group}={path.stem}\s+\w", page, re.MULTILINE), (
                f"{group}={path.stem} has no sentence"
            )
    for key, sentence in re.findall(
        r"^(\w+): *\S+ +# (.+)$", (conf_folder() / f"{name}.yaml").read_text(), re.MULTILINE
    ):
        assert sentence in " ".join(page.split()), f"{key}: {sentence}"
    assert max(map(len, page.splitlines())) <= 92


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_names_its_settings(option):
    page, settings = help_page("train", [option]), content(option.replace("=", "/"))
    overrides = [item for item in settings.pop("defaults", []) if isinstance(item, dict)]
    text = (conf_folder() / f"{option.replace('=', '/')}.yaml").read_text(encoding="utf-8")
    prefix = "" if "@package _global_" in text else f"{option.partition('=')[0]}."
    known = words(page)
    # a group of settings that is one value to Hydra, {...} or a row of a matrix, is one here
    for key in keys(settings, prefix):
        parts = key.split(".")
        assert key in known or any(".".join(parts[:n]) in known for n in range(2, len(parts))), key
    for override in overrides:
        for group, choice in override.items():
            assert f"  {group.removeprefix('override /')}={choice}\n" in page


def test_a_default_explains_the_settings_that_it_names():
    page = help_page("train", ["seed=3", "algorithm=deepham"])
    assert re.search(r"algorithm\.horizon=1 +periods simulated before the value network closes the\s+sum", page)
    assert "the value network:" in page and re.search(r"algorithm\.value_optimizer: +the same fields", page)
    assert help_page("train", ["algorithm"]) == help_page("train", ["algorithm=euler_newton"])
    assert "experiment=ks98_quick " in help_page("train", ["experiment"])


def examples(name):
    header = content(name)["hydra"]["help"]["header"]
    return [shlex.split(line, comments=True)[1:] for line in header.splitlines() if line.startswith("  python")]


@pytest.mark.parametrize("name", SCRIPTS)
def test_examples_compose(name):
    assert 3 <= len(examples(name)) <= 6
    for script, *overrides in examples(name):
        assert script == f"scripts/{name}.py"
        single = [text for text in overrides if text != "-m" and not ("-m" in overrides and "," in text)]
        with initialize_config_dir(str(conf_folder()), version_base="1.3"):
            compose(name, single)
            for text in set(overrides) - set(single) - {"-m"}:
                key, _, values = text.partition("=")
                assert all(compose(name, [f"{key}={value}"]) for value in values.split(","))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_prints_its_help_wherever_the_flag_stands(script, name):
    code, output, errors = script(ENTRIES[name], "--help")
    assert (code, output, errors) == (0, help_page(name, []) + "\n", [])
    key = next(keys({key: value for key, value in content(name).items() if key != "defaults"}))
    assert script(ENTRIES[name], f"{key}=1", "-h") == (0, output, [])
    assert list(Path(".").iterdir()) == []


@pytest.mark.parametrize(
    "name, word, says",
    [
        ("train", "modl", "choose from network, algorithm"),
        ("train", "model=modl", "choose from brock_mirman, "),
        ("train", "model=../../x", "choose from brock_mirman"),
        ("summarize", "model", "this script has none"),
    ],
)
def test_a_wrong_word_is_one_line(script, name, word, says):
    code, output, errors = script(ENTRIES[name], "--help", word)
    assert (code, output, len(errors)) == (2, "", 1) and errors[0].startswith("error: ") and says in errors[0]


def test_hydras_own_flags_stay(script, monkeypatch):
    # --hydra-help leaves a handler behind that writes to this test's output
    monkeypatch.setattr(logging.root, "handlers", list(logging.root.handlers))
    monkeypatch.setattr(logging.root, "level", logging.root.level)
    with pytest.raises(SystemExit):  # as Hydra ends them
        script(cli.train, "--hydra-help")
    assert "deepham" in script(cli.train, "--cfg", "job")[1]


def test_a_reader_that_has_seen_enough_ends_it_quietly():
    shown = subprocess.run(
        [
            sys.executable,
            "-c",
            "import subprocess, sys; process = subprocess.Popen([sys.executable, "
            "'scripts/train.py', '--help'], stdout=subprocess.PIPE, stderr=subprocess.PIPE); "
            "process.stdout.close(); print(process.stderr.read().decode(), process.wait())",
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ,
    )
    assert shown.stdout.split() == ["0"]


@pytest.mark.parametrize("name", ["train", "estimate", "evaluate", "reference", "report", "summarize"])
def test_a_command_of_the_wheel_speaks_of_itself_by_its_name(monkeypatch, capsys, name):
    monkeypatch.setattr(sys, "argv", [f"/anywhere/bin/deepham-{name}", "--help"])
    assert getattr(cli, name)() == 0
    said = capsys.readouterr().out
    assert f"deepham-{name} " in said and "scripts/" not in said
