"""Where the configuration lies: inside an installed package, or at the top of a source checkout."""

from __future__ import annotations

from pathlib import Path


def conf_folder() -> Path:
    """The folder conf/: package data of an installed wheel, else the checkout's own."""
    package = Path(__file__).resolve().parent
    packaged = package / "conf"
    return packaged if packaged.is_dir() else package.parents[1] / "conf"
