"""The hardware that this process runs on, and what it has taken of it."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path


def peak_memory() -> float:
    """Peak resident memory of this process in MB, NaN where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


def machine(hardware: str) -> dict[str, str]:
    """Hardware and versions, for a manifest."""
    versions = {name: version(name) for name in ("numpy", "lightning", "scipy")}
    return {
        "hardware": hardware,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    } | versions


def cpu_name(used: int) -> str:
    """The processor, and so many of its cores."""
    try:  # Linux says there what Python's platform does not
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, ValueError, StopIteration):
        model = platform.processor() or platform.machine()
    return f"the CPU ({model}, {used} of {os.cpu_count()} cores)"
