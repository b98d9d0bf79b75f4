"""What dates are reckoned with on one day: how late each vendor is as a rule, and how long goods are on their way."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select

from rules.inventory.inbound_dates import InboundDates
from rules.inventory.transit import TransitTimes
from rules.inventory.vendor_lateness import Delivery, VendorLateness
from tasks.context import Context
from tasks.tables import INBOUNDS, VENDORS


@dataclass(frozen=True, slots=True)
class ForecastInputs:
    """What dates are reckoned with on one day: the vendors' habits, by the names staff know them by, and journeys."""

    as_of: date
    inflow: InboundDates
    journey: TransitTimes
    vendors: dict[str, str]


def forecast_inputs(context: Context, connection: Connection, as_of: date) -> ForecastInputs:
    """Learn the vendors' habits from their past deliveries, as they stood when the day before was over.

    What is due today may still come today: it is not late yet. What one vendor promised for one day and brought on
    another is one delivery, however many products it held.
    """
    yesterday = as_of - timedelta(days=1)
    vendors = [tuple(row) for row in connection.execute(select(VENDORS.c.id, VENDORS.c.name))]
    alike = Counter(name for _, name in vendors)
    names = {key: name if alike[name] == 1 else f"{name} ({key})" for key, name in vendors}
    since = yesterday - timedelta(days=context.policy.forecast.history_days)
    query = select(INBOUNDS.c.vendor_id, INBOUNDS.c.promised_on, INBOUNDS.c.received_at).where(
        INBOUNDS.c.promised_on >= since
    )
    past = {
        Delivery(names.get(vendor, vendor or ""), promised_on, context.day(received_at))
        for vendor, promised_on, received_at in connection.execute(query)
    }
    journey = TransitTimes(context.policy.allocation, context.policy.days)
    habits = VendorLateness.learn(past, yesterday, context.policy.forecast)
    return ForecastInputs(as_of, InboundDates(habits, journey, as_of), journey, names)
