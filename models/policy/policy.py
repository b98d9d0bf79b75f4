"""The numbers that the business may change: read from `policy.toml`, shown by Prefect as a form."""

import hashlib
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from models.enums import NETWORKS, Channel, RemedyKind
from models.fields import Amounts, DaysByMethod, FrozenModel, InDays
from models.policy.costs import CostPolicy
from models.policy.customers import OrderPagePolicy
from models.policy.experiments import ExperimentPolicy, check_experiments
from models.policy.messaging import ContactPolicy, GuardrailPolicy, InDoubtPolicy, PostPolicy, SendingPolicy
from models.policy.promise_clock import PromiseClockPolicy
from models.policy.retention import RetentionPolicy
from models.policy.supply import (
    AllocationPolicy,
    ForecastPolicy,
    PurchasingPolicy,
    ReplenishmentPolicy,
    RestockPolicy,
    ShipmentPolicy,
    StorefrontPolicy,
)
from models.policy.warning import WarningPolicy
from models.policy.words import ApprovalPolicy, WordPolicy

ON_TIME = "on_time"
CLOSED = "closed"
FUTURE = "future"
NOT_OPEN = (CLOSED, FUTURE)
"""States of an order that was complete, or not placed yet, on the day evaluated."""
LATE_AGAIN = "late_again"
GOOD_NEWS = "good_news"
NEW_DATE = "new_date"
MAY_BE_LATE = "may_be_late"


class DayCount(StrEnum):
    """How days late are counted."""

    CALENDAR = "calendar"
    WORKING = "working"


class CalendarPolicy(FrozenModel):
    """How days are counted."""

    count: DayCount = Field(DayCount.CALENDAR, description="`calendar`: every day; `working`: working days only")
    without_promise: InDays = Field(
        30, ge=1, description="days after the order until a line without a promised date is due"
    )
    country: str | None = Field(
        None, description="ISO code of the country whose public holidays are not working days, as US"
    )
    subdivision: str | None = Field(None, description="state or province of that country, as CA")

    @model_validator(mode="after")
    def _known_country(self) -> Self:
        if self.country is not None:
            import holidays

            known = holidays.list_supported_countries()
            if self.country not in known:
                raise ValueError(f"country {self.country!r} has no holiday calendar; an ISO code such as 'US' is right")
            if self.subdivision is not None and self.subdivision not in known[self.country]:
                raise ValueError(f"subdivision {self.subdivision!r} is not a subdivision of {self.country}")
        return self


class PromisedFrom(StrEnum):
    """From when a promise in the shop's facts counts."""

    PAYMENT = "payment"
    """It moves by the days from order to payment."""
    ORDER = "order"


class PromisePolicy(FrozenModel):
    """The promised date where the shop's facts have none, and from when promises count."""

    ship_within: DaysByMethod = Field(
        {},
        description="working days until an order ships, by its `shipping_method`, from the order or its "
        "payment, as { express = 1, standard = 3 }; a method that is not listed gets `without_promise`",
    )
    stored_from: PromisedFrom = Field(
        PromisedFrom.PAYMENT,
        description="whether a promise in the shop's facts counts from the `order` or from its `payment` "
        "(`paid_at`), which makes it later by the days between",
    )


class Bucket(FrozenModel):
    """A range of days late, and what the shop does about it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="lower-case name, shown in reports")
    from_days: InDays = Field(ge=1, description="first day late that belongs to the bucket")
    notify: bool = Field(default=True, description="whether customers are told")
    message: str | None = Field(None, description="folder of the message; by default the bucket's name")
    remedies: tuple[RemedyKind, ...] = Field(
        (), description="what may be offered; a substitute comes before a discount"
    )
    channels: tuple[Channel, ...] = Field(
        (Channel.EMAIL,),
        min_length=1,
        description="all are used, unless the customer prefers one that can be used: then only that one",
    )

    @field_validator("name")
    @classmethod
    def _not_taken(cls, name: str) -> str:
        if name in (ON_TIME, CLOSED, FUTURE, LATE_AGAIN, GOOD_NEWS, NEW_DATE, MAY_BE_LATE):
            raise ValueError(f"{name!r} is reserved; choose another name")
        return name

    @field_validator("channels")
    @classmethod
    def _to_a_person(cls, channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
        if public := [str(channel) for channel in channels if channel in NETWORKS]:
            raise ValueError(f"{public[0]!r} is public; a notice to a customer goes by 'email' or 'sms'")
        if len(set(channels)) < len(channels):
            raise ValueError("a channel is named twice")
        return channels

    @property
    def words(self) -> str:
        """Return the folder of the bucket's message."""
        return self.message or self.name


def _percent(value: Decimal | None) -> Decimal | None:
    if value is not None and not 0 < value <= 100:
        raise ValueError("a percent is above 0 and at most 100")
    return value


class DiscountPolicy(FrozenModel):
    """A discount, as a percentage up to a limit or as an amount."""

    percent: Annotated[Decimal | None, AfterValidator(_percent)] = Field(
        None, description="percentage off, above 0 and at most 100"
    )
    up_to: Amounts = Field({}, description="the most that a percentage may cost, by currency")
    amount: Amounts = Field({}, description="a fixed amount, by currency")
    valid_days: InDays = Field(60, ge=1, description="days until the code expires")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.percent is None) == (not self.amount):
            raise ValueError("give either percent (with up_to) or amount")
        if self.percent is not None and not self.up_to:
            raise ValueError("percent needs up_to, the most that it may cost by currency, as { EUR = 20 }")
        return self


class SubstitutePolicy(FrozenModel):
    """Which products may be offered in place of a late one."""

    price_from: Decimal = Field(Decimal("0.80"), gt=0, description="lowest price, as a share of the late product's")
    price_to: Decimal = Field(Decimal("1.25"), gt=0, description="highest price, as a share of the late product's")
    max_products: int = Field(3, ge=1, le=3, description="products offered for a line")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.price_from > self.price_to:
            raise ValueError("price_from is above price_to")
        return self


class BudgetPolicy(FrozenModel):
    """The most that discounts may cost, by currency; a currency that is not listed gets no discount."""

    per_run: Amounts = Field(
        {"EUR": Decimal(500), "USD": Decimal(500), "GBP": Decimal(500), "BRL": Decimal(2500)},
        description="in one run, by currency",
    )
    per_month: Amounts = Field(
        {"EUR": Decimal(5000), "USD": Decimal(5000), "GBP": Decimal(5000), "BRL": Decimal(25000)},
        description="in one calendar month of the shop, by currency",
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
    warning: WarningPolicy = WarningPolicy()
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
    order_page: OrderPagePolicy = OrderPagePolicy()
    promise_clock: PromiseClockPolicy = PromiseClockPolicy()
    retention: RetentionPolicy = RetentionPolicy()
    costs: CostPolicy = CostPolicy()
    approval: ApprovalPolicy = ApprovalPolicy()
    words: WordPolicy = WordPolicy()
    experiment: tuple[ExperimentPolicy, ...] = Field((), description="trials of two wordings of one message")

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

    @model_validator(mode="after")
    def _of_known_messages(self) -> Self:
        built_in = (LATE_AGAIN, NEW_DATE, GOOD_NEWS, MAY_BE_LATE)
        check_experiments(self.experiment, {*built_in, *(one.words for one in self.bucket)})
        return self

    @property
    def digest(self) -> str:
        """Return a short hash that changes when any number changes that decides about orders."""
        others = {"retention", "order_page", "promise_clock", "costs", "approval", "words", "experiment"}
        return hashlib.sha256(self.model_dump_json(exclude=others).encode()).hexdigest()[:16]
