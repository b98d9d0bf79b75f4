"""Load why the lines of a page of orders are late: two queries for the page, whatever its size."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, select

from models.inventory import Coverage
from models.orders import LineKey
from models.reasons import DelayReason, ReasonScope
from rules.delays.reasons import Cause, ReasonKey, line_subject, resolve_reason
from tasks.db.sql import in_list
from tasks.tables import ALLOCATIONS, DELAY_REASONS, INBOUNDS

FEW = 200
"""So many of staff's reasons are loaded at once, without naming what a page is about."""
_BY_STAFF = select(*(DELAY_REASONS.c[name] for name in ("scope", "subject", "code", "texts")))
Deliveries = Mapping[LineKey, Sequence[Row[Any]]]


def load_reasons(connection: Connection, rows: Iterable[Any]) -> dict[LineKey, DelayReason]:
    """Return the reason of each line that has one, from the rows of `select_orders`."""
    open_rows = [row for row in rows if row.line_number is not None and not _is_over(row)]
    if not open_rows:
        return {}
    by_staff = _load_few(connection)
    with_reason = by_staff is not None and not by_staff
    deliveries = _load_deliveries(connection, {row.order_id for row in open_rows}, with_reason=with_reason)
    if with_reason:
        # Staff give few reasons, if any: then only what the source says counts.
        open_rows = [row for row in open_rows if row.line_delay_reason or (row.order_id, row.line_number) in deliveries]
    if by_staff is None:
        by_staff = _load_by_staff(connection, _subjects(open_rows, deliveries))
    reasons = (
        ((row.order_id, row.line_number), resolve_reason(_causes(row, deliveries), by_staff)) for row in open_rows
    )
    return {key: reason for key, reason in reasons if reason is not None}


def _subjects(rows: Sequence[Any], deliveries: Deliveries) -> set[str]:
    found = {subject for row in rows for subject in (row.product_id, row.product_vendor_id)}
    found |= {line_subject(row.order_id, row.line_number) for row in rows}
    covered_by = (delivery for each in deliveries.values() for delivery in each)
    found |= {subject for delivery in covered_by for subject in (delivery.inbound_id, delivery.vendor_id)}
    return found - {None}


def _is_over(row: Any) -> bool:
    return bool(row.line_closed) or row.line_delivered_at is not None or row.line_cancelled_at is not None


def _causes(row: Any, deliveries: Deliveries) -> Iterator[Cause]:
    covered_by = deliveries.get((row.order_id, row.line_number), ())
    yield Cause(ReasonScope.LINE, line_subject(row.order_id, row.line_number), row.line_delay_reason)
    for delivery in covered_by:
        yield Cause(ReasonScope.INBOUND, delivery.inbound_id, delivery.delay_reason)
    yield Cause(ReasonScope.PRODUCT, row.product_id)
    for vendor in (*(delivery.vendor_id for delivery in covered_by), row.product_vendor_id):
        if vendor is not None:
            yield Cause(ReasonScope.VENDOR, vendor)


def _load_deliveries(connection: Connection, orders: set[str], *, with_reason: bool) -> Deliveries:
    """Return the deliveries that cover lines, the last to leave first: that one makes the line late.

    `with_reason` leaves out those without a reason in the source.
    """
    query = (
        select(
            *(ALLOCATIONS.c[name] for name in ("order_id", "line", "inbound_id", "ships_on")),
            INBOUNDS.c.delay_reason,
            INBOUNDS.c.vendor_id,
        )
        .select_from(ALLOCATIONS.join(INBOUNDS, INBOUNDS.c.id == ALLOCATIONS.c.inbound_id))
        .where(in_list(connection, ALLOCATIONS.c.order_id, orders), ALLOCATIONS.c.cover == Coverage.INBOUND)
        .order_by(ALLOCATIONS.c.part.desc())
    )
    if with_reason:
        query = query.where(INBOUNDS.c.delay_reason.is_not(None))
    by_line: dict[LineKey, list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        by_line[row.order_id, row.line].append(row)
    for rows in by_line.values():
        rows.sort(key=lambda row: row.ships_on or date.max, reverse=True)
    return by_line


def _load_few(connection: Connection) -> dict[ReasonKey, DelayReason] | None:
    """Return all reasons that staff gave; None where they are many."""
    rows = connection.execute(_BY_STAFF.limit(FEW + 1)).all()
    return None if len(rows) > FEW else _by_key(rows)


def _load_by_staff(connection: Connection, subjects: set[str]) -> dict[ReasonKey, DelayReason]:
    scopes = in_list(connection, DELAY_REASONS.c.scope, list(ReasonScope))
    return _by_key(connection.execute(_BY_STAFF.where(scopes, in_list(connection, DELAY_REASONS.c.subject, subjects))))


def _by_key(rows: Iterable[Row[Any]]) -> dict[ReasonKey, DelayReason]:
    return {(ReasonScope(row.scope), row.subject): DelayReason(row.code, row.texts) for row in rows}
