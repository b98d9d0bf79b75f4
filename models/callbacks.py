"""What providers tell about messages after they took them, and what it means."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any


class CallbackSource(StrEnum):
    """The kind of callback."""

    TWILIO_STATUS = "twilio_status"
    """What became of a text."""
    TWILIO_INBOUND = "twilio_inbound"
    """A text that somebody sent to the shop's number."""
    SENDGRID = "sendgrid"
    """What became of a mail."""
    TWILIO_RECORDS = "twilio_records"
    """What became of a text, as Twilio said when it was asked."""
    SENDGRID_RECORDS = "sendgrid_records"
    """What became of a mail, as SendGrid said when it was asked."""


@dataclass(frozen=True, slots=True)
class Callback:
    """One event of a provider, as it came."""

    source: CallbackSource
    key: str
    """The same for every copy of an event."""
    kind: str
    """The provider's name of the event or the status."""
    payload: Mapping[str, Any]
    """All fields, also those that are not known here."""
    reference: str = ""
    """The provider's own id of the message."""
    message_id: str = ""
    """Our id of the message; empty where the provider was not given one."""
    address: str = ""
    """The mail address or number that it is about."""
    happened_at: datetime | None = None
    """When it happened, by the provider's clock."""
    signed_at: datetime | None = None
    """When the provider signed it, where it says so."""


class Progress(StrEnum):
    """How far a message has come."""

    TAKEN = "taken"
    """The provider has it."""
    DELIVERED = "delivered"
    """The receiving server or network took it."""
    FAILED = "failed"
    """It will not arrive."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What an event says about a message and its address."""

    progress: Progress | None = None
    """None where it says nothing about the message."""
    reason: str = ""
    suppress: bool = False
    """Whether nothing more may be sent to the address."""
    retry_after: timedelta | None = None
    """When a message that failed may be sent again; None: never."""
    max_retries: int = 0
    channel_down: bool = False
    """Whether a person must repair the channel."""
    stops_marketing: bool = False
    resumes_marketing: bool = False
    for_staff: bool = False


class Effect(StrEnum):
    """What a callback changed, as the ledger keeps it."""

    NOTHING = "nothing"
    """It says nothing new."""
    SENT = "sent"
    """It settled a doubt: the provider has the message."""
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    QUEUED = "queued"
    """The message failed for a time, and is sent again."""
    CONFLICT = "conflict"
    """It contradicts how the message ended before; both are kept."""
    UNKNOWN = "unknown"
    """No such message is known."""
    SUPPRESSED = "suppressed"
    """Nothing more is sent to the address."""
    RESUMED = "resumed"
    """The person takes texts again."""
    MARKETING_STOPPED = "marketing_stopped"
    MARKETING_RESUMED = "marketing_resumed"
    MESSAGE = "message"
    """A person wrote something that staff must read."""


class Wish(StrEnum):
    """What a person who answers a text wants."""

    STOP = "stop"
    START = "start"
    HELP = "help"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a message stands when a report about it arrives."""

    state: str
    attempts: int = 0
    same_copy: bool = True
    """False where the report is about an earlier copy of it, which failed or was given up."""
    is_requeued: bool = False
    """Whether the report's copy is known, and the message waits to be sent again."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a report does to a message; `state` is None where it stays as it is."""

    effect: Effect
    state: str | None = None
    waits: bool = False
    """Whether the report is looked at again later, because the message is being sent."""
