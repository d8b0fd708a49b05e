"""Where the configuration lies, what the file of an economy may set, and whether results can lie where they are to."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from deepham.errors import InputError, show

# of a run, in words; RUN_NAME in commands/configuration.py is the same as an expression
NAMES = "expected a name of at most 200 letters, digits, '-', '_' and '.', beginning with none of '-' and '.'"

# groups of settings that the file of an economy may have
MODEL_GROUPS = ("model", "network", "algorithm", "verdict", "reference", "study")


def conf_folder() -> Path:
    """The folder conf/: package data of an installed wheel, else the checkout's own, at its top."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "conf"
    return packaged if packaged.is_dir() else package.parents[1] / "conf"


def check_folder(name: str, path) -> None:
    """Raise InputError unless the path is a folder or can become one, before the work whose result it is for."""
    # letters below the space: a name of two lines, or with an end in the middle
    if not isinstance(path, str) or min(path, default="\0") < " ":
        raise InputError(f"{name}: expected a folder, got {show(path)}")
    try:
        taken = not stat.S_ISDIR(os.stat(path).st_mode)
    except FileNotFoundError:
        taken = os.path.islink(path)
    except (OSError, ValueError) as error:  # a file on the way, a name that is too long, half a surrogate pair
        reason = getattr(error, "strerror", None) or "no name of a file"
        raise InputError(f"{name}: {show(path)} cannot be a folder ({reason})") from error
    if taken:
        raise InputError(f"{name}: {path} is a file, expected a folder")
