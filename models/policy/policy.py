"""The numbers the business may change: read from `policy.toml`, and shown by Prefect as a form."""

import hashlib
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from models.enums import Channel, RemedyKind
from models.fields import Amounts, DaysByMethod, FrozenModel, InDays
from models.policy.messaging import ContactPolicy, GuardrailPolicy, InDoubtPolicy, PostPolicy, SendingPolicy
from models.policy.supply import (
    AllocationPolicy,
    ForecastPolicy,
    PurchasingPolicy,
    ReplenishmentPolicy,
    RestockPolicy,
    ShipmentPolicy,
    StorefrontPolicy,
)

ON_TIME = "on_time"
CLOSED = "closed"
FUTURE = "future"
NOT_OPEN = (CLOSED, FUTURE)
"""Where an order stands that was closed, or not even placed, on the day looked at."""
LATE_AGAIN = "late_again"
GOOD_NEWS = "good_news"
NEW_DATE = "new_date"


class DayCount(StrEnum):
    """How days late are counted."""

    CALENDAR = "calendar"
    WORKING = "working"


class CalendarPolicy(FrozenModel):
    """How days are counted."""

    count: DayCount = Field(DayCount.CALENDAR, description="every day, or working days alone")
    without_promise: InDays = Field(
        30, ge=1, description="days after the order by which a line without a promise is due"
    )
    country: str | None = Field(None, description="ISO code whose public holidays are no working days, as US")
    subdivision: str | None = Field(None, description="state or province of that country, as CA")

    @model_validator(mode="after")
    def _known_country(self) -> Self:
        if self.country is not None:
            import holidays

            known = holidays.list_supported_countries()
            if self.country not in known:
                raise ValueError(f"country {self.country!r} has no holiday calendar; an ISO code such as 'US' is right")
            if self.subdivision is not None and self.subdivision not in known[self.country]:
                raise ValueError(f"subdivision {self.subdivision!r} is none of {self.country}'s")
        return self


class PromisedFrom(StrEnum):
    """From when a promise of the shop's own counts."""

    PAYMENT = "payment"
    """It moves by the days between order and payment."""
    ORDER = "order"


class PromisePolicy(FrozenModel):
    """What is promised where the shop's facts have no promise, and from when promises count."""

    ship_within: DaysByMethod = Field(
        {},
        description="working days in which an order is shipped, by its `shipping_method`, from the order or its "
        "payment, as { express = 1, standard = 3 }; another one gets `without_promise`",
    )
    stored_from: PromisedFrom = Field(
        PromisedFrom.PAYMENT,
        description="whether a promise in the shop's facts counts from the `order`, or from its `payment` "
        "(`paid_at`): it is then later by the days between",
    )


class Bucket(FrozenModel):
    """A span of days late, and what the shop does about it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower-case name, as reports show it")
    from_days: InDays = Field(ge=1, description="first day late that belongs to the bucket")
    notify: bool = Field(default=True, description="whether customers are told")
    message: str | None = Field(None, description="folder of the words; the bucket's own name where it is not given")
    remedies: tuple[RemedyKind, ...] = Field((), description="what may be offered; a substitute comes before any money")
    channels: tuple[Channel, ...] = Field(
        (Channel.EMAIL,),
        min_length=1,
        description="all are used, unless the customer prefers one of them: then that one alone, if it can be used",
    )

    @field_validator("name")
    @classmethod
    def _not_taken(cls, name: str) -> str:
        if name in (ON_TIME, CLOSED, FUTURE, LATE_AGAIN, GOOD_NEWS, NEW_DATE):
            raise ValueError(f"{name!r} is a name of Forewarn's own; choose another")
        return name

    @field_validator("channels")
    @classmethod
    def _to_a_person(cls, channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
        if Channel.X in channels:
            raise ValueError("'x' reaches everybody; a notice to a customer goes by 'email' or 'sms'")
        if len(set(channels)) < len(channels):
            raise ValueError("a channel is named twice")
        return channels

    @property
    def words(self) -> str:
        """Return the folder of the bucket's message."""
        return self.message or self.name


def _percent(value: Decimal | None) -> Decimal | None:
    if value is not None and not 0 < value <= 100:
        raise ValueError("a percent lies above 0 and at most at 100")
    return value


class DiscountPolicy(FrozenModel):
    """Money off, as a percent up to a limit, or as an amount."""

    percent: Annotated[Decimal | None, AfterValidator(_percent)] = Field(
        None, description="share off, above 0 and at most 100"
    )
    up_to: Amounts = Field({}, description="the most a percent may cost, by currency")
    amount: Amounts = Field({}, description="a fixed amount, by currency")
    valid_days: InDays = Field(60, ge=1, description="days until the code expires")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.percent is None) == (not self.amount):
            raise ValueError("give either percent (with up_to) or amount")
        if self.percent is not None and not self.up_to:
            raise ValueError("a percent needs up_to, the most it may cost by currency, as { EUR = 20 }")
        return self


class SubstitutePolicy(FrozenModel):
    """Which products may take a late one's place."""

    price_from: Decimal = Field(Decimal("0.80"), gt=0, description="lowest price, as a share of the late product's")
    price_to: Decimal = Field(Decimal("1.25"), gt=0, description="highest price, as a share of the late product's")
    max_products: int = Field(3, ge=1, le=3, description="products offered for a line")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.price_from > self.price_to:
            raise ValueError("price_from is above price_to")
        return self


class BudgetPolicy(FrozenModel):
    """The most that discounts may cost, by currency; in a currency that is not listed no discount is given."""

    per_run: Amounts = Field(
        {"EUR": Decimal(500), "USD": Decimal(500), "GBP": Decimal(500), "BRL": Decimal(2500)},
        description="in one run, by currency",
    )
    per_month: Amounts = Field(
        {"EUR": Decimal(5000), "USD": Decimal(5000), "GBP": Decimal(5000), "BRL": Decimal(25000)},
        description="in one month of the shop's, by currency",
    )


def _table() -> tuple[Bucket, ...]:
    both, either = (Channel.EMAIL, Channel.SMS), RemedyKind.SUBSTITUTE
    return (
        Bucket(name="short", from_days=1, notify=False, remedies=(RemedyKind.HANDLING_DATE,)),
        Bucket(name="week", from_days=4),
        Bucket(name="fortnight", from_days=8, channels=both, remedies=(either, RemedyKind.SHIPPING_DISCOUNT)),
        Bucket(name="long", from_days=15, channels=both, remedies=(either, RemedyKind.FUTURE_DISCOUNT)),
    )


class Policy(FrozenModel):
    """What the shop does about late orders."""

    days: CalendarPolicy = CalendarPolicy()
    promise: PromisePolicy = PromisePolicy()
    bucket: tuple[Bucket, ...] = Field(_table(), min_length=1, description="from the shortest delay up")
    contact: ContactPolicy = ContactPolicy()
    substitutes: SubstitutePolicy = SubstitutePolicy()
    shipping_discount: DiscountPolicy = DiscountPolicy(
        percent=Decimal(100),
        up_to={"EUR": Decimal(10), "USD": Decimal(10), "GBP": Decimal(10), "BRL": Decimal(50)},
    )
    future_discount: DiscountPolicy = DiscountPolicy(
        percent=Decimal(10),
        up_to={"EUR": Decimal(20), "USD": Decimal(20), "GBP": Decimal(20), "BRL": Decimal(100)},
        valid_days=180,
    )
    budget: BudgetPolicy = BudgetPolicy()
    guardrails: GuardrailPolicy = GuardrailPolicy()
    sending: SendingPolicy = SendingPolicy()
    in_doubt: InDoubtPolicy = InDoubtPolicy()
    posts: PostPolicy = PostPolicy()
    allocation: AllocationPolicy = AllocationPolicy()
    forecast: ForecastPolicy = ForecastPolicy()
    storefront: StorefrontPolicy = StorefrontPolicy()
    restock: RestockPolicy = RestockPolicy()
    shipments: ShipmentPolicy = ShipmentPolicy()
    purchasing: PurchasingPolicy = PurchasingPolicy()
    replenishment: ReplenishmentPolicy = ReplenishmentPolicy()

    @field_validator("bucket")
    @classmethod
    def _ascending(cls, buckets: tuple[Bucket, ...]) -> tuple[Bucket, ...]:
        for earlier, later in pairwise(buckets):
            if later.from_days <= earlier.from_days:
                raise ValueError(
                    f"bucket {later.name!r} begins at day {later.from_days}, not after {earlier.name!r} "
                    f"(day {earlier.from_days}); list them from the shortest delay up"
                )
        if len({bucket.name for bucket in buckets}) < len(buckets):
            raise ValueError("two buckets have the same name")
        return buckets

    @property
    def digest(self) -> str:
        """Return a short fingerprint that changes when any number of the policy does."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]
