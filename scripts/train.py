"""Train an economy: python scripts/train.py [model=ks98] [trainer.gpus=1] [key=value ...]; --help lists the keys."""

from deepham.commands.cli import train

if __name__ == "__main__":
    raise SystemExit(train())
