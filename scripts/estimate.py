"""Estimate parameters: python scripts/estimate.py solution=checkpoints/<run> data=my.csv 'moments=[sd.Y,ratio.K]'."""

from deepham.commands.cli import estimate

if __name__ == "__main__":
    raise SystemExit(estimate())
