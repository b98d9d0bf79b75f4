"""What a message may be for, and where a consent comes from."""

from enum import StrEnum


class Purpose(StrEnum):
    """What words are for: what the customer must know about the order, or what the shop wants to sell."""

    SERVICE = "service"
    MARKETING = "marketing"


class ConsentSource(StrEnum):
    """Where a consent, or its end, comes from."""

    SHOP = "shop"
    """The shop's facts, as imported."""
    STOP = "stop"
    """The customer answered a text with STOP."""
    START = "start"
    """The customer answered a text with START."""
    UNSUBSCRIBE = "unsubscribe"
    """The customer used the one-click link of a mail, or the provider's."""
    SPAM_REPORT = "spam_report"
    STAFF = "staff"
