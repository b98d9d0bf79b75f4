"""The supply side's numbers that the business may change: stock, dates, parcels, vendors."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from models.fields import Amounts, Count, Country, DaysByCountry, FrozenModel, InDays, InHours, Times

Share = Annotated[float, Field(gt=0, lt=1)]


class Unpaid(StrEnum):
    """What an order that waits for its payment does with stock."""

    WAIT = "wait"
    TAKE = "take"


class AllocationPolicy(FrozenModel):
    """How stock and inbound deliveries are shared among open lines."""

    handling_days: InDays = Field(1, ge=0, description="working days from goods at hand to a parcel that leaves")
    transit_days: InDays = Field(2, ge=0, description="carrier's working days to a country that is not listed")
    transit: DaysByCountry = Field(
        {}, description="carrier's working days by country of the delivery address, as { DE = 1, US = 5 }"
    )
    receiving_days: InDays = Field(1, ge=0, description="working days from an inbound delivery's day to goods at hand")
    country: Country | None = Field(
        None, description="whose public holidays the warehouse and the carrier keep; that of [days] where none is given"
    )
    unpaid: Unpaid = Field(
        Unpaid.WAIT, description="whether an unpaid order waits for its payment before it takes stock, or takes it"
    )
    high_priority: Count = Field(10, description="orders of this priority and above may take the safety stock too")


class ForecastPolicy(FrozenModel):
    """How the dates that customers are shown come from what vendors promise."""

    quantile: Share = Field(0.8, description="how likely a date shown must be to be kept")
    low: Share = Field(0.1, description="the range shown to staff begins at this likelihood")
    high: Share = Field(0.9, description="and ends at this one")
    pool: Count = Field(
        10, ge=1, description="past deliveries of a vendor that weigh as much as those of all vendors together"
    )
    history_days: InDays = Field(365, ge=30, description="how far back deliveries are learnt from")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.quantile <= self.high:
            raise ValueError("low, quantile and high follow one another, as 0.1, 0.8 and 0.9")
        return self


class StorefrontPolicy(FrozenModel):
    """The notices on product pages."""

    valid_hours: InHours = Field(26, ge=1, description="hours after which a notice that was not renewed is not shown")
    show_left: Count = Field(10, ge=0, description="the quantity left is said where it is this or less; 0: never")


class RestockPolicy(FrozenModel):
    """Good news, and posts about goods that are back."""

    good_news: bool = Field(default=True, description="whether customers who were told of a delay are told of its end")
    earlier_days: InDays = Field(3, ge=1, description="a date earlier than the one told by fewer days is no news")
    post_orders: Count = Field(
        5, ge=1, description="a post says that a product is back where so many orders waited for it, at least"
    )
    post_left: Count = Field(
        5, ge=0, description="a post says that few are left when so many or fewer are free, of a product that sells"
    )


class ShipmentPolicy(FrozenModel):
    """When an order is sent in parts."""

    max_parcels: int = Field(3, ge=1, le=3, description="parcels of one order, at most")
    parcel_cost: Amounts = Field(
        {"EUR": Decimal("4.90"), "USD": Decimal("6.90"), "GBP": Decimal("4.20"), "BRL": Decimal("19.90")},
        description="what one more parcel costs, by currency; in one that is not listed orders are sent at once",
    )
    day_worth: Amounts = Field(
        {"EUR": Decimal("0.50"), "USD": Decimal("0.50"), "GBP": Decimal("0.40"), "BRL": Decimal("2.50")},
        description="what a day earlier is worth for one line, by currency",
    )
    late_times: Times = Field(Decimal(2), ge=1, description="times as much for each day beyond the promised date")
    critical_times: Times = Field(Decimal(4), ge=1, description="times as much for a time-critical line")
    unknown_days: InDays = Field(
        14, ge=1, description="days after today's parcels that a line without a date is reckoned to leave"
    )


class PurchasingPolicy(FrozenModel):
    """How vendors are asked for goods, and when they are asked again."""

    answer_hours: InHours = Field(
        48, ge=1, description="hours after which a vendor that gave no answer is chased, once"
    )
    staff_hours: InHours = Field(
        96, ge=1, description="hours after which a request without an answer is shown to staff"
    )
    max_lines: Count = Field(
        500, ge=1, description="lines that one run may ask vendors for by itself; over it its requests are held"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.staff_hours <= self.answer_hours:
            raise ValueError("staff_hours is later than answer_hours: a vendor is chased before staff are asked")
        return self


class ReplenishmentPolicy(FrozenModel):
    """Safety stock and reorder points."""

    service_level: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        0.95, description="how likely stock must last until the next delivery"
    )
    history_days: InDays = Field(180, ge=28, description="days of past orders that demand is reckoned from")
    review_days: InDays = Field(7, ge=1, description="days between two orders to a vendor, as a rule")
    lead_days: InDays = Field(14, ge=1, description="lead time of a vendor of which nothing is known")
