"""The codes of everything that has a few kinds, and messages with what became of them."""

from enum import StrEnum


class Channel(StrEnum):
    """A way to reach people; each has one door."""

    EMAIL = "email"
    SMS = "sms"
    X = "x"


class Promise(StrEnum):
    """What was promised by the promised date."""

    SHIP = "ship"
    DELIVER = "deliver"


class State(StrEnum):
    """Where a notice or a post stands in its life."""

    HELD = "held"
    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"


class ChangeKind(StrEnum):
    """Why there is something to say that was not said yet."""

    FIRST = "first"
    """Nothing was told so far."""
    WORSE = "worse"
    """The order moved into a later bucket."""
    SLIPPED = "slipped"
    """The date is now later than the one told, or has become unknown."""
    PASSED = "passed"
    """The date told has passed and the order is still open."""
    ANOTHER = "another"
    """A line is late that was on time when we wrote, or that has a new promise since."""
    READY = "ready"
    """Good news: what was told to be late is there for the order, and can go."""
    EARLIER = "earlier"
    """Good news: the date is earlier than the one told, by enough to say so."""
    DATED = "dated"
    """A date is known now, where the customer was told that none is."""


GOOD_CHANGES = (ChangeKind.READY, ChangeKind.EARLIER)
WITHOUT_OFFER = (*GOOD_CHANGES, ChangeKind.DATED)
"""News that offers nothing: what there was to offer came with the delay itself."""


class RemedyKind(StrEnum):
    """What may be offered for the wait."""

    HANDLING_DATE = "handling_date"
    """Nothing is said: the shop moves the handling date that it shows."""
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
    """A product that sells, of which few are left."""


class SkipReason(StrEnum):
    """Why a notice is not sent; the words staff read."""

    NO_ADDRESS = "no_address"
    BAD_ADDRESS = "bad_address"
    NOT_MOBILE = "not_mobile"
    """A landline, or another number that takes no texts."""
    OPTED_OUT = "opted_out"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    NO_HOUR = "no_hour"
    RENDER_FAILED = "render_failed"
    """This channel's words could not be rendered or did not fit; another channel's could."""
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    CHANGED = "changed"
    SUPERSEDED = "superseded"
    DROPPED = "dropped"
    TOO_OLD = "too_old"
    TRIAL = "trial"
    """It went out in a trial only, or waited when the trial ended; its customer is told after it, by a new notice."""
