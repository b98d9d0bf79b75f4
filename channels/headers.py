"""Make text safe for mail headers and subjects, where a line break would start another header."""

import re

from email_validator import validate_email

ADDRESS_PATTERN = re.compile(r"[^\s\"'<>(),;:]+@[^\s\"'<>(),;:]+")
"""A mail address in a provider's words, to be masked before they are logged."""
_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def one_line(text: str) -> str:
    """Return the text on one line, with one space for each run of line breaks and control characters."""
    return _BREAKS.sub(" ", text).strip()


def unsubscribe_headers(url: str) -> dict[str, str]:
    """Return the headers by which mail software unsubscribes with one click (RFC 8058); none without an address."""
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} if url else {}


def ascii_address(address: str) -> str:
    """Return a mail address with its domain in ASCII (Punycode)."""
    return validate_email(address, check_deliverability=False).ascii_email or address
