"""One line of an order as its rows tell it: when it left, when its promise was kept, and who carried it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import Row

from models.enums import Promise
from models.quantities import Quantity
from tasks.context import Context
from tasks.orders.order_rows import PROMISED_COLUMNS

_promised_values = attrgetter(*(column.name for column in PROMISED_COLUMNS))


@dataclass(frozen=True, slots=True)
class PastLine:
    """A line with what became of it."""

    row: Row[Any]
    promise: Promise
    promised_on: date
    placed_on: date
    ordered: Quantity
    shipped_on: date | None
    ended_on: date | None
    cancelled_on: date | None
    carrier: str | None
    service: str | None
    last_scan_on: date | None
    scan_status: str | None


def past_line(context: Context, rows: Sequence[Row[Any]]) -> PastLine | None:
    """Return a line from the rows of its parcels; None where all of it was cancelled on a day that nobody knows."""
    row = rows[0]
    ordered = row.quantity - row.cancelled
    moments = [moment for moment in (row.line_cancelled_at, row.order_cancelled_at) if moment is not None]
    cancelled_on = context.day(min(moments, default=None))
    if ordered <= 0 and cancelled_on is None:
        return None
    parcels = [each for each in rows if each.parcel_id is not None and each.parcel_cancelled_at is None]
    delivered_on = context.day(row.delivered_at) or _when_all(context, parcels, ordered, _delivered_at)
    left_on = context.day(row.shipped_at) or _when_all(context, parcels, ordered, _left_at) or delivered_on
    promise = Promise(row.promise)
    ended_on = left_on if promise is Promise.SHIP else delivered_on
    newest = max((each for each in parcels if each.parcel_tracked_at), key=_tracked_at, default=None)
    scanned_at = row.tracked_at or (newest.parcel_tracked_at if newest else None)
    return PastLine(
        row=row,
        promise=promise,
        promised_on=context.promised_day(*_promised_values(row)),
        placed_on=row.placed_at.astimezone(context.zone).date(),
        ordered=ordered,
        shipped_on=left_on,
        ended_on=ended_on,
        # What had arrived before it was cancelled was not late.
        cancelled_on=None
        if ended_on is not None and cancelled_on is not None and ended_on <= cancelled_on
        else cancelled_on,
        carrier=row.carrier or next((each.parcel_carrier for each in parcels if each.parcel_carrier), None),
        service=row.service or next((each.parcel_service for each in parcels if each.parcel_service), None),
        last_scan_on=context.day(scanned_at),
        scan_status=row.tracked_status if row.tracked_at else newest.parcel_tracked_status if newest else None,
    )


def _when_all(
    context: Context, parcels: Sequence[Row[Any]], ordered: Quantity, moment: Callable[[Row[Any]], datetime | None]
) -> date | None:
    """Return the day on which the last of a line's pieces left or arrived; None where some did not."""
    done: list[tuple[datetime, Quantity]] = sorted(
        (at, each.parcel_quantity) for each in parcels if (at := moment(each)) is not None
    )
    total: Quantity = 0
    for at, pieces in done:
        total += pieces
        if total >= ordered:
            return context.day(at)
    return None


def _delivered_at(row: Row[Any]) -> datetime | None:
    found: datetime | None = row.parcel_delivered_at
    return found


def _left_at(row: Row[Any]) -> datetime | None:
    found: datetime | None = row.parcel_shipped_at or row.parcel_delivered_at
    return found


def _tracked_at(row: Row[Any]) -> datetime:
    found: datetime = row.parcel_tracked_at
    return found
