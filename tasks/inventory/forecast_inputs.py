"""Load what expected dates are computed from on one day: vendor lateness and transit times."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, select

from rules.inventory.inbound_dates import InboundDates
from rules.inventory.transit import TransitTimes
from rules.inventory.vendor_lateness import Delivery, VendorLateness
from tasks.context import Context
from tasks.db.sql import read_only
from tasks.tables import INBOUNDS, VENDORS


@dataclass(frozen=True, slots=True)
class ForecastInputs:
    """What expected dates are computed from on one day."""

    as_of: date
    inbound_dates: InboundDates
    transit: TransitTimes
    vendor_names: dict[str, str]
    """By vendor id; unique, as staff read them."""


def load_forecast_inputs(context: Context) -> ForecastInputs:
    """Fit the vendors' lateness to their past deliveries, as it stood at the end of the day before the run's.

    A delivery due today may still come today, so it is not late yet. Deliveries of one vendor that were promised for
    one day and came on another count once, however many products they held.
    """
    yesterday = context.as_of - timedelta(days=1)
    with read_only(context.engine) as connection:
        vendor_names = _vendor_names(connection)
        deliveries = _past_deliveries(context, connection, yesterday, vendor_names)
    transit = TransitTimes(context.policy.allocation, context.policy.days)
    lateness = VendorLateness.fit(deliveries, yesterday, context.policy.forecast)
    inbound_dates = InboundDates(lateness, transit, context.as_of)
    return ForecastInputs(context.as_of, inbound_dates, transit, vendor_names)


def _vendor_names(connection: Connection) -> dict[str, str]:
    """Return vendors' names by id; a name that several have is followed by the id."""
    vendors = [tuple(row) for row in connection.execute(select(VENDORS.c.id, VENDORS.c.name))]
    same_name = Counter(name for _, name in vendors)
    return {key: name if same_name[name] == 1 else f"{name} ({key})" for key, name in vendors}


def _past_deliveries(
    context: Context, connection: Connection, until: date, vendor_names: dict[str, str]
) -> set[Delivery]:
    since = until - timedelta(days=context.policy.forecast.history_days)
    query = select(INBOUNDS.c.vendor_id, INBOUNDS.c.promised_on, INBOUNDS.c.received_at).where(
        INBOUNDS.c.promised_on >= since
    )
    return {
        Delivery(vendor_names.get(vendor, vendor or ""), promised_on, context.day(received_at))
        for vendor, promised_on, received_at in connection.execute(query)
    }
