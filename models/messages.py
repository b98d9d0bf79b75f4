"""TODO."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from models.enums import Channel, State


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail: its name, its media type, its bytes."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """Words ready to leave by one channel."""

    id: str
    """The id of the notice or post, which the door hands to the provider as its reference."""
    channel: Channel
    to: str
    """The address or number; empty for a post."""
    text: str
    """The text mail, the SMS, or the post."""
    locale: str = "en"
    subject: str = ""
    html: str = ""
    to_name: str = ""
    category: str = ""
    """The message's folder; holds nothing of any person."""
    valid_until: datetime | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider answered when it took a message."""

    reference: str
    """The provider's own id of the message."""
    detail: Mapping[str, str] = field(default_factory=dict)
    trial: bool = False
    """Whether no customer got it: it went to the local outbox, to a test address, or into a provider's sandbox."""


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """How one message ended, or when it may be tried again."""

    id: str
    state: State
    reason: str = ""
    reference: str | None = None
    not_before: datetime | None = None
    valid_until: datetime | None = None
    suppress: str | None = None
    """An address that must not be written to again."""
    trial: bool = False
    """Whether it left in a trial only: no customer got it."""
    rests: bool = False
    """Whether the provider asked that nothing of the channel comes until `not_before`."""
