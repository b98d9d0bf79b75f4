"""Text that goes into a header or a subject, where a line break would begin another header."""

import re

from email_validator import validate_email

_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def one_line(text: str) -> str:
    """Return the text on one line, with a space for every run of breaks and control characters."""
    return _BREAKS.sub(" ", text).strip()


def ascii_address(address: str) -> str:
    """Return a mail address with its domain as mail servers spell it."""
    return validate_email(address, check_deliverability=False).ascii_email or address
