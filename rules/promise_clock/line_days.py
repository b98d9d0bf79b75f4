"""What a line's clock needs of its facts: what the order cost, and when the last of it left or arrived."""

from datetime import date
from decimal import Decimal

from models.orders import LineFacts, OrderFacts, Shipment


def total_of(order: OrderFacts) -> Decimal | None:
    """Return what the order cost; None where a price is not known."""
    prices = [line.price * line.quantity for line in order.lines if line.price is not None]
    return sum(prices, order.shipping_fee or Decimal(0)) if len(prices) == len(order.lines) else None


def _parcels(line: LineFacts) -> list[Shipment]:
    return [parcel for parcel in line.shipments if parcel.cancelled_on is None]


def _last_day(line: LineFacts, own: date | None, parcels: list[date | None], as_of: date) -> date | None:
    """Return the day on which the last piece left or arrived; None where pieces are still owed."""
    if own is not None:
        return own
    days = [day for day in parcels if day is not None and day <= as_of]
    whole = sum(parcel.quantity for parcel in _parcels(line)) >= line.ordered > 0
    return max(days) if whole and days and len(days) == len(parcels) else None


def shipped_on(line: LineFacts, as_of: date) -> date | None:
    """Return the day on which the last piece left; None where pieces have not."""
    return _last_day(line, line.shipped_on, [parcel.shipped_on for parcel in _parcels(line)], as_of)


def delivered_on(line: LineFacts, as_of: date) -> date | None:
    """Return the day on which the last piece arrived; None where pieces have not."""
    return _last_day(line, line.delivered_on, [parcel.delivered_on for parcel in _parcels(line)], as_of)
