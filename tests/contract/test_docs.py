"""What the pages say can be done can be done: each command runs or composes, each example runs, each link leads
somewhere.

The pages are README.md, CONTRIBUTING.md and every page of docs/. A block ```sh or ```bash is a list of commands, one of
```python that imports deepham is an example, and `python scripts/...` in a text or a table is a command, too. Blocks
without a language show output.

Every command is composed. Those that README.md shows run as well, the others in make test-all: training commands at
tiny sizes, of a sweep two jobs; evaluate, report and summarize look at one tiny run under the names that they ask for.
What needs an extra, a GPU, a cluster or minutes is only composed. A page that adds files to the project (a block below
the file's name) has a test of its own, which runs its commands in a copy of the project.
"""

import importlib
import json
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob
from sizes import FIRST_ORDER, TINY
from test_conf import OPTIONS
from test_other_scripts import LOOK, SHORT, SMALL

import deepham
from deepham.commands import cli
from deepham.commands.check_sweep import check_sweep
from deepham.commands.explaining import explain
from deepham.solution import calibrated
from deepham.solution.solution import Solution
from deepham.system.paths import conf_folder

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
SCRIPT = re.compile(r"(?:.*/)?scripts/(\w+)\.py|deepham-(train)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
# of other programs, and not ours to test
OTHERS = {
    "cd",
    "export",
    "git",
    "mlflow",
    "pip",
    "sbatch",
    "source",
    "squeue",
    "srun",
    "tail",
    "tensorboard",
    "tmux",
    "venv",
    "wandb",
}
# what a page asks its reader to write before a command
FILES = {"my_conf/calibration/mine.yaml": "# @package model\nbeta: 0.985\n"}
# composed and not run: what needs an extra, more than a core, a GPU, or a run of an economy that is not laid out here
ELSEWHERE = (
    "algorithm.newton.last_nodes=",  # after a run of hank
    "hydra/launcher=",
    "model.sd_r=",  # of hank, which Newton steps alone teach
    "logger=mlflow",
    "logger=wandb",
    "sweep=",
    "trainer.gpus=",
    "trainer.nodes=",
    "trainer.processes=",
)
# settings that test_other_scripts.py has run these scripts with, which take seconds: composed, unless there are others
RUN_THERE = {
    "report": {"solution", "compare", "output"},
    "evaluate": {"solution", "agents", "against"},
    "estimate": {"solution", "data", "moments", "periods", "fixed", "covariance"},  # tests/estimation
    "reference": {"model.beta", "model.productivity", "model.unemployment", "model.chain_matrix"},
    "benchmark": {"parts", "small", "seeds", "output", "repeats"},
}


def commands_of(text: str) -> list[str]:
    """The commands of a page's blocks, one simple command each, a loop at its first value."""
    found = []
    for language, block in BLOCK.findall(text):
        if language in ("sh", "bash"):
            script = block.startswith("#!")
            lines = re.sub(r"\\\n\s*", "", block).splitlines()
            commands = [command for line in lines for command in simple(line)]
            found += [command for command in commands if not script or any(map(SCRIPT.fullmatch, command))]
    return [shlex.join(command) for command in found]


def simple(line: str) -> list[list[str]]:
    loop = re.search(r"for (\w+) in (\S+)[^;]*; do (.*); done", line)
    if loop:
        line = loop[3].replace(f"${loop[1]}", loop[2])
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for token in lexer:
        if set(token) <= set(";&|"):
            found.append([])
        else:
            found[-1].append(token)
    return [command for command in found if command]


def mentioned(text: str) -> list[str]:
    """Commands outside blocks."""
    return [" ".join(found.split()) for found in re.findall(r"`(python scripts/[^`]+)`", BLOCK.sub("", text))]


def named_alike(command: str) -> str:
    """Under one name for all runs of an economy, so that the same command is not run twice."""
    alike = re.sub(r"checkpoints/[^\s,\]']+", lambda found: f"checkpoints/{tiny_of(found[0])}", command)
    return alike if "ckpt_path=" in alike else re.sub(r" run=\S+", "", alike)


def tiny_of(name: str) -> str:
    """Which of the tiny runs stands for a run that a page names."""
    return "my-jfv" if "jfv" in name else "my-run"


def first_of(found: list[str]) -> list[str]:
    return list(dict.fromkeys(map(named_alike, found)))


TEXTS = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
ADDED = {
    name: set(re.findall(r"^`((?:src|conf)/[\w/]+\.\w+|\w+\.py)`[^\n]*\n\n```", text, re.MULTILINE))
    for name, text in TEXTS.items()
}
TESTED_HERE = {name: text for name, text in TEXTS.items() if not ADDED[name]}
COMMANDS = first_of([command for text in TESTED_HERE.values() for command in commands_of(text)])
MENTIONED = [
    command
    for command in first_of([found for text in TESTED_HERE.values() for found in mentioned(text)])
    if command not in COMMANDS
]
EXAMPLES = {
    name: [
        block
        for language, block in BLOCK.findall(text)
        if language == "python" and re.search(r"^(import|from) deepham", block, re.MULTILINE)
    ]
    for name, text in TESTED_HERE.items()
}


def taken_apart(command: str) -> tuple[str | None, list[str], bool]:
    """The script of ours in a command, what it is given, and whether it can be run here."""
    words = shlex.split(command)
    for index, word in enumerate(words):
        if script := SCRIPT.fullmatch(word):
            flags = [text for text in words[index + 1 :] if text.startswith("-")]
            settings = [text for text in words[index + 1 :] if re.match(r"[\w~+].*=", text) and "<" not in text]
            alone = index == 0 or index == 1 and words[0].endswith("python")
            here = alone and set(flags) <= {"-m"} and not any(text.startswith(ELSEWHERE) for text in settings)
            return script[1] or script[2], flags + settings, here
    return None, words, False


def check(script: str, given: list[str]) -> None:
    """Compose a command."""
    assert script in {path.stem for path in (ROOT / "scripts").glob("*.py")}
    settings = [text for text in given if not text.startswith("-")]
    cli.check_choices(settings)
    try:
        check_sweep(script, settings) if "-m" in given else composed(script, settings)
    except Exception as error:  # a launcher or sweeper of an extra that is not installed here: the rest of the command
        assert "is not installed" in explain(error, script), explain(error, script)
        rest = [text for text in given if not text.startswith("hydra")]
        check(script, [FIRST_ORDER if text.startswith("sweep=") else text for text in rest])  # which searches choose


def composed(script: str, settings: list[str]):
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return compose(script, overrides=settings)


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory):
    """A folder with checkpoints/my-run and logs/my-run, and the same of another economy."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # the newest is what "last" means
        for given in (["run=my-jfv", "experiment=jfv", "algorithm.nodes=20"], ["run=my-run"]):
            patch.setattr(sys, "argv", ["train.py", FIRST_ORDER, *TINY, *given, "figures=false"])
            assert cli.train() == 0
    return folder


@pytest.fixture
def desk(tiny_run, tmp_path):
    """desk(text) makes the folder of a test hold the tiny run under every name that the text asks for."""

    def lay(text: str) -> None:
        shutil.copytree(tiny_run, tmp_path, dirs_exist_ok=True)
        for name in set(re.findall(r"checkpoints/([\w.-]+)", text)) - {"my-run", "my-jfv"}:
            for kind in ("checkpoints", "logs"):
                shutil.copytree(tiny_run / kind / tiny_of(name), tmp_path / kind / name)
        write_files(tmp_path)

    return lay


def write_files(folder: Path) -> None:
    for path, content in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content, encoding="utf-8")


def two_jobs(given: list[str]) -> list[str]:
    """The command of a sweep with two values of the first setting that has several, and the first of the others."""
    flags, parse, most = [text for text in given if text.startswith("-")], OverridesParser.create(), 2
    settings = []
    for override in parse.parse_overrides([text for text in given if not text.startswith("-")]):
        if not override.is_sweep_override():
            settings.append(override.input_line)
            continue
        value, options = override.value(), conf_folder() / override.key_or_group
        values = (
            value.filter(sorted(path.stem for path in options.glob("*.yaml")))
            if isinstance(value, Glob)
            else list(override.sweep_string_iterator())
        )
        settings.append(f"{override.get_key_element()}={','.join(values[:most])}")
        most = 1
    return flags + settings


def test_of_a_sweep_the_first_value_of_each_setting_is_run():
    assert two_jobs(["-m", "a=x,y,z", "b=3", "c=1,2", "calibration=glob(*,exclude=b*)"]) == [
        "-m",
        "a=x,y",
        "b=3",
        "c=1",
        "calibration=davila12_rest",
    ]
    assert two_jobs(["-m", "calibration=glob(*)"])[1].count(",") == 1


SIZES = {"evaluate": SHORT, "report": [*LOOK, *SMALL, "workers=1"], "reference": SMALL, "summarize": []}


def runs(line: str) -> bool:
    """Whether a command is run here, not only composed."""
    name, given, here = taken_apart(line)
    there = {text.partition("=")[0] for text in given} <= RUN_THERE.get(name or "", set())
    return here and not there and not (name == "train" and given in [[option] for option in OPTIONS])  # test_conf.py


FIRST_SEEN = ["README.md", *(line for line in first_of(commands_of(TEXTS["README.md"])) if " -m " not in line)]


def listed(of_pages: list[str]) -> list:
    """Commands or pages, slow but for those that a newcomer sees first, and are no sweep."""
    return [each if each in FIRST_SEEN else pytest.param(each, marks=pytest.mark.slow) for each in of_pages]


def sweeps(line: str) -> bool:
    return " -m " in line and taken_apart(line)[0] is not None


@pytest.mark.parametrize("line", [line for line in COMMANDS if not sweeps(line)], ids=lambda line: line[:99])
def test_every_command_of_the_pages_composes(monkeypatch, tmp_path, line):
    name, given, _ = taken_apart(line)
    if name is None:
        return check_other(given)
    write_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    check(name, given)


@pytest.mark.slow
@pytest.mark.parametrize("line", list(filter(sweeps, COMMANDS)), ids=lambda line: line[:99])
def test_every_job_of_every_sweep_of_the_pages_composes(desk, monkeypatch, tmp_path, line):
    desk(line)
    monkeypatch.chdir(tmp_path)
    name, given, _ = taken_apart(line)
    check(name, given)


@pytest.mark.parametrize("line", listed([line for line in COMMANDS if runs(line)]), ids=lambda line: line[:99])
def test_every_command_of_the_pages_runs(command, script, desk, line):
    desk(line)
    run_small(command, script, *taken_apart(line)[:2])


def run_small(command, script, name: str, given: list[str]) -> None:
    """Run a command at tiny sizes, in the folder of the test."""
    given = two_jobs(given) if "-m" in given else given
    if name == "train":
        grid = SMALL if "solve_reference=true" in given else []
        if "experiment=davila12_planner" in given and grid:  # on forty nodes what a planner has the rich do is NaN
            grid = [*grid, "reference.k_nodes=100", "reference.K_nodes=11", "reference.histogram_nodes=100"]
        # where most people hold nothing for years, four of them can all be poor, which is a policy that has run away
        agents = "model=davila12" in given and "experiment=rare_event" not in given  # in which there are none
        enough = ["algorithm.agents=100"] if agents else []
        code, _, errors = command(*given, *TINY, *grid, *enough, "figures=false", sizes=())
    else:
        # on a coarse histogram the lottery alone has its households hold more than all capital
        enough = ["reference.k_nodes=100", "reference.histogram_nodes=200"] if "model=jfv" in given else []
        code, _, errors = script(getattr(cli, name), *given, *SIZES[name], *enough)
    assert (code, errors) == (0, [])


def check_other(words: list[str]) -> None:
    """A command of another program: what it names of ours exists."""
    program, *rest = words
    if Path(program).name.startswith("python"):
        program, *rest = rest[1:] if rest[0] == "-m" else rest
    if program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert rest[0] in targets
    elif program == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
            "optional-dependencies"
        ]
        for asked in re.findall(r"\[(\w+)\]", " ".join(rest)):
            assert asked in extras
    elif program == "pytest":
        assert all((ROOT / text).exists() for text in rest if text.startswith("tests"))
    elif program.startswith("benchmarks."):
        importlib.import_module(program)
        for text in rest:
            if text.startswith("{"):
                composed("train", json.loads(text)["overrides"])
    elif program.endswith(".py"):
        alone = not re.search(r"^(from|import) benchmarks", (ROOT / program).read_text(encoding="utf-8"), re.MULTILINE)
        assert alone, f"{program} imports its neighbours, which Python finds by python -m alone"
    else:
        assert program in OTHERS, f"{program}: a command that this test does not know; run it, or add it to OTHERS"


@pytest.mark.parametrize("line", MENTIONED)
def test_every_command_in_a_text_composes(line):
    name, given, _ = taken_apart(line)
    check(name, given)


@pytest.mark.parametrize("page", listed([page for page, blocks in EXAMPLES.items() if blocks]))
def test_every_python_example_runs(desk, monkeypatch, tmp_path, tiny, page):
    desk("\n".join(EXAMPLES[page]))
    monkeypatch.chdir(tmp_path)
    solve, irf = deepham.solve, Solution.irf
    monkeypatch.setattr(deepham, "solve", lambda name, **options: solve(name, overrides=tiny, **options))
    monkeypatch.setattr(calibrated, "BURN_IN", 10)
    monkeypatch.setattr(calibrated, "PERIODS", 10)
    monkeypatch.setattr(Solution, "irf", lambda self, shock, **options: irf(self, shock, **{"draws": 4} | options))
    for block in EXAMPLES[page]:
        GlobalHydra.instance().clear()
        exec(compile(block, page, "exec"), {})


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", TEXTS)
def test_every_link_and_every_path_leads_somewhere(page):
    for target, anchor in re.findall(r"\]\((?!http)([^)#]*)#?([^)]*)\)", TEXTS[page]):
        there = (ROOT / page).parent / target if target else ROOT / page
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), f"{target}#{anchor}"
    for path in re.findall(r"`((?:src|benchmarks|conf|scripts|tests)/[\w/.-]+)`", TEXTS[page]):
        assert (ROOT / path).exists() or path in ADDED[page], path


@pytest.mark.parametrize("page", [page for page, files in ADDED.items() if files])
def test_a_page_that_adds_files_has_a_test_of_its_own(page):
    own = ROOT / f"tests/contract/test_{Path(page).stem.replace('-', '_')}.py"
    assert own.exists() and page in own.read_text(encoding="utf-8")
