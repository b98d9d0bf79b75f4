"""The order in which people list an order's lines."""

import re

_DIGITS = re.compile(r"(\d+)")


def natural_key(number: str) -> tuple[tuple[bool, int, str], ...]:
    """Return the key by which line numbers sort as people count: 1, 2, 10; numbers before words."""
    return tuple((not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in _DIGITS.split(number))
