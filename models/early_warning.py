"""What is known of orders that are still out, and how likely each is to end late."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from models.enums import Promise

HORIZON = 10
"""Days before the promise from which an order is foretold: on the mornings 0 to HORIZON days before it."""


class Source(StrEnum):
    """What a likelihood rests on."""

    MODEL = "model"
    """The regression on what is known of the order."""
    AGE = "age"
    """How long such orders take: too few late orders are known to learn more."""
    BASE_RATE = "base rate"
    """How often such orders were late in the last weeks: what the model said was off, and it waits until it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder:
    """What is known of an order on a morning on which it is still out.

    It stands for those lines of the order that were promised for one day: an order with two promised days is two of
    these. A day that is not before the morning is ignored, because it was not known in any earlier morning either.
    """

    order_id: str
    promised_on: date
    placed_on: date
    promise: Promise = Promise.DELIVER
    shipped_on: date | None = None
    """When the last of the pieces was handed to the carrier; None: some are not."""
    ship_by: date | None = None
    """The last day on which it was to be handed to the carrier."""
    region: str | None = None
    """The state or the postcode area that it goes to."""
    country: str = ""
    carrier: str | None = None
    """It counts from the hand-over on: before, some shops do not know it."""
    service: str | None = None
    ships_from: str | None = None
    vendor: str | None = None
    """Of the first line that has one; None: the shop sends all from stock, or the vendor is not known."""
    last_scan_on: date | None = None
    scan_status: str | None = None
    pieces: int = 1
    lines: int = 1


@dataclass(frozen=True, slots=True)
class SeenScan:
    """The last scan of a parcel as it was known on a morning."""

    morning: date
    last_scan_on: date
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOrder(OpenOrder):
    """An order with its end. Of its last scan only `seen` counts: the column knows what the mornings did not."""

    ended_on: date | None = None
    """When the promise was kept: the last piece arrived, or left where it was promised to ship. None: not yet."""
    cancelled_on: date | None = None
    seen: tuple[SeenScan, ...] = ()
    """Ascending by morning."""


@dataclass(frozen=True, slots=True)
class Term:
    """One reason of a likelihood."""

    name: str
    words: str
    """As staff read it: "17 days with the carrier, usual for RJ: 11"."""
    points: float
    """In points of 100: how much higher the likelihood is than it were without this reason."""


@dataclass(frozen=True, slots=True)
class Likelihood:
    """How likely an order is to end at least `late_days` days late."""

    probability: float
    """0 to 1."""
    late_days: int
    source: Source
    terms: tuple[Term, ...] = field(default=())
    """The largest first."""
    base: float = 0.0
    """The share of orders, still out so many days before the promise, that usually end so late."""
    model_version: str = ""
