"""What is shown of a run while it goes on: the terminal and the loggers."""

from deepham.system.quick_imports import quicken

quicken()
