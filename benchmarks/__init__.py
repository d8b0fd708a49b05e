"""What the project costs: time to accuracy, time of a step, memory, growth. `scripts/benchmark.py` runs it.

It stands beside the package, which does not know it, and is in no wheel.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def benchmark() -> int:
    """`python scripts/benchmark.py`. Returns the exit code."""
    from deepham.training.cli import run_script  # check_gpu.py looks for what is missing before it is imported

    return run_script("benchmark", "benchmarks.run")
