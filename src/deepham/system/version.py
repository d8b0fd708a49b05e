"""The version of the package, which a solution is saved with."""

__version__ = "0.1.0"
