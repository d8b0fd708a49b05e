"""Solve an economy on a grid: python scripts/reference.py [model=ks98] [reference=fine] [key=value ...]."""

from deepham.commands.cli import reference

if __name__ == "__main__":
    raise SystemExit(reference())
