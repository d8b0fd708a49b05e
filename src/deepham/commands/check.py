"""`deepham-check my_economy.yaml`: whether an economy keeps what every economy has to keep, in one table.

    deepham-check my_economy.yaml [beta=0.98 ...]      # or the name of an economy: deepham-check ks98

The last line is a training of a few seconds, which has to end in finite measures and in a solution that can be saved
and loaded. Exit code 0: all hold; 1: one does not, which the table says; 2: bad input.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import yaml
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from deepham import economics
from deepham.checks.run import Outcome, examine, outcome
from deepham.checks.trial import distance, hold
from deepham.commands.own_models import take_models
from deepham.commands.solve import solve
from deepham.economics.economy import Economy
from deepham.economics.model_file import UsersError
from deepham.errors import InputError, require, show
from deepham.presentation.saying import complain, say
from deepham.solution.loading import load

TINY = (
    "algorithm.outer_iterations=2",
    "algorithm.policy_steps=4",
    "algorithm.burn_in=20",
    "verdict.nodes=60",
    "verdict.burn_in=20",
    "verdict.periods=40",
    "verdict.dates=4",
)
BY_GRADIENTS = ("algorithm=deepham", "algorithm.economies=4", "algorithm.value_economies=4")  # any choices
BY_NEWTON = ("algorithm=euler_newton", "algorithm.newton.economies=4")  # what looks ahead, too
LEAST_AGENTS, HOUSEHOLDS = 20, 4  # in each economy; in the rarest individual state of it
TRAINING = "tiny training, saved and loaded"
SAME = 1e-6  # relative: training computes what networks are scaled by in single precision


def main(arguments: list[str] | None = None) -> int:
    """Look at the economy that the command line names. Returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or {"-h", "--help"} & set(words):
        print((__doc__ or "").strip())
        return 0 if words else 2
    torch.set_num_threads(1)
    try:
        name, parameters = _named(words[0]), _parameters(words[1:])
        economy = economics.create(name, **parameters)
    except InputError as error:
        if isinstance(error, UsersError):
            complain(error.told)
        complain(f"error: {error}")
        return 2
    found = [*examine(economy), outcome(TRAINING, lambda: train(name, economy))]
    say(table(name, found))
    wrong = [each for each in found if each.holds is False]
    say(f"{len(wrong)} of {len(found)} properties fail" if wrong else f"all {len(found)} properties hold")
    return int(bool(wrong))


def _named(word: str) -> str:
    """The name of the economy that a model file, or its name, means. Raises InputError."""
    require(
        "=" not in word, f"{word}: expected a model file, my_economy.yaml, or the name of an economy, and then settings"
    )
    (read,), warnings = take_models([f"model={word}"])
    for warning in warnings:
        complain(f"warning: {warning}")
    return read.removeprefix("model=")


def _parameters(words: list[str]) -> dict:
    found = {}
    for word in words:
        key, equals, value = word.removeprefix("model.").partition("=")
        require(bool(equals), f"{word}: expected a parameter of the economy, such as beta=0.98")
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise InputError(f"{word}: cannot be read; expected a number, or a list of them") from error
    return found


def train(name: str, economy: Economy) -> None:
    """Train for seconds, save, and load again."""
    base = () if economy.frictionless() is not None else ("network.base=typical",)
    base = base if economy.at_rest() is None else ("network.base=rest",)
    agents = max(LEAST_AGENTS, math.ceil(HOUSEHOLDS / float(economy.chain.eps_shares().clamp_min(1e-3).min())))
    method = BY_NEWTON if economy.foreseen else (*BY_GRADIENTS, f"algorithm.agents={agents}")
    solution = solve(name, 1, [*TINY, *method, *base], None, None, False, economy.parameters())
    wrong = {key: value for key, value in solution.meta["measures"].items() if not math.isfinite(value)}
    hold(not wrong, f"measures are NaN or infinite: {show(wrong)}")
    with TemporaryDirectory() as folder:
        again = load(solution.save(Path(folder) / "solution"))
    seen = solution.world.before(solution.cross_sections)
    gap = distance(solution.policy_function(seen), again.policy_function(seen))
    hold(gap < SAME, f"the solution that is loaded chooses by {gap:.1g} otherwise than the one that was saved")


def table(name: str, outcomes: list[Outcome]) -> Table:
    """For the terminal: one line for each property."""
    shown = Table(
        title=Text(f"What {name} has to keep"), title_justify="left", box=SIMPLE_HEAD, show_edge=False, padding=0
    )
    shown.add_column("property", no_wrap=True)
    shown.add_column("", no_wrap=True)
    shown.add_column("what is wrong")
    words = {True: "holds", False: "FAILS", None: "not asked"}
    for each in outcomes:
        shown.add_row(Text(each.name), words[each.holds], Text(each.said))
    return shown


if __name__ == "__main__":
    raise SystemExit(main())
