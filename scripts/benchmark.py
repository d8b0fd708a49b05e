"""Measure what the project costs: python scripts/benchmark.py [parts=[steps,time_to_bar]] [repeats=5] [gpus=1]."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # benchmarks/ is no part of what is installed

from benchmarks import benchmark  # noqa: E402 (found once the path is set)

if __name__ == "__main__":
    raise SystemExit(benchmark())
