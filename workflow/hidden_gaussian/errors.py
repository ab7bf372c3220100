"""The error that a user can correct."""


class InputError(Exception):
    """Bad input, in one sentence: the file or key, what was found, what was expected, what to do."""
