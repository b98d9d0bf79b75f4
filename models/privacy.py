"""What a message may be for, and where a consent comes from."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.enums import Channel


class Purpose(StrEnum):
    """What words are for: what the customer must know about the order, or what the shop wants to sell."""

    SERVICE = "service"
    MARKETING = "marketing"


class ConsentSource(StrEnum):
    """Where a consent, or its end, comes from."""

    SHOP = "shop"
    """The shop's facts, as imported."""
    STOP = "stop"
    """The customer answered a text with STOP, or stopped texts on the order page."""
    START = "start"
    """The customer answered a text with START."""
    UNSUBSCRIBE = "unsubscribe"
    """The customer used the one-click link of a mail, or the provider's."""
    RESUBSCRIBE = "resubscribe"
    """The customer took that back at the provider."""
    SPAM_REPORT = "spam_report"
    STAFF = "staff"
    """Staff suppressed the address, or took that back."""


@dataclass(frozen=True, slots=True)
class RecordedConsent:
    """What somebody decided for an address, a channel and a purpose last."""

    given: bool
    source: ConsentSource
    at: datetime
    detail: str = ""
    """How it was told: by the link in a mail, a provider's event, or the member of staff who recorded it."""


@dataclass(frozen=True, slots=True)
class ImportedConsent:
    """How and when a customer last gave or withdrew a consent, as the shop's facts have it."""

    source: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConsentStanding:
    """Whether words of one purpose may go to a customer by one channel, since when, and who says so."""

    channel: Channel
    purpose: Purpose
    allowed: bool
    source: ConsentSource
    at: datetime | None
    """None: the shop's facts do not say when."""
    why: str
    """One plain sentence for staff."""
    detail: str = ""
    """How it was given or withdrawn, in the words of the source."""
