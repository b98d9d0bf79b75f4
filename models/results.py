"""What messages led to: numbers by days late, message and wording, and the definition of each."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from models.customers import Act
from models.policy.experiments import ExperimentPolicy

KEPT = "kept"
"""The kind of the messages of a trial run, which were kept here and told nobody; they count as `told` of this kind."""


class ResultMeasure(StrEnum):
    """A column of `result_number`: what is counted of the messages that left on its day."""

    COUNTED = "counted"
    """When the day was last counted, in seconds since 1970; 0: it must be counted again."""
    TOLD = "told"
    """Messages that a provider took, not in a trial run; one that went by mail and by text counts once."""
    REACHED = "reached"
    """Those of them that are known to have arrived, by one channel at least."""
    CAME_BACK = "came_back"
    """Those of them that are known to have arrived by no channel."""
    FIRST = "first"
    """Those of them that were the first about the delay."""
    IN_TIME = "in_time"
    """First messages that left before the promised day."""
    ANSWERED = "answered"
    """Messages to which their customer chose something: the last message before the choice is the one it answers."""
    WAITED = "waited"
    SHIPPED = "shipped"
    SWAPPED = "swapped"
    CANCELLED = "cancelled"
    TOOK_DISCOUNT = "took_discount"
    CODES = "codes"
    """Discount codes that were given with them."""
    CODES_VALUE = "codes_value"
    """The most that those codes cost, by currency, in ten-thousandths."""
    REDEEMED = "redeemed"
    """Codes that were used, once or several times."""
    USES = "uses"
    """Uses of those codes."""
    USES_VALUE = "uses_value"
    """What the uses took off, by currency, in ten-thousandths."""
    USES_UNKNOWN = "uses_unknown"
    """Uses of which the shop's export does not say what they took off."""
    USES_EXPIRED = "uses_expired"
    """Uses after the code had expired."""
    SENT = "sent"
    """Mails and texts that a provider took, by channel: what sending cost."""


MEASURE_OF_ACT = {
    Act.WAIT: ResultMeasure.WAITED,
    Act.SHIP: ResultMeasure.SHIPPED,
    Act.SWAP: ResultMeasure.SWAPPED,
    Act.CANCEL: ResultMeasure.CANCELLED,
    Act.WITHDRAW: ResultMeasure.CANCELLED,
    Act.OFFER: ResultMeasure.TOOK_DISCOUNT,
}


@dataclass(frozen=True, slots=True)
class ResultKey:
    """What a number is about."""

    measure: ResultMeasure
    bucket: str = ""
    message: str = ""
    experiment: str = ""
    wording: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class ResultCost:
    """What something cost, by currency."""

    codes_at_most: dict[str, Decimal]
    redeemed: dict[str, Decimal]
    messages: dict[str, Decimal]
    unpriced: int
    """Messages whose price the policy does not set."""
    unknown: int
    """Uses of codes whose amount the shop's export does not say."""


@dataclass(frozen=True, slots=True)
class ResultRow:
    """What messages about delays of so many days led to."""

    bucket: str
    told: int
    reached: int
    came_back: int
    answered: int
    waited: int
    shipped: int
    swapped: int
    cancelled: int
    took_discount: int
    codes: int
    redeemed: int
    uses: int
    expired: int
    cost: ResultCost

    @property
    def no_word(self) -> int:
        """Return the messages that were sent and of which no provider has said whether they arrived."""
        return self.told - self.reached - self.came_back


@dataclass(frozen=True, slots=True)
class WeekInTime:
    """First messages that left in one week, from Monday on, and those of them before the promised day."""

    monday: date
    in_time: int
    first: int


@dataclass(frozen=True, slots=True)
class ArmCount:
    """Customers who read one wording, and those of them with each outcome."""

    customers: int
    waited: int
    cancelled: int
    answered: int
    redeemed: int


@dataclass(frozen=True, slots=True)
class ExperimentCount:
    """What a trial of two wordings counted so far."""

    experiment: ExperimentPolicy
    a: ArmCount
    b: ArmCount
    kept_a: int = 0
    """Customers whose message of a trial run has this wording; they read nothing."""
    kept_b: int = 0


@dataclass(frozen=True, slots=True)
class Results:
    """The results of a period."""

    first: date
    last: date
    days: int
    """Days of the period that were counted."""
    counted_at: datetime | None
    """When the newest of them was counted."""
    rows: tuple[ResultRow, ...]
    total: ResultRow
    weeks: tuple[WeekInTime, ...]
    messages: tuple[str, ...]
    """The messages that left in the period, whichever is asked for."""
    kept: tuple[tuple[str, int], ...] = ()
    """By days late the messages of a trial run, which were kept here and told nobody."""
