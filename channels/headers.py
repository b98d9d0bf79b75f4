"""Make text safe for mail headers and subjects, where a line break would start another header."""

import re
from collections.abc import Callable

from email_validator import validate_email

from models.messages import Message

ADDRESS_PATTERN = re.compile(r"[^\s\"'<>(),;:]+@[^\s\"'<>(),;:]+")
"""A mail address in a provider's words, to be masked before they are logged."""
_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def one_line(text: str) -> str:
    """Return the text on one line, with one space for each run of line breaks and control characters."""
    return _BREAKS.sub(" ", text).strip()


def unsubscribe_headers(url: str) -> dict[str, str]:
    """Return the headers by which mail software unsubscribes with one click (RFC 8058); none without an address."""
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} if url else {}


def mail_headers(message: Message, domain: str, id_of: Callable[[str], str] = str) -> dict[str, str]:
    """Return what every mail says of itself beside sender, recipient and subject, whatever transport takes it.

    Its Message-ID is the same at each try, so that a copy can be told as one (RFC 5322). A mail joins the thread of the
    first one about its order. Answering machines answer none (RFC 3834).
    """
    headers = {"Message-ID": f"<{id_of(message.id)}@{domain}>"}
    if message.follows:
        headers["In-Reply-To"] = headers["References"] = f"<{id_of(message.follows)}@{domain}>"
    headers["Auto-Submitted"] = "auto-replied" if message.is_answer else "auto-generated"
    return headers | unsubscribe_headers(message.unsubscribe_url)


def mail_domain(address: str) -> str:
    """Return the domain of a mail address in ASCII."""
    return ascii_address(address).rpartition("@")[2]


def ascii_address(address: str) -> str:
    """Return a mail address with its domain in ASCII (Punycode)."""
    return validate_email(address, check_deliverability=False).ascii_email or address
