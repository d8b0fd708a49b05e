"""How the commands are typed here: as scripts of the project's folder, or by the names that a wheel installs."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from deepham.system.paths import conf_folder

INSTALLED = "deepham-"
SCRIPT = re.compile(r"python scripts/(train|estimate|evaluate|reference|report|summarize)\.py")


def command(name: str) -> list[str]:
    """The words that start a command, such as train: deepham-train where that was typed or the project's folder is
    not there."""
    packaged = conf_folder().parent == Path(__file__).resolve().parents[1]
    by_name = packaged or Path(sys.argv[0]).name.startswith(INSTALLED)
    return [f"{INSTALLED}{name}"] if by_name else ["python", f"scripts/{name}.py"]


def called(name: str) -> str:
    """The same as a text."""
    return " ".join(command(name))


def as_typed(text: str) -> str:
    """A text with the commands in it as they are typed here."""
    return SCRIPT.sub(lambda found: called(found[1]), text)
