"""The one error that the project raises for bad input."""


class InputError(ValueError):
    """Bad input: one line that says what was given, what was expected and how to mend it.

    The scripts print the line and exit with code 2; a caller in Python catches it as a ValueError.
    """
