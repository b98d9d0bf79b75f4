"""The policy's numbers about messages: to whom, when, and how many at once."""

from datetime import time
from typing import Annotated, Self

from pydantic import Field, model_validator

from models.enums import Channel
from models.fields import Count, Country, FrozenModel, InDays, InHours, InMinutes

# fmt: off
EEA_AND_UK = (
    "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IS", "IE", "IT", "LV", "LI", "LT",
    "LU", "MT", "NL", "NO", "PL", "PT", "RO", "SK", "SI", "ES", "SE", "GB",
)
# fmt: on


class QuietHours(FrozenModel):
    """Hours in which nothing is sent, on the recipient's clock."""

    begins: time
    ends: time

    @model_validator(mode="after")
    def _not_all_day(self) -> Self:
        if self.begins == self.ends:
            raise ValueError("begins and ends are the same time, so that nothing could ever be sent")
        return self


class ContactPolicy(FrozenModel):
    """When customers are written to, and by which rules."""

    minimum_gap_days: InDays = Field(2, ge=0, description="days between two notices of one order")
    slip_days: InDays = Field(1, ge=1, description="a later date is told only if it is later by at least so many days")
    quiet: dict[Channel, QuietHours] = Field(
        {Channel.SMS: QuietHours(begins=time(21), ends=time(8))}, description="by channel, on the recipient's clock"
    )
    offer_needs_consent: tuple[Country, ...] = Field(
        EEA_AND_UK,
        description="countries where an offer in a service mail needs marketing consent; "
        "without it the mail links to the order page, which shows the offer",
    )
    say_stop: tuple[Country, ...] = Field(
        ("US", "CA", "PR"),
        description="countries whose texts end with how to stop them; a text from a name, which takes no answer, "
        "always does: docs/senders.md",
    )


class SendingPolicy(FrozenModel):
    """How fast messages are sent, and when a channel stops."""

    per_second: dict[Channel, Annotated[Count, Field(ge=1)]] = Field(
        {}, description="messages a second by channel, for all workers together; no limit by default"
    )
    max_age_hours: InHours = Field(72, ge=1, description="a notice that has waited longer is not sent")
    fallback: tuple[Channel, ...] = Field(
        (Channel.EMAIL, Channel.SMS),
        description="channels by which a refused notice may be sent instead, in this order",
    )
    rejections: Count = Field(
        20,
        ge=2,
        description="so many recent refusals, bounces or messages in doubt, if more than half of all, stop a channel",
    )
    try_again_minutes: InMinutes = Field(
        15, ge=1, description="minutes before a stopped channel is tried with one message; doubles each time"
    )


class GuardrailPolicy(FrozenModel):
    """What one run may do by itself; over a limit nothing is sent until a person releases it."""

    min_order_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="least number of orders in the source, as a share of the last import's; 0: no limit",
    )
    max_gone_share: float = Field(
        0.1, ge=0, le=1, description="largest share of the open lines that may be missing from the source; 1: no limit"
    )
    max_data_age_hours: InHours = Field(
        96, ge=0, description="most hours since the newest order was placed; 0: no limit"
    )
    max_late_share: float = Field(
        0.3, ge=0, le=1, description="largest share of the open orders that one run may notify; 1: no limit"
    )
    max_median_multiple: float = Field(
        5,
        ge=0,
        description="most orders notified in a day, as a multiple of the median day of four weeks; 0: no limit",
    )
    max_discount_multiple: float = Field(
        2,
        ge=0,
        description="highest cost of the discounts that a run requests, as a multiple of its budget; 0: no limit",
    )
    max_days_ahead: InDays = Field(
        14,
        ge=0,
        description="most days since the last run or the newest order; after more, the clock may be wrong and a person "
        "names the day; 0: no limit",
    )
    min_orders: Count = Field(
        50,
        ge=1,
        description="a run that notifies fewer orders exceeds no limit, nor do fewer missing lines; a shop with fewer "
        "orders is never stale",
    )


class InDoubtPolicy(FrozenModel):
    """When the provider's records are queried about messages in doubt or without callback, and when staff take over."""

    ask_after_minutes: InMinutes = Field(
        5, ge=1, description="minutes after the message left, or may have left, before the provider is queried"
    )
    wait_minutes: InMinutes = Field(
        30,
        ge=1,
        description='minutes after it left until "not found" is final, because records lag, and it is sent again',
    )
    staff_after_hours: InHours = Field(
        24, ge=1, description="hours after it left from which staff resolve a message that is still in doubt"
    )
    report_after_minutes: InMinutes = Field(
        60,
        ge=0,
        description="minutes after a message was sent from which its provider is asked what became of it, if no "
        "callback has told; then again at twice the age each time, up to 20 hours; 0: never",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.ask_after_minutes <= self.wait_minutes <= 60 * self.staff_after_hours:
            raise ValueError("ask_after_minutes, wait_minutes and staff_after_hours must be in ascending order of time")
        return self


class PostPolicy(FrozenModel):
    """When a late product gets a draft of a social post."""

    orders: Count = Field(5, ge=1, description="least number of late orders of one product")
    days: InDays = Field(4, ge=1, description="days late from which an order counts")
    second_person: bool = Field(
        default=False,
        description="whether a post needs the approval of another person than the one who wrote or changed it",
    )
