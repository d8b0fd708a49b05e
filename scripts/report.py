"""Report on a saved solution: python scripts/report.py [solution=checkpoints/<run>] [compare=[checkpoints/<other>]]."""

from deepham.commands.cli import report

if __name__ == "__main__":
    raise SystemExit(report())
