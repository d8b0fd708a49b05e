"""Means and standard deviations of the measures over runs: python scripts/summarize.py runs='checkpoints/ks98-*'."""

from deepham.commands.cli import summarize

if __name__ == "__main__":
    raise SystemExit(summarize())
