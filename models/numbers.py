"""The numbers that a shop judges Forewarn by, each for one day."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class Measure(StrEnum):
    """What a row of `day_number` counts."""

    COUNTED = "counted"
    """When the day was last counted, in seconds since 1970."""
    TOLD = "told"
    """Orders whose customer got the first message about the delay on this day, by bucket."""
    IN_TIME = "in_time"
    """Those of them that were told before the promised day."""
    TWICE = "twice"
    """Messages that repeat to the same address what the one before said; it must be 0."""
    MESSAGES = "messages"
    """Messages about delays that left or failed, by channel and state."""
    ANSWERS = "answers"
    """Choices of customers, by bucket and act."""
    KEPT = "kept"
    """Orders with an answer, by bucket: `kept` or `cancelled`, as their last choice of the day says."""
    OFFERS = "offers"
    """Offers made, by bucket and kind."""
    OFFER_VALUE = "offer_value"
    """The value of the discounts given, by currency, in ten-thousandths."""


KEPT, CANCELLED = "kept", "cancelled"
Key = tuple[Measure, str, str]
"""A measure, its part and its kind."""


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    count: int
    of: int


@dataclass(frozen=True, slots=True)
class ChannelReach:
    """What became of the messages of one channel."""

    channel: str
    sent: int
    """Messages that the provider took."""
    delivered: int
    """Those of them that are known to have arrived."""
    came_back: int
    """Those of them that are known not to have arrived."""
    refused: int
    """Messages that the provider refused."""
    not_sent: int
    """Messages that were decided and not sent, because of a reason that staff can read."""

    @property
    def total(self) -> int:
        """Return all messages that were decided."""
        return self.sent + self.refused + self.not_sent


@dataclass(frozen=True, slots=True)
class BucketNumbers:
    """What happened to orders of one bucket."""

    bucket: str
    told: int = 0
    in_time: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    """Choices by act."""
    offers: dict[str, int] = field(default_factory=dict)
    """Offers by kind."""
    kept: int = 0
    cancelled: int = 0

    @property
    def answered(self) -> int:
        """Return the orders whose customers answered."""
        return self.kept + self.cancelled


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of a period."""

    first: date
    last: date
    counted_at: datetime | None
    """When the newest day was counted; None where no day of the period was."""
    days: int
    """Days of the period that were counted."""
    buckets: tuple[BucketNumbers, ...]
    channels: tuple[ChannelReach, ...]
    twice: int
    offer_value: dict[str, Decimal]
    """The value of the discounts given, by currency."""
    message_cost: dict[str, Decimal]
    """The cost of the messages sent, by currency; empty where the policy names no price."""
    unpriced: int
    """Messages sent of channels without a price."""

    @property
    def in_time(self) -> Share:
        """Return the orders told before the promised day, out of those told."""
        return Share(sum(one.in_time for one in self.buckets), sum(one.told for one in self.buckets))

    @property
    def kept(self) -> Share:
        """Return the orders that were kept, out of those whose customers answered."""
        return Share(sum(one.kept for one in self.buckets), sum(one.answered for one in self.buckets))

    @property
    def answered(self) -> int:
        """Return all choices of customers."""
        return sum(sum(one.answers.values()) for one in self.buckets)

    @property
    def offered(self) -> int:
        """Return all offers."""
        return sum(sum(one.offers.values()) for one in self.buckets)
