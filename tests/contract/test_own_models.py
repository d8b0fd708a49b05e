"""Economies of one's own: who may name a class, and what is wrong with one, told before anything runs."""

import json
import sys
import warnings
from dataclasses import dataclass

import pytest
import torch
import yaml

import deepham
from deepham import economics
from deepham.commands.check import main as check
from deepham.commands.cli import evaluate, summarize
from deepham.commands.own_models import take_models
from deepham.economics import model_file, registry
from deepham.economics.economy import parameter
from deepham.economics.ks98 import KS98
from deepham.economics.planner import under
from deepham.errors import InputError

CLASS = """
from dataclasses import dataclass
from deepham.economics.economy import parameter
from deepham.economics.ks98 import KS98

@dataclass(eq=False)
class {name}(KS98):
    levy: float = parameter("what a household pays in a period", "goods", default=0.0, low=0, closed="low")

    def resources(self, k, eps, z, prices):
        return super().resources(k, eps, z, prices) - self.levy
"""
TRACE = "open('imported', 'w').close()\n"
MODEL = {key: value for key, value in economics.calibration("ks98").items()}


@pytest.fixture(autouse=True)
def nobody_before(monkeypatch, tmp_path):
    """No economy handed over, no module and no folder of an earlier test; the folder is an empty one."""
    monkeypatch.setattr(registry, "_own", {})
    monkeypatch.setattr(model_file, "_loaded", set())
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def written(tmp_path):
    """written(name, ...) writes a class and its model file: the path of the latter."""

    def write(name="Levied", folder=".", source=None, **said):
        home = tmp_path / folder
        home.mkdir(exist_ok=True)
        stem = name.lower()
        (home / f"{stem}.py").write_text(CLASS.format(name=name) if source is None else source)
        text = {"economy": f"{stem}.py:{name}", "model": MODEL} | said
        (home / f"{stem}.yaml").write_text(yaml.safe_dump(text))
        return f"{folder}/{stem}.yaml"

    return write


@pytest.mark.slow
def test_a_run_of_an_economy_of_ones_own_is_resumed_measured_summed_up_and_loaded(command, script, written, tiny):
    file = written(folder="elsewhere")
    code, output, errors = command(f"model={file}", "model.levy=0.01", "run=mine")
    assert code == 0, errors
    status = json.loads(open("checkpoints/mine/status.json").read())
    assert status["state"] == "finished" and f"model={file}" in output
    again = command(f"model={file}", "model.levy=0.01", "ckpt_path=checkpoints/mine", "algorithm.outer_iterations=1")
    assert again[0] == 0, again
    registry._own.clear()
    sizes = [text for text in tiny if text.startswith("verdict")] + ["agents=4", "bellman_paper.economies=2"]
    sizes += ["bellman_paper.periods=4", "bellman_paper.burn_in=2", "bellman_paper.dates=2"]
    grid = ["reference.k_nodes=30", "reference.K_nodes=3", "reference.histogram_nodes=30", "reference.economies=1"]
    grid += ["reference.burn_in=20", "reference.periods=100", "reference.tolerance=0.01"]
    unknown = script(evaluate, "solution=checkpoints/mine", *sizes, *grid)
    assert unknown[0] == 2 and "model=path/to/my_economy.yaml" in unknown[2][-1]
    assert script(evaluate, "solution=checkpoints/mine", f"model={file}", *sizes, *grid)[0] == 0
    assert script(summarize, "runs=checkpoints/mine", f"model={file}")[0] == 0
    registry._own.clear()
    with pytest.raises(InputError, match="hand over its class.*economy=MyEconomy"):
        deepham.load("checkpoints/mine")
    solution = deepham.load("checkpoints/mine", economy=sys.modules["levied"].Levied)
    assert solution.calibration["levy"] == 0.01 and solution.meta["economy"] == "levied:Levied"


def test_the_name_stands_for_the_file_and_both_economies_of_a_sweep(written):
    first, second = written(), written("Taxed", "b")
    read, told = take_models([f"model={first},ks98,{second}", "seed=1"])
    assert read == ["model=levied,ks98,taxed", "seed=1"] and told == []
    assert economics.create("levied", levy=0.5).levy == 0.5
    assert take_models([f"model={first}", "seed=1"], composed=False)[0] == ["seed=1"]


@pytest.mark.parametrize(
    "file, text",
    [
        ("own/calibration/mine.yaml", "# @package model\nname: ks98\neconomy: evil.py:Evil\n"),
        ("own/calibration/mine.yaml", "# @package _global_\neconomy: evil.py:Evil\n"),
        ("own/experiment/mine.yaml", "# @package _global_\neconomy: evil.py:Evil\n"),
        ("own/experiment/mine.yaml", "# @package _global_\nmodel:\n  name: evil\n"),
        ("own/model/mine.yaml", "# @package _global_\neconomy: evil.py:Evil\nmodel: {name: evil}\n"),
        ("own/model/mine.yaml", "# @package _global_\nmodel: {name: evil}\n"),
    ],
)
def test_no_file_but_the_one_that_is_named_by_its_path_leads_to_a_class(command, tmp_path, monkeypatch, file, text):
    """`evil` could be imported: it lies beside, on Python's path, and as a registered entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "evil.py").write_text(TRACE + CLASS.format(name="Evil"))
    _register(tmp_path, "evil = evil:Evil")
    target = tmp_path / file
    target.parent.mkdir(parents=True)
    target.write_text(text)
    (target.parent / "evil.py").write_text(TRACE + CLASS.format(name="Evil"))
    code, _, errors = command("--config-dir=own", f"{target.parent.name}=mine", "run=r")
    assert code == 2 and len(errors) == 1 and not (tmp_path / "imported").exists(), errors
    for word in ("+economy=evil:Evil", "economy=evil:Evil", "model.name=evil", "++model.economy=evil:Evil"):
        code, _, errors = command(word, "run=r")
        assert code == 2 and not (tmp_path / "imported").exists(), errors


def test_neither_a_solution_nor_a_checkpoint_leads_to_a_class(command, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "evil.py").write_text(TRACE + CLASS.format(name="Evil"))
    _register(tmp_path, "evil = evil:Evil")
    deepham.load("ks98").save("saved")
    config = yaml.safe_load(open("saved/config.yaml"))
    for name in ("evil", "evil:Evil", "evil.py:Evil"):
        changed = config | {"model": config["model"] | {"name": name}, "economy": "evil:Evil"}
        (tmp_path / "saved/config.yaml").write_text(yaml.safe_dump(changed))
        with pytest.raises(InputError, match="evil"):
            deepham.load("saved")
        assert command("init_from=saved", "run=r")[0] == 2
        assert not (tmp_path / "imported").exists()


def _register(folder, *lines):
    """An installed package with entry points, as an installer leaves one."""
    home = folder / f"them{len(list(folder.glob('them*')))}-1.0.dist-info"
    home.mkdir()
    (home / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {home.name.partition('-')[0]}\nVersion: 1.0\n")
    (home / "entry_points.txt").write_text("[deepham.economies]\n" + "".join(f"{line}\n" for line in lines))


def test_a_registered_economy_is_one_by_its_name_with_the_model_file_beside_it(tmp_path, monkeypatch, written):
    monkeypatch.syspath_prepend(str(tmp_path))
    written(model=MODEL | {"levy": 0.25})
    _register(tmp_path, "levied = levied:Levied")
    assert "levied" not in sys.modules
    read, _ = take_models(["model=levied", "model.beta=0.98"])
    assert read == ["model=levied", "model.beta=0.98"] and economics.calibration("levied")["levy"] == 0.25


def test_two_economies_of_one_name_are_refused(tmp_path, monkeypatch, written):
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match="ks98 is an economy of the package"):
        take_models([f"model={written('KS98')}"])
    _register(tmp_path, "levied = somewhere:Levied")
    with pytest.raises(InputError, match=r"two economies of the name levied, .* \(somewhere:Levied\)"):
        take_models([f"model={written()}"])
    _register(tmp_path, "levied = elsewhere:Levied")
    with pytest.raises(InputError, match="elsewhere:Levied and somewhere:Levied"):
        take_models(["model=levied"])
    first, second = written("Twice", "a"), written("Twice", "b")
    with pytest.raises(InputError, match="twice"):
        take_models([f"model={first},{second}"])


@pytest.mark.parametrize(
    "source, said, message",
    [
        ("def f(:\n", {}, "wrong.py does not import, SyntaxError"),
        ("import torch\n\n1 / 0\n", {}, "wrong.py does not import, ZeroDivisionError: division by zero"),
        ("raise SystemExit(0)\n", {}, "wrong.py does not import, SystemExit"),
        ("import no_such_module\n", {}, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("Wrong = 3\n", {}, "expected a subclass of deepham.economics.Economy, got 3"),
        ("class Wrong: pass\n", {}, "expected a subclass of deepham.economics.Economy"),
        ("", {}, "there is no class Wrong in wrong.py"),
        ("from deepham.economics import Economy\nclass Wrong(Economy): pass\n", {}, "states no accounts, aggregates"),
        (
            CLASS.format(name="Wrong").replace("@dataclass(eq=False)\n", ""),
            {},
            "levy are parameters only with @dataclass",
        ),
        (
            CLASS.format(name="Wrong")
            .replace('parameter("what a household pays in a period", "goods", ', "dict(")
            .replace('default=0.0, low=0, closed="low")', "a=1) and 0.0"),
            {},
            "got none for levy",
        ),
        (None, {"economy": "os.path:join"}, "expected a subclass"),
        (None, {"economy": "../wrong.py:Wrong"}, "a file beside this one"),
        (None, {"economy": "/etc/wrong.py:Wrong"}, "a file beside this one"),
        (None, {"economy": "no.such.module:Wrong"}, "Python finds no module no.such.module"),
        (None, {"economy": ["wrong.py:Wrong"]}, "a file beside this one"),
        (None, {"economy": "json.py:Wrong"}, "there is no file"),
        (None, {"trainer": {"gpus": 1}}, "sets trainer; a model file sets economy, model"),
        (None, {"model": {"name": "ks98"}}, "sets model.name"),
        (None, {"algorithm": {"x": [{"_target_": "os.system"}]}}, "sets _target_"),
        (None, {"model": MODEL | {"levy": -1.0}}, "levy: expected a number of at least 0, got -1"),
        (None, {"model": MODEL | {"lvy": 1.0}}, "lvy"),
        (None, {"model": {"beta": 0.98}}, "no value for alpha"),
    ],
)
def test_what_is_no_economy_is_told_in_one_line_before_anything_runs(command, written, source, said, message):
    file = written("Wrong", source=source, **said)
    code, output, errors = command(f"model={file}", "run=r")
    assert code == 2 and output == "" and message in errors[-1] and errors[-1].startswith("error: "), errors
    assert not list((__import__("pathlib").Path(".")).glob("checkpoints*"))


def test_the_traceback_of_a_users_file_begins_there(command, written):
    file = written("Wrong", source="def helper():\n    return absent\n\nhelper()\n")
    _, _, errors = command(f"model={file}")
    assert errors[0] == "Traceback (most recent call last):" and 'wrong.py", line 4' in errors[1]
    assert not any("deepham" in line for line in errors[1:-1])
    broken = CLASS.format(name="Fails").replace(
        "    def resources", "    def check(self):\n        {}['x']\n\n    def resources"
    )
    _, _, errors = command(f"model={written('Fails', source=broken)}")
    assert "fails: the economy cannot be made, KeyError: 'x'" in errors[-1] and any(
        'fails.py"' in line for line in errors
    )


def test_a_file_may_not_take_the_name_of_a_module_that_python_has(command, written, tmp_path):
    written()
    (tmp_path / "numpy.py").write_text(TRACE)
    (tmp_path / "mine.yaml").write_text("economy: numpy.py:Mine\n")
    code, _, errors = command("model=mine.yaml")
    assert code == 2 and "Python has a module numpy already" in errors[0] and not (tmp_path / "imported").exists()


@dataclass(eq=False)
class Idle(KS98):
    idle: float = parameter("what nothing looks at", default=1.0)


def test_a_parameter_that_no_method_reads_is_named_in_a_warning(written):
    with pytest.warns(UserWarning, match="idle: no method reads the parameter idle"):
        registry.given(Idle(**MODEL), {})
    source = CLASS.format(name="Lazy").replace(" - self.levy", "")
    assert take_models([f"model={written('Lazy', source=source)}"])[1] == ["lazy: no method reads the parameter levy"]


def test_an_economy_is_handed_over_as_a_class_or_as_an_object():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name, parameters = registry.given(Idle(**MODEL | {"beta": 0.98}), {"alpha": 0.3})
        assert name == "idle" and (parameters["beta"], parameters["alpha"], parameters["idle"]) == (0.98, 0.3, 1.0)
        assert registry.given(Idle, {"beta": 0.97}) == ("idle", {"beta": 0.97})
    assert registry.given(KS98(**MODEL), {})[0] == "ks98" and registry.own("ks98") is None
    with pytest.raises(InputError, match="expected the market's"):
        registry.given(under(economics.create("davila12"), "planner"), {})


def test_the_check_has_the_exit_codes_of_a_finding_and_of_bad_input(written, capsys, monkeypatch):
    monkeypatch.setattr("deepham.commands.check.train", lambda name, economy: None)
    assert check([written(), "levy=0.0"]) == 0
    assert "all 17 properties hold" in capsys.readouterr().out
    assert check([written(), "model.levy=0.1"]) == 1  # what households pay goes nowhere
    output = capsys.readouterr().out
    assert "goods add up" in output and "2 of 17 properties fail" in output, output
    assert check(["absent.yaml"]) == 2 and check([]) == 2 and check([written(), "levy"]) == 2
    assert check([written(), "levy=x"]) == 2
    torch.set_num_threads(1)
