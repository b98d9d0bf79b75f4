"""The policy's numbers about supply: stock, dates, shipments, vendors."""

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from models.fields import Amounts, Count, Country, DaysByCountry, FrozenModel, InDays, InHours, Times

Share = Annotated[float, Field(gt=0, lt=1)]


class Unpaid(StrEnum):
    """Whether an unpaid order is allocated stock."""

    WAIT = "wait"
    TAKE = "take"


class AllocationPolicy(FrozenModel):
    """How stock and inbound deliveries are allocated to open lines."""

    handling_days: InDays = Field(1, ge=0, description="working days from goods in stock to a parcel that ships")
    transit_days: InDays = Field(
        2, ge=0, description="the carrier's working days to a country that is not listed in `transit`"
    )
    transit: DaysByCountry = Field(
        {}, description="the carrier's working days by country of the delivery address, as { DE = 1, US = 5 }"
    )
    receiving_days: InDays = Field(
        1, ge=0, description="working days from the day of an inbound delivery to goods in stock"
    )
    country: Country | None = Field(
        None, description="country whose public holidays the warehouse and the carrier keep; by default that of [days]"
    )
    unpaid: Unpaid = Field(
        Unpaid.WAIT, description="whether an unpaid order waits for its payment (`wait`) or is allocated stock (`take`)"
    )
    high_priority: Count = Field(10, description="orders of this priority and above may use the safety stock")


class ForecastPolicy(FrozenModel):
    """How vendors' promised dates become the dates shown to customers."""

    quantile: Share = Field(0.8, description="probability with which a shown date is kept")
    low: Share = Field(0.1, description="the range shown to staff begins at this probability")
    high: Share = Field(0.9, description="the range shown to staff ends at this probability")
    pool: Count = Field(
        10,
        ge=1,
        description="number of a vendor's past deliveries that weighs as much as those of all vendors together",
    )
    history_days: InDays = Field(365, ge=30, description="days of past deliveries that are used")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.quantile <= self.high:
            raise ValueError("low, quantile and high must be in ascending order, as 0.1, 0.8 and 0.9")
        return self


class StorefrontPolicy(FrozenModel):
    """The notices on product pages."""

    valid_hours: InHours = Field(26, ge=1, description="hours that a notice is shown without being renewed")
    show_left: Count = Field(10, ge=0, description="the quantity left is shown if it is this or less; 0: never")


class RestockPolicy(FrozenModel):
    """Good news, and posts about products that are back or low in stock."""

    good_news: bool = Field(
        default=True, description="whether customers who were told of a delay are told when it ends"
    )
    earlier_days: InDays = Field(
        3, ge=1, description="an earlier date is told only if it is earlier by at least so many days"
    )
    post_orders: Count = Field(5, ge=1, description="least number of waiting orders for a post that a product is back")
    post_left: Count = Field(
        5, ge=0, description="a post says that few are left when so many or fewer are free of a product that sells"
    )


class ShipmentPolicy(FrozenModel):
    """When an order is split into several shipments."""

    max_parcels: int = Field(3, ge=1, le=3, description="most parcels of one order")
    parcel_cost: Amounts = Field(
        {"EUR": Decimal("4.90"), "USD": Decimal("6.90"), "GBP": Decimal("4.20"), "BRL": Decimal("19.90")},
        description="what one more parcel costs, by currency; in a currency that is not listed orders ship complete",
    )
    day_worth: Amounts = Field(
        {"EUR": Decimal("0.50"), "USD": Decimal("0.50"), "GBP": Decimal("0.40"), "BRL": Decimal("2.50")},
        description="value of one day earlier for one line, by currency",
    )
    late_factor: Times = Field(Decimal(2), ge=1, description="factor for each day after the promised date")
    critical_factor: Times = Field(Decimal(4), ge=1, description="factor for a time-critical line")
    unknown_days: InDays = Field(
        14, ge=1, description="days after today's parcels on which a line without a date is assumed to ship"
    )


class PurchasingPolicy(FrozenModel):
    """How goods are requested from vendors, and when they are reminded."""

    answer_hours: InHours = Field(
        48, ge=1, description="hours without a response after which a vendor is reminded, once"
    )
    staff_hours: InHours = Field(
        96, ge=1, description="hours without a response after which staff are shown the request"
    )
    max_lines: Count = Field(
        500, ge=1, description="order lines that one run may request by itself; above this its requests are held"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.staff_hours <= self.answer_hours:
            raise ValueError("staff_hours must be more than answer_hours: a vendor is reminded before staff take over")
        return self


class ReplenishmentPolicy(FrozenModel):
    """Safety stock and reorder points."""

    service_level: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        0.95, description="probability that stock lasts until the next delivery"
    )
    history_days: InDays = Field(180, ge=28, description="days of past orders from which demand is estimated")
    review_days: InDays = Field(7, ge=1, description="usual number of days between two orders to a vendor")
    lead_days: InDays = Field(14, ge=1, description="lead time of a vendor without history")
