"""Entry of the scripts: Hydra composes the configuration, and whatever goes wrong is one line and an exit code."""

from __future__ import annotations

import os
import re
import sys
import traceback
from functools import partial
from importlib import import_module

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from deepham.commands.composing import check_files, check_flags, composing, read_words
from deepham.commands.explaining import explain
from deepham.commands.help import groups_of, help_page
from deepham.errors import (
    InputError,
    NotConverged,
    NotSaved,
    OutOfDomain,
    ProcessLost,
    TrainingDiverged,
    one_line,
)
from deepham.presentation.saying import complain, forgive_letters
from deepham.system import installed
from deepham.system.allocator import collect_seldom, keep_freed_memory
from deepham.system.interruption import STOPPING, Interrupted, interruptible
from deepham.system.paths import conf_folder
from deepham.system.quick_imports import quicken

NODES = re.compile(r"\+*trainer\.nodes=(?!1$).*")  # a command line that asks for several


class JobFailed(RuntimeError):
    """A job without a result, which has said why; its sweeper decides whether it goes on."""


def train() -> int:
    """`python scripts/train.py`, or, of an installed package, `deepham-train`. Returns the exit code."""
    quicken()
    if not any(NODES.fullmatch(text) for text in sys.argv[1:]):
        return run_script("train", "deepham.commands.train")
    from deepham.commands.started_by import find_environment
    from deepham.system.nodes import take_part  # torch

    try:
        read_models("train", sys.argv[1:])  # the others are handed objects of these classes
        return take_part(partial(run_script, "train", "deepham.commands.train"), find_environment)
    except (InputError, ProcessLost) as error:
        _complain_of(error)
        return 2 if isinstance(error, InputError) else 1


def reference() -> int:
    """`python scripts/reference.py`, or `deepham-reference`. Returns the exit code."""
    return run_script("reference", "deepham.commands.reference")


def evaluate() -> int:
    """`python scripts/evaluate.py`, or `deepham-evaluate`. Returns the exit code."""
    return run_script("evaluate", "deepham.commands.evaluate")


def summarize() -> int:
    """`python scripts/summarize.py`, or `deepham-summarize`. Returns the exit code."""
    return run_script("summarize", "deepham.commands.summarize")


def report() -> int:
    """`python scripts/report.py`, or `deepham-report`. Returns the exit code."""
    return run_script("report", "deepham.commands.report")


def estimate() -> int:
    """`python scripts/estimate.py`, or `deepham-estimate`. Returns the exit code."""
    return run_script("estimate", "deepham.commands.estimate")


def run_script(config_name: str, module: str) -> int:
    """Call `run` of the module with conf/<config_name>.yaml and the overrides of the command line.

    Returns the exit code: 0 done, 2 bad input, 128 + signal when interrupted, 1 anything else. A sweep runs all of its
    jobs and returns 1 if one of them failed.
    """
    if {"-h", "--help"} & set(sys.argv[1:]):
        return _help(config_name)
    collect_seldom()
    arguments = list(sys.argv)
    words = arguments[1:]
    try:
        words = read_models(config_name, words)
        _check(config_name, words)
    except InputError as error:
        _complain_of(error)
        return 2
    except Exception as error:  # whatever Hydra and OmegaConf have to say about a setting
        _complain(explain(error, config_name, words))
        return 2
    keep_freed_memory()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let exceptions through to here instead of a printed traceback and exit 1
    os.environ.setdefault("SUBMITIT_PREEMPT_SIGNAL", "USR1")  # submitit's own is one that a run does not hear
    codes: list[int] = []  # of the jobs in this process; those that a launcher starts in others get a copy
    home, sys.argv = os.getpid(), [arguments[0], *words]  # which Hydra reads

    def job(cfg: DictConfig):
        elsewhere = os.getpid() != home  # in a process of its own, which a launcher has started
        sys.argv = list(arguments)  # a run says how it was started
        if elsewhere:
            read_models(config_name, arguments[1:])
        try:
            code, result = _attempt(module, cfg)
        except Interrupted:  # as its status.json says; elsewhere it ends with its job
            if not elsewhere:
                raise
            code, result = 1, None
        codes.append(code)
        result = float("nan") if result is None else result
        # a sweeper that searches takes no NaN, and other scripts leave no status.json to tell this process by
        searched = not HydraConfig.get().sweeper._target_.endswith(".BasicSweeper") and result != result
        if searched or elsewhere and code and config_name != "train":
            raise JobFailed(f"a job has no result: {' '.join(HydraConfig.get().overrides.task)}")
        return result

    try:
        with interruptible(*STOPPING):
            hydra.main(version_base="1.3", config_path=str(conf_folder()), config_name=config_name)(job)()
    except Interrupted as stop:
        _conclude_sweep()
        return stop.exit_code
    # jobs keep theirs to themselves: this one is about the configuration, or a process is gone
    except Exception as error:
        lost = _conclude_sweep() is not None or isinstance(error, JobFailed)
        _complain(f"{type(error).__name__}: {error}" if lost else explain(error, config_name, words))
        return 1 if lost else 2
    finally:
        sys.argv = arguments
    if not codes:
        return _conclude_sweep() or 0
    return codes[0] if len(codes) == 1 else int(any(codes))


def _check(config_name: str, arguments: list[str]) -> None:
    """Look at the command line before Hydra does. Raises InputError, and whatever Hydra and OmegaConf raise."""
    words = read_words(arguments)
    check_flags(words)
    check_choices(words.overrides)
    if words.hydra_help or words.shell_completion:
        return
    if words.multirun:
        from deepham.commands.check_sweep import check_sweep  # torch, for sweeps only

        return check_sweep(config_name, words.overrides, words.config_dir)
    with composing(words.config_dir) as loader:
        check_files(loader, config_name, words.overrides)


def read_models(config_name: str, words: list[str]) -> list[str]:
    """The words that Hydra is to read, where they hand over economies of one's own; warnings are printed.

    Raises:
        InputError: a file, a class or a name that is no economy.
    """
    registered = {point.name for point in installed.economies()}
    options = {option for word in words if word.startswith("model=") for option in word[6:].split(",")}
    if not any(option.strip("'\"").endswith((".yaml", ".yml")) or option in registered for option in options):
        return words
    from deepham.commands.own_models import take_models  # torch

    read, warnings = take_models(words, "model" in groups_of(config_name))
    for warning in warnings:
        complain(f"warning: {warning}")
    return read


def _attempt(module: str, cfg: DictConfig) -> tuple[int, float | None]:
    """Exit code and result of one run, which says what went wrong: a failed job must not end a sweep. Raises
    Interrupted."""
    try:
        # imported here, after --help and bad overrides: torch and lightning load slowly
        with interruptible(*STOPPING):
            return 0, import_module(module).run(cfg)
    except InputError as error:
        _complain_of(error)
        return 2, None
    except (NotConverged, OutOfDomain, TrainingDiverged, ProcessLost, NotSaved) as error:
        _complain(str(error))
        return 1, None
    except Exception as error:  # the traceback says where the bug is
        complain(traceback.format_exc().rstrip())
        _complain(f"{type(error).__name__}: {error}")
        return 1, None


def _conclude_sweep() -> int | None:
    """Let a sweep whose jobs have begun say how they went, unless it has; its exit code, None where there is no such
    sweep."""
    sweep = sys.modules.get("deepham.runs.summary")
    return sweep and sweep.SweepSummary.conclude_latest()


def check_choices(overrides: list[str]) -> None:
    """Raise InputError for a group of settings whose option is not a plain name: Hydra reads any file that
    model=../../file leads to, and an interpolation could become such a path.
    """
    for text in overrides:
        key, _, choice = text.partition("=")
        options = conf_folder() / key.lstrip("+~").partition("@")[0]
        if set(choice) & set("/\\$") and options.is_dir():
            raise InputError(
                f"{text}: there is no such option; choose from "
                f"{', '.join(sorted(path.stem for path in options.glob('*.yaml')))}"
                + (
                    ", or give the file of an economy of your own, model=path/to/my_economy.yaml"
                    * (options.name == "model")
                )
            )


def _help(config_name: str) -> int:
    try:
        forgive_letters()
        print(help_page(config_name, sys.argv[1:]), flush=True)
    except InputError as error:
        _complain_of(error)
        return 2
    except BrokenPipeError:  # --help | head; what is left to write goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _complain(line: str) -> None:
    complain(f"error: {one_line(line)}")


def _complain_of(error: Exception) -> None:
    """In one line, after the traceback of a user's own file where that raised it."""
    told = getattr(error, "told", "")
    if told:
        complain(told)
    _complain(str(error))
