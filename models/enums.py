"""The enumerations that several capabilities share; their values are stored in the ledger."""

from enum import StrEnum


class Channel(StrEnum):
    """A way to reach people; each has one transport."""

    EMAIL = "email"
    SMS = "sms"
    X = "x"
    FACEBOOK = "facebook"
    BLUESKY = "bluesky"
    MASTODON = "mastodon"
    LINKEDIN = "linkedin"


DIRECT = (Channel.EMAIL, Channel.SMS)
"""Channels by which one person is written to."""
NETWORK_NAMES = {
    Channel.X: "X",
    Channel.FACEBOOK: "Facebook",
    Channel.BLUESKY: "Bluesky",
    Channel.MASTODON: "Mastodon",
    Channel.LINKEDIN: "LinkedIn",
}
NETWORKS = tuple(NETWORK_NAMES)
"""Public channels, as people name them: what is posted there, everybody reads."""


class Promise(StrEnum):
    """What was promised by the promised date."""

    SHIP = "ship"
    DELIVER = "deliver"


class State(StrEnum):
    """The state of a notice, a post or a purchase request; docs/delivery.md shows how it changes."""

    HELD = "held"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"


class ChangeKind(StrEnum):
    """What about a delay its customer does not know yet."""

    FIRST = "first"
    """There was no notice so far."""
    WORSE = "worse"
    """The order is in a worse bucket."""
    SLIPPED = "slipped"
    """The expected date is later than the communicated one, or has become unknown."""
    PASSED = "passed"
    """The communicated date has passed, and the order is still open."""
    ANOTHER = "another"
    """A line is late that was on time at the last notice, or that has a new promise since."""
    READY = "ready"
    """Good news: what was late is in stock for the order, and can leave."""
    EARLIER = "earlier"
    """Good news: the expected date is earlier than the communicated one by `restock.earlier_days` or more."""
    DATED = "dated"
    """A date is known, where the last notice said that none is."""
    WARNING = "warning"
    """It is likely to be late, and nothing is known of it yet."""
    IN_TIME = "in_time"
    """Good news after a warning: it is known now that it comes as promised."""


GOOD_CHANGES = (ChangeKind.READY, ChangeKind.EARLIER, ChangeKind.IN_TIME)
WITHOUT_OFFER = (*GOOD_CHANGES, ChangeKind.DATED, ChangeKind.WARNING)
"""Changes whose notices offer nothing: the notice of the delay itself has the offer."""


class RemedyKind(StrEnum):
    """What may be offered for a delay."""

    HANDLING_DATE = "handling_date"
    """No notice: the shop moves the handling date that it shows."""
    SUBSTITUTE = "substitute"
    SHIPPING_DISCOUNT = "shipping_discount"
    FUTURE_DISCOUNT = "future_discount"


class PostKind(StrEnum):
    """What a social post is about."""

    LATE = "late"
    """A product late in many orders."""
    BACK = "back"
    """A product in stock again that many orders waited for."""
    LOW = "low"
    """A product that sells and is nearly sold out."""
    OWN = "own"
    """What a person chose to say: nothing in it is checked again before it leaves."""


class PostState(StrEnum):
    """The state of a post as staff decide about it; what became of an approved one, its messages say."""

    DRAFT = "draft"
    WAITS = "waits"
    """It waits for approval: its text is fixed."""
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"


class SkipReason(StrEnum):
    """Why a notice is not sent, as staff read it."""

    NO_ADDRESS = "no_address"
    BAD_ADDRESS = "bad_address"
    NOT_MOBILE = "not_mobile"
    """A landline, or another number that receives no texts."""
    OPTED_OUT = "opted_out"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    NO_HOUR = "no_hour"
    RENDER_FAILED = "render_failed"
    """The message could not be rendered for this channel, or was too long; for another channel it could."""
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    CHANGED = "changed"
    SUPERSEDED = "superseded"
    DROPPED = "dropped"
    TOO_OLD = "too_old"
    TRIAL = "trial"
    """It was sent in a trial only, or still queued when the trial ended; a new notice follows after the trial."""


class SmtpTls(StrEnum):
    """How the connection to a mail relay is encrypted."""

    STARTTLS = "starttls"
    """It begins in plain text, usually on port 587, and is encrypted before anything is said."""
    TLS = "tls"
    """It is encrypted from the first byte, usually on port 465."""
    NONE = "none"
    """It is not: only for a relay on the same machine."""
