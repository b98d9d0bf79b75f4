"""Messages, and what became of sending them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from models.enums import Channel, State
from models.experiments import Wording


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file attached to a mail; `kind` is its media type."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """The picture of a post; `kind` is its media type, as image/jpeg."""

    content: bytes
    kind: str
    description: str
    """What it shows, for people who do not see it."""


@dataclass(frozen=True, slots=True)
class LinkCard:
    """What networks that look at no page by themselves show of a post's link."""

    url: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered message for one channel."""

    id: str
    """The id of the notice or post. The transport gives it to the provider as its reference."""
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
    """The name of the message's template folder; it contains no personal data."""
    valid_until: datetime | None = None
    attachments: tuple[Attachment, ...] = ()
    picture: Picture | None = None
    """Of a post."""
    card: LinkCard | None = None
    """Of a post with a link and without a picture."""
    unsubscribe_url: str = ""
    """The address that stops marketing mails to `to`; empty for what is no marketing, as every notice of a delay."""
    statements: tuple[str, ...] = ()
    """What a notice says, as far as a law asks for it: Statements."""
    has_note: bool = False
    """Whether the personal note of its plan is in its words; the shop's own templates may leave it out."""
    follows: str = ""
    """The id of the first mail about its order, whose thread a mail joins; empty where it begins one."""
    is_answer: bool = False
    """Whether a mail answers what its recipient did; any other is written by itself."""
    days_late: int | None = None
    """How late its order is, for a provider's statistics; None for what is no notice."""
    days_group: str = ""
    """The same as the shop's policy groups it, as `8 to 14`."""
    wording: Wording | None = None
    """The wording of a trial; None where there is none, or both are the same in this language and channel."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider's answer that it took a message."""

    reference: str
    """The provider's own id of the message."""
    detail: Mapping[str, str] = field(default_factory=dict)
    trial: bool = False
    """True when no customer got it: it went to the local outbox, a test address or a provider's sandbox."""


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """What became of one attempt to send a message: a final state, or queued again."""

    id: str
    state: State
    reason: str = ""
    reference: str | None = None
    not_before: datetime | None = None
    valid_until: datetime | None = None
    new_hours: bool = False
    """True when `valid_until` replaces the message's own, also where it is None."""
    suppress: str | None = None
    """An address to add to the suppression list."""
    trial: bool = False
    """True when no customer got it, as in `Receipt`."""
    pauses_channel: bool = False
    """True when the provider asked for a pause of the whole channel until `not_before`."""
    channel_down: bool = False
    """True when a person must repair the channel; `reason` is the provider's."""
    may_have_arrived: bool = False
    """True when the recipient may have an earlier copy, sent under the same id."""
