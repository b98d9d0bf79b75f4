"""The numbers about what leaves the house that the business may change: to whom, when, how much at once."""

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
            raise ValueError("begins and ends are the same hour, which would be quiet for ever")
        return self


class ContactPolicy(FrozenModel):
    """When and whom to write to."""

    minimum_gap_days: InDays = Field(2, ge=0, description="days between two notices of one order")
    slip_days: InDays = Field(1, ge=1, description="a date later than the one told by fewer days is no news")
    quiet: dict[Channel, QuietHours] = Field(
        {Channel.SMS: QuietHours(begins=time(21), ends=time(8))}, description="by channel, on the recipient's clock"
    )
    offer_needs_consent: tuple[Country, ...] = Field(
        EEA_AND_UK,
        description="countries where an offer in a service mail wants marketing consent; "
        "without it the mail links to the order page, where the offer stands",
    )


class SendingPolicy(FrozenModel):
    """How messages leave, and when a channel stops."""

    per_second: dict[Channel, Annotated[Count, Field(ge=1)]] = Field(
        {}, description="messages a second by channel, for all workers together; as fast as it goes where none is given"
    )
    oldest_hours: InHours = Field(72, ge=1, description="a notice that waited longer is not sent any more")
    fallback: tuple[Channel, ...] = Field(
        (Channel.EMAIL, Channel.SMS), description="channels by which a refused notice may go out instead, in this order"
    )
    rejections: Count = Field(
        20, ge=2, description="so many refusals or doubts among the last, more than half of them, stop a channel"
    )
    try_again_minutes: InMinutes = Field(
        15, ge=1, description="wait before one message is tried on a stopped channel; doubles"
    )


class GuardrailPolicy(FrozenModel):
    """What one run may do by itself; over a limit nothing is sent before a person says so."""

    min_order_share: float = Field(
        0.5, ge=0, le=1, description="least share of the last import's orders that a source must yield; 0: no limit"
    )
    max_gone_share: float = Field(
        0.1, ge=0, le=1, description="share of the open lines that a source may name no more, at most; 1: no limit"
    )
    max_data_age_hours: InHours = Field(
        96, ge=0, description="hours since the newest order was placed, at most; 0: no limit"
    )
    max_late_share: float = Field(
        0.3, ge=0, le=1, description="share of the open orders that a run may tell, at most; 1: no limit"
    )
    max_times_median: float = Field(
        5, ge=0, description="times as many orders told in a day as on the median day of four weeks; 0: no limit"
    )
    max_discount_multiple: float = Field(
        2, ge=0, description="times the caps of a run that the discounts it wants to give may cost; 0: no limit"
    )
    max_days_ahead: InDays = Field(
        14,
        ge=0,
        description="days since the last run, or the newest order, after which the clock is not believed and a person "
        "names the day; 0: no limit",
    )
    min_orders: Count = Field(
        50,
        ge=1,
        description="orders: telling fewer is never too many, nor are fewer gone lines; a shop with fewer is never "
        "called stale",
    )


class InDoubtPolicy(FrozenModel):
    """When providers are asked about messages in doubt, and when people are."""

    ask_after_minutes: InMinutes = Field(
        5, ge=1, description="minutes after it left, or may have, before its provider is asked"
    )
    wait_minutes: InMinutes = Field(
        30,
        ge=1,
        description="minutes after it left before `never took it` is believed, as records lag, and it is sent again",
    )
    hours: InHours = Field(
        24, ge=1, description="hours after it left from which a message still in doubt is people's to settle"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.ask_after_minutes <= self.wait_minutes <= 60 * self.hours:
            raise ValueError("ask_after_minutes, wait_minutes and hours follow one another; one is before the other")
        return self


class PostPolicy(FrozenModel):
    """When a late product is worth a social post."""

    orders: Count = Field(5, ge=1, description="late orders of one product, at least")
    days: InDays = Field(4, ge=1, description="days late from which an order counts")
