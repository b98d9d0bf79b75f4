"""Sort the lines of an order as people number them."""

import re

_DIGITS = re.compile(r"(\d+)")


def natural_key(number: str) -> tuple[tuple[bool, int, str], ...]:
    """Return a sort key for line numbers: 1, 2, 10 rather than 1, 10, 2; numbers come before words."""
    return tuple((not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in _DIGITS.split(number))
