"""The page docs/troubleshooting.md quotes what the program says: the cheap lines are provoked, the others found in the
source."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from deepham.commands.cli import evaluate, summarize, train

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
QUOTED = [line for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
LITERAL_BRACKETS = ("checkpoints/<run>",)  # the program itself says this


def pattern(quoted):
    """The quoted line as an expression that the printed one matches."""
    for text in LITERAL_BRACKETS:
        quoted = quoted.replace(text, text.replace("<", "\0").replace(">", "\1"))
    parts = re.split(r"<[^>]+>", quoted)
    return ".+".join(re.escape(part.replace("\0", "<").replace("\1", ">")) for part in parts)


def the_quoted(line):
    """Quoted lines that the printed line matches."""
    return [quoted for quoted in QUOTED if re.fullmatch(pattern(quoted), line)]


PROVOKED = [  # what is asked for, and the beginning of its line on the page
    (train, ["algorithm.horizn=3"], "error: <key>: unknown key; did you mean"),
    (train, ["nonsense=3"], "error: <key>: unknown key; known beside it"),
    (train, ["algorithm.agents=9"], "error: <key>=<value>: not read by Newton steps"),
    (train, ["model=nothing"], "error: <group>=<option>: there is no such option"),
    (train, ["algorithm.agents=many"], "error: <key>: Value"),
    (train, ["model.beta=1.5"], "error: <key>: expected a number in (0, 1)"),
    (train, ["algorithm.agents=0"], "error: <key>: expected at least 1"),
    (train, ["network.width=[1,"], "error: <override>: cannot be read"),
    (train, ["seed=1,2"], "error: Ambiguous value"),
    (train, ["model.unemployment=[0.1,0.05]"], "error: model.unemployment"),
    (train, ["ckpt_path=last"], "error: ckpt_path=last"),
    (train, ["ckpt_path=nowhere"], "error: ckpt_path: <path> does not exist"),
    (train, ["init_from=brock_mirman"], "error: init_from: <path> is a solution of"),
    (train, ["init_from=ks98", "network.width=9"], "error: init_from: <path> has network."),
    (train, ["algorithm=deepham", "algorithm.agents=1000000000"], "error: <setting>: about"),
    (evaluate, [], "error: solution: give"),
    (evaluate, ["solution=nowhere"], "error: <path> does not exist; expected a folder"),
    (evaluate, ["solution=ks98", "against=nowhere"], "error: reference: <path> does not exist"),
    (summarize, ["runs=nowhere*"], "error: runs: no folder matches"),
]


@pytest.mark.parametrize(
    "entry, overrides, beginning", PROVOKED, ids=lambda part: getattr(part, "__name__", str(part)[:40])
)
def test_what_is_provoked_is_what_the_page_quotes(script, entry, overrides, beginning):
    code, _, errors = script(entry, *overrides)
    assert code == 2 and len(errors) == 1
    assert any(quoted.startswith(beginning) for quoted in the_quoted(errors[0])), errors[0]


@pytest.mark.parametrize(
    "option, package", [("hydra/launcher=joblib", "hydra_plugins.hydra_joblib_launcher"), ("logger=wandb", "wandb")]
)
def test_what_is_not_installed_is_quoted(command, option, package):
    top = package.partition(".")[0]
    if importlib.util.find_spec(top) and importlib.util.find_spec(package):
        pytest.skip(f"{package} is installed")
    code, _, errors = command(option)
    assert code == 2 and "is not installed" in errors[0] and the_quoted(errors[0])


def test_what_a_run_and_its_damaged_files_say_is_quoted(command, script):
    code, output, _ = command("run=r", "model.beta=0.98")
    said = [quoted for line in output.splitlines() for quoted in the_quoted(line)]
    assert code == 0 and {line.partition("<")[0] for line in said} == {
        "no grid solution of this calibration is stored to compare with: the verdict rests on the errors in its "
        "equations alone; make it with: ",
        "THE BAR IS MISSED by: ",
    }
    home = Path("checkpoints/r")

    def refused(run, *overrides):
        code, _, errors = run(*overrides)
        assert code == 2 and len(errors) == 1 and len(the_quoted(errors[0])) == 1, errors
        return the_quoted(errors[0])[0]

    assert "exists and is not empty" in refused(command, "run=r")
    assert "was trained with" in refused(command, "ckpt_path=checkpoints/r", "algorithm.horizon=2")
    (home / "last.ckpt").write_bytes(b"not one")
    assert "not a checkpoint of deepham" in refused(command, "ckpt_path=checkpoints/r")
    weights = home / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    assert "its digest differs" in refused(script, evaluate, "solution=checkpoints/r")
    weights.write_bytes(weights.read_bytes()[:100])
    assert "truncated or damaged" in refused(script, evaluate, "solution=checkpoints/r")
    weights.unlink()
    assert "holds no" in refused(script, evaluate, "solution=checkpoints/r")


def test_a_policy_that_diverges_is_quoted(command, monkeypatch):
    monkeypatch.setattr(
        "deepham.algorithm.gradients.policy_loss", lambda utility, weight: float("nan") * utility.mean()
    )
    code, output, errors = command("run=r")
    assert code == 1 and the_quoted(errors[0])
    assert any("going back" in quoted for line in output.splitlines() for quoted in the_quoted(line))


def messages():
    """Texts of the source, with what is filled in as \\0."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.sub(r"%[gs]", "\0", node.value)


MESSAGES = sorted({text for text in messages() if len(text.replace("\0", "")) >= 12})


def stands_in_the_source(quoted):
    """Whether a text of the source, however it is filled in, is half of the quoted words or more."""
    words = len("".join(re.split(r"<[^>]+>", quoted.removeprefix("error: "))))
    return any(
        2 * len(text.replace("\0", "")) >= words
        and all(part in quoted for part in text.split("\0"))  # quick, and leaves few to be searched for
        and re.search(".*".join(map(re.escape, text.split("\0"))), quoted)
        for text in MESSAGES
    )


@pytest.mark.parametrize(
    "quoted", [quoted for quoted in QUOTED if not any(quoted.startswith(each[2]) for each in PROVOKED)]
)
def test_every_other_line_stands_in_the_source(quoted):
    assert stands_in_the_source(quoted)
    assert not stands_in_the_source(quoted[::-1]), "another line is not found"
