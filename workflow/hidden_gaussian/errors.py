"""The one error that is the user's to repair."""


class InputError(Exception):
    """Bad input, told in one sentence: which file or key, what was found, what was expected, what to do."""
