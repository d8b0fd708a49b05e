"""What Hydra and OmegaConf say of a setting, in one line that says how to mend it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from difflib import get_close_matches

from hydra import compose
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from deepham.commands.composing import composing
from deepham.errors import (
    one_line,
    show,
)
from deepham.runs.overrides import override
from deepham.system.paths import NAMES

# launchers and sweepers of Hydra -> the extra of this package that brings them
EXTRAS = {"optuna": "sweep", "joblib": "sweep", "submitit_local": "cluster", "submitit_slurm": "cluster"}


def explain(error: Exception, config_name: str, words: Sequence[str] = ()) -> str:
    """One line for an error of Hydra or OmegaConf: what was given, what was expected, how to mend it.

    words: of the command line, of which the economy is taken whose parameters are known.
    """
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    text = str(error)
    if "Config group override must be" in text:
        return "a group of settings needs the name of an option, not null; a single callback can be null"
    group = re.search(r"Could not (?:find|load) '([^']+)/([^'/]*)'", text)
    if group and group[2] in EXTRAS and group[1].startswith("hydra/"):
        return f"{group[1]}={group[2]} is not installed; pip install -c constraints.txt -e '.[{EXTRAS[group[2]]}]'"
    if group:
        choices = re.findall(r"^\t(\S+)$", text, re.MULTILINE)
        return f"{group[1]}={group[2]}: there is no such option; choose from {', '.join(choices)}"
    unknown = re.search(r"Could not override '([^']+)'|Key '([^']+)' is not in struct", text)
    if unknown:
        key = unknown[1] or unknown[2]
        if key in ("period", "model.period"):
            return f"{key}: unknown key; a period is as long as the economy's file says, and parameters are per period"
        known = _known_keys(config_name, [word for word in words if word.startswith("model=") and "," not in word])
        inside = [name for name in known if name.endswith(f".{key}")]
        close = sorted(inside, key=lambda name: not name.startswith("model."))[:1] or get_close_matches(key, known, n=1)
        siblings = [name for name in known if name.rpartition(".")[0] == key.rpartition(".")[0]]
        hint = f"did you mean {close[0]}?" if close else f"known beside it: {', '.join(siblings) or ', '.join(known)}"
        return f"{key}: unknown key; {hint}"
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    if isinstance(error, OverrideParseException):
        return _unread(error.override or "", lines[0])
    return one_line(" ".join(lines[:2]) or f"configuration: {type(cause).__name__}")


def _unread(text: str, reason: str) -> str:
    """What is wrong with an override that Hydra cannot read."""
    key, _, value = text.partition("=")
    if key.lstrip("+") == "run":
        return f"run: {NAMES}, got {show(value)}"
    # an open bracket or quote is what it is; of a path or a name the quotes are missing
    advice = (
        "" if not value or set(value) & set("[]{}'\"") else f", or quotes inside: {shlex.quote(override(key, value))}"
    )
    return f"{text}: cannot be read; {reason}{advice}"


def _known_keys(config_name: str, overrides: list[str]) -> list[str]:
    def keys(cfg: DictConfig, prefix: str = ""):
        for key in cfg:
            node = cfg._get_node(key)
            yield f"{prefix}{key}"
            if isinstance(node, DictConfig) and not node._is_none():
                yield from keys(node, f"{prefix}{key}.")

    with composing():
        try:
            return list(keys(compose(config_name, overrides=overrides)))
        except (HydraException, OmegaConfBaseException):  # of another word that is wrong
            return list(keys(compose(config_name)))
