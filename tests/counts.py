"""How many random inputs, flips, kills or rounds a test makes: few by default, many in `make long`.

A variable of the environment, such as `MEDUSA_KILLS=50`, gives another number.
"""

import os

LONG = "MEDUSA_LONG_TESTS" in os.environ


def count(variable: str, short: int, long: int) -> int:
    """Return the number that the variable gives, or else the one of the short or long version."""
    return int(os.environ.get(variable) or (long if LONG else short))
