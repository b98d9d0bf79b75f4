"""Find which lines of an order could leave now, while the others wait."""

from dataclasses import replace
from datetime import date

from sqlalchemy import Connection, select

from models.shipments import ShippingPreference
from rules.shipments.split import plan_shipments
from tasks.context import Context
from tasks.shipments.ready_lines import lines_to_ship, load_day_inputs
from tasks.shipments.remaining import parcel_from_data
from tasks.tables import SHIPPING_PLANS


def lines_to_send_now(context: Context, connection: Connection, order: str, as_of: date) -> tuple[str, ...]:
    """Return the numbers of the lines that leave earlier if an order is sent as its lines become available.

    None where the order is sent so already, or where all its lines leave together.
    """
    inputs = load_day_inputs(context, as_of)
    to_send = lines_to_ship(inputs, connection, [order]).get(order)
    if to_send is None or to_send.preference is ShippingPreference.AVAILABLE:
        return ()
    preferred = replace(to_send, preference=ShippingPreference.AVAILABLE)
    parcels = plan_shipments(preferred, context.policy.shipments).parcels
    now = [parcel for parcel in parcels if parcel.ships_on is not None and parcel.ships_on <= inputs.soonest]
    if len(now) == len(parcels):
        return ()
    leaving = _leaving_already(connection, order, inputs.soonest)
    return tuple(number for parcel in now for number in parcel.lines if number not in leaving)


def _leaving_already(connection: Connection, order: str, by: date) -> set[str]:
    """Return the lines that the stored plan sends by a day."""
    stored = connection.execute(select(SHIPPING_PLANS.c.parcels).where(SHIPPING_PLANS.c.order_id == order)).scalar()
    parcels = map(parcel_from_data, stored or ())
    return {number for parcel in parcels if parcel.ships_on and parcel.ships_on <= by for number in parcel.lines}
