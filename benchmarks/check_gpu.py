"""One look at a GPU within eight minutes: tests, runs to the bar, graphs, determinism, memory, the benchmark.

`scripts/check_gpu.sh` calls it. Each step is a process of its own with a limit of its own; after a failure the next
begins. Only the standard library is imported here, so that whatever is missing can be said before anything starts.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from benchmarks import ROOT
from deepham.errors import one_line
from deepham.presentation.file_table import FileTable
from deepham.system.files import write_json

TOTAL = 470.0  # seconds, of the eight minutes; the rest is for what goes before the first step and after the last
PATIENCE = 10  # of a dry run, whose time says nothing, on a machine that may be busy
GRACE = 5.0  # seconds that a step has to end in once it is told to
TINY = (
    "algorithm.outer_iterations=1",
    "algorithm.policy_steps=3",
    "verdict.nodes=20",
    "verdict.burn_in=2",
    "verdict.periods=4",
    "verdict.dates=2",
)
ABOUT = """
import json, lightning, platform, torch
card = torch.cuda.get_device_properties(0) if torch.cuda.is_available() else None
print(json.dumps({"card": card and card.name, "card memory": card and f"{card.total_memory / 1e9:.0f} GB", "python":
platform.python_version(), "torch": torch.__version__, "lightning": lightning.__version__, "CUDA": torch.version.cuda}))
"""

Figures = list[tuple[str, float | str, str]]  # what, value, unit


class Finding(Exception):
    """A step came to its end, and what it found is bad."""


@dataclass(frozen=True)
class Step:
    """One process of the check.

    Attributes:
        name: of it in the table.
        command: arguments of the interpreter.
        limit: seconds after which it is stopped.
        least: seconds without which it is not begun.
        read: from what it printed to its figures and to everything that it left; raises Finding.
    """

    name: str
    command: list[str]
    limit: float
    least: float
    read: Callable[[str], tuple[Figures, dict]]


@dataclass
class Outcome:
    """How a step went: "done", "failed" or "skipped", and why."""

    name: str
    state: str
    why: str = ""
    seconds: float = 0.0
    figures: Figures = field(default_factory=list)
    raw: dict = field(default_factory=dict)


# -- the steps -----------------------------------------------------------------------------------------------------


def steps(home: Path, dry: bool) -> list[Step]:
    """In the order of their worth; the first are run where time is short.

    Args:
        home: folder of what the steps leave for this process to read.
        dry: at sizes that only show that it runs, on the CPU.
    """
    device = "trainer.gpus=0" if dry else "trainer.gpus=1"
    graphs = ["algorithm=deepham", *([] if dry else ["trainer.cuda_graphs=true"])]  # first order; a CPU has none
    quick = ["experiment=ks98_quick", device]
    plan = [
        _tests(home),
        _run(home, "quick", quick, 100, 40, dry),
        _run(home, "quick_by_graphs", [*quick, *graphs], 100, 40, dry),
        _card(dry),
        _run(home, "default_by_graphs", [device, *graphs], 180, 60, dry),
        _benchmark(home, "steps", 100, 45, dry),
        _run(home, "default", [device], 260, 90, dry),
        _benchmark(home, "simulation", 90, 50, dry),
    ]
    return [replace(step, limit=PATIENCE * step.limit) for step in plan] if dry else plan


def _tests(home: Path) -> Step:
    files = [
        str(path)
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if "pytest.mark.gpu" in path.read_text(encoding="utf-8")
    ]

    def read(output: str) -> tuple[Figures, dict]:
        found = re.findall(r"(\d+) (passed|failed|errors?|skipped)", output)
        counts = {word: int(number) for number, word in found}
        return [(f"tests {word}", number, "") for word, number in counts.items()], counts

    # the project's own choice of markers is replaced
    options = ["-q", "-p", "no:cacheprovider", "-m", "gpu", f"--basetemp={home}/tests"]
    return Step("tests", ["-m", "pytest", *options, *files], 90, 20, read)


def _run(home: Path, name: str, overrides: list[str], limit: float, least: float, dry: bool) -> Step:
    """Of scripts/train.py to its verdict, without drawing."""
    script, metrics = ROOT / "scripts" / "train.py", home / "checkpoints" / name / "metrics.json"
    given = [
        f"run={name}",
        f"checkpoint_dir={home}/checkpoints",
        f"log_dir={home}/logs",
        "figures=false",
        "logger=none",
        "seed=1",
        *(TINY if dry else ()),
    ]
    return Step(name, [str(script), *overrides, *given], limit, least, lambda output: _verdict(metrics, dry))


def _verdict(path: Path, dry: bool) -> tuple[Figures, dict]:
    found = json.loads(path.read_text(encoding="utf-8"))
    seconds = found["seconds"]
    figures: Figures = [
        ("the bar", "met" if found["bar_met"] else f"missed: {', '.join(found['missed'])}", ""),
        *((what, seconds[what], "s") for what in ("training", "verdict", "total")),
    ]
    figures += [(row["description"], row["value"], row["unit"]) for row in found["verdict"] if row["bar"] is not None]
    if found["bar_met"] or dry:
        return figures, found
    raise Finding(f"the bar is missed by {', '.join(found['missed'])}", figures, found)


def _card(dry: bool) -> Step:
    def read(output: str) -> tuple[Figures, dict]:
        found = json.loads(output.strip().splitlines()[-1])
        figures = [(row["what"], row["value"], row["unit"]) for row in found["rows"]]
        wrong = [row["what"] for row in found["rows"] if not row["right"]]
        if wrong:
            raise Finding(f"not as promised: {'; '.join(wrong)}", figures, found)
        return figures, found

    given = json.dumps({"gpus": 0 if dry else 1, "small": dry})
    return Step("card", ["-m", "benchmarks.card", given], 100, 40, read)


def _benchmark(home: Path, part: str, limit: float, least: float, dry: bool) -> Step:
    def read(output: str) -> tuple[Figures, dict]:
        found = json.loads((home / part / "benchmark.json").read_text(encoding="utf-8"))
        return [(row["what"], row["value"], row["unit"]) for row in found["rows"]], found

    sizes = ["gpus=0", "small=true", "repeats=1"] if dry else ["gpus=1", "repeats=3"]
    script = ROOT / "scripts" / "benchmark.py"
    command = [str(script), f"parts=[{part}]", f"output={home}/{part}", *sizes]
    return Step(f"benchmark_{part}", command, limit, least, read)


# -- running them --------------------------------------------------------------------------------------------------


def perform(
    plan: list[Step], log: Path, total: float = TOTAL, tell: Callable[[list[Outcome]], None] = lambda _: None
) -> list[Outcome]:
    """Run the steps one after the other within so many seconds; `tell` gets all outcomes so far after each."""
    ends, outcomes = time.monotonic() + total, []
    for step in plan:
        left = ends - time.monotonic()
        if left < step.least:
            outcome = Outcome(step.name, "skipped", f"{left:.0f} s are left, and it needs {step.least:.0f}")
        else:
            outcome = _perform(step, min(step.limit, left), log)
        outcomes.append(outcome)
        why = outcome.why and f": {outcome.why}"
        print(f"{total - ends + time.monotonic():5.0f} s  {outcome.name:<22} {outcome.state}{why}", flush=True)
        tell(outcomes)
    return outcomes


def _perform(step: Step, limit: float, log: Path) -> Outcome:
    began = time.monotonic()
    code, output = _call(step, limit, log)
    outcome = Outcome(step.name, "done", seconds=time.monotonic() - began)
    try:
        if code is None:
            raise Finding(f"stopped after {limit:.0f} s")
        if code:
            raise Finding(f"exit code {code}: {_last_line(output)}")
        outcome.figures, outcome.raw = step.read(output)
    except Finding as finding:
        why, *rest = finding.args
        outcome.state, outcome.why = "failed", one_line(why)
        if rest:
            outcome.figures, outcome.raw = rest
    except (OSError, ValueError, LookupError) as error:
        outcome.state, outcome.why = "failed", one_line(f"it left no result: {type(error).__name__}: {error}")
    return outcome


def _call(step: Step, limit: float, log: Path) -> tuple[int | None, str]:
    """Exit code, None where the limit was reached, and all that was printed, which goes to the log, too."""
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with open(log, "a+", encoding="utf-8", errors="replace") as file:
        file.write(f"\n=== {step.name}: {' '.join(step.command)}\n")
        file.flush()
        start = file.tell()
        process = subprocess.Popen(
            [sys.executable, *step.command],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
        try:
            code = process.wait(limit - min(GRACE, limit / 2))
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
        file.seek(start)
        return code, file.read()


def _end(process: subprocess.Popen) -> None:
    """The process and those that it started: told to, and after a while made to."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, how)
            process.wait(GRACE / 2)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    return (errors or lines or ["it printed nothing"])[-1]


# -- before and after ----------------------------------------------------------------------------------------------


def missing(folder: Path, dry: bool) -> tuple[list[str], dict[str, str]]:
    """What stands against a start, a line each, and card and versions where nothing does."""
    lines = _missing_packages()
    lines += _unwritable(folder)
    if lines:
        return lines, {}
    done = subprocess.run([sys.executable, "-c", ABOUT], capture_output=True, text=True)
    if done.returncode:
        return [f"torch or lightning cannot be imported: {_last_line(done.stderr)}"], {}
    about = json.loads(done.stdout.splitlines()[-1])
    if about["card"] is None and not dry:
        version = f"torch {about['torch']} (CUDA {about['CUDA']})"
        return [f"no GPU: {version} sees none; --dry-run tries the steps on the CPU"], {}
    return [], {name: "none" if value is None else value for name, value in about.items()} | {"driver": _driver()}


def _missing_packages() -> list[str]:
    """Packages that the runs and the tests import and that are not there."""
    import tomllib  # Python 3.11

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = []
    for asked in [*project["dependencies"], "pytest>=8"]:
        try:
            distribution(re.split(r"[<>=!~ \[]", asked)[0])
        except PackageNotFoundError:
            lines.append(f"missing package: {asked}")
    return lines


def _unwritable(folder: Path) -> list[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return []
    except OSError as error:
        return [f"cannot write in {folder}: {error.strerror}; give another folder"]


def _driver() -> str:
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return (done.stdout.split() or ["unknown"])[0]


def table(outcomes: list[Outcome], about: dict[str, str]) -> str:
    """All figures as one table of markdown, the machine first."""
    rows = [("machine", name, value, "") for name, value in about.items()]
    for outcome in outcomes:
        why = f"{outcome.state}: {outcome.why}" if outcome.why else outcome.state
        rows.append((outcome.name, "the step", why, f"{outcome.seconds:.0f} s"))
        rows += [
            (outcome.name, what, value if isinstance(value, str) else f"{value:.4g}", unit)
            for what, value, unit in outcome.figures
        ]
    return FileTable(("step", "what", "value", "unit"), rows, "llrl").markdown()


def main(arguments: list[str]) -> int:
    """Returns 0 where every step that was begun is done, 1 where one failed, 2 where something is missing to begin."""
    dry = "--dry-run" in arguments
    folders = [text for text in arguments if not text.startswith("-")]
    unknown = [text for text in arguments if text.startswith("-") and text != "--dry-run"]
    if unknown or len(folders) > 1:
        print(f"error: expected [--dry-run] [folder], got {' '.join(arguments)}", file=sys.stderr)
        return 2
    folder = Path(*folders or [os.environ.get("OUT") or ROOT / "logs" / "check-gpu"]).resolve()
    lines, about = missing(folder, dry)
    for line in lines:
        print(f"error: {one_line(line)}", file=sys.stderr)
    if lines:
        return 2
    print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, which ends the step, too
    log = folder / "check-gpu.log"
    log.unlink(missing_ok=True)

    def tell(outcomes: list[Outcome]) -> None:
        """After every step: whoever ends the check keeps what it found."""
        (folder / "check-gpu.md").write_text(table(outcomes, about), encoding="utf-8")
        found = {"machine": about, "dry_run": dry, "steps": [vars(outcome) for outcome in outcomes]}
        write_json(folder / "check-gpu.json", found)

    with tempfile.TemporaryDirectory(prefix="check-gpu-") as home:
        outcomes = perform(steps(Path(home), dry), log, TOTAL * (PATIENCE if dry else 1), tell)
    print("\n" + (folder / "check-gpu.md").read_text(encoding="utf-8"))
    for state in ("failed", "skipped"):
        names = [outcome.name for outcome in outcomes if outcome.state == state]
        print(f"{state}: {', '.join(names) or 'none'}")
    print(f"{folder}/check-gpu.md, .json, .log")
    return int(any(outcome.state == "failed" for outcome in outcomes))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
