"""Measure what the project costs: python scripts/benchmark.py [parts=[steps,time_to_bar]] [repeats=5] [gpus=1]."""

from deepham.commands.cli import benchmark

if __name__ == "__main__":
    raise SystemExit(benchmark())
