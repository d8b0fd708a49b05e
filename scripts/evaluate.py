"""Measure a saved solution: python scripts/evaluate.py solution=checkpoints/<run> [agents=50] [reference=fine]."""

from deepham.commands.cli import evaluate

if __name__ == "__main__":
    raise SystemExit(evaluate())
