"""The errors that the project raises on purpose."""


class InputError(ValueError):
    """Bad input: one line that says what was given, what was expected and how to mend it.

    The scripts print the line and exit with code 2; a caller in Python catches it as a ValueError.
    """


class TrainingDiverged(RuntimeError):
    """A loss became infinite or NaN; the message says where, and what is saved. Exit code 1."""
