"""Tell the whole story of one order: its facts, its delay, what was told, and what would be said now."""

from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, select

from models.errors import ForewarnError
from models.facts import LineFacts, OrderFacts, Shipment
from models.plans import Delay, Verdict
from models.quantities import as_number
from rules.delays import open_lines
from rules.masking import masked
from tasks.decisions import decide
from tasks.desk import Desk
from tasks.explain_supply import supply
from tasks.notices import NOTICES
from tasks.offers import OFFERS
from tasks.orders import Watched, named
from tasks.outbox import EVENTS
from tasks.purses import open_purse
from tasks.runs import Now
from tasks.shelves import Shelves
from tasks.survey import told_by_then

TOLD = ("revision", "channel", "address", "state", "reason", "message", "expected_on", "told_on", "settled_at", "why")
GIVEN = ("kind", "line", "products", "percent", "amount", "currency", "expires_on")


def find(desk: Desk, connection: Connection, order: str, as_of: date) -> Watched:
    """Return one order as of a day; raises ForewarnError where there is none."""
    found = named(desk, connection, [order])
    if not found:
        raise ForewarnError(
            f"no order {order!r} is known here; an order that the source has comes with `forewarn import`"
        )
    (watched,) = found
    told = told_by_then(connection, [watched.order], as_of).get(order)
    return replace(watched, order=replace(watched.order, told=told))


def explain(desk: Desk, connection: Connection, order: str, now: Now) -> dict[str, Any]:
    """Return the story of one order as plain data; addresses are masked. Raises ForewarnError."""
    watched = find(desk, connection, order, now.as_of)
    facts = watched.order
    (decided,) = decide(desk, now, connection, [watched], Shelves(), open_purse(connection, now, desk.policy))
    verdict = decided.verdict
    return {
        "order": facts.id,
        "as_of": now.as_of,
        "placed_on": facts.placed_on,
        "cancelled_on": facts.cancelled_on,
        "customer": _customer(facts),
        "unpaid": facts.unpaid,
        "lines": [_line(facts, line, verdict.delay, now.as_of) for line in facts.lines],
        "parcels": [_parcel(line, one, now.as_of) for line in facts.lines for one in line.shipments],
        "bucket": verdict.bucket,
        "days": verdict.delay.days if verdict.delay else 0,
        "expected_on": verdict.delay.expected_on if verdict.delay else None,
        "supply": supply(desk, connection, order, now.as_of),
        "told": _told(connection, order),
        "offers": _offers(connection, order),
        "now": _now(facts, verdict, now.as_of),
        "look_again_on": verdict.look_again_on if verdict.look_again_on < date.max else None,
    }


def _customer(facts: OrderFacts) -> dict[str, Any]:
    customer = facts.customer
    return {
        "name": customer.name,
        "email": masked(customer.email) if customer.email else None,
        "phone": masked(customer.phone) if customer.phone else None,
        "locale": customer.locale,
        "prefers": customer.prefers,
        "opted_out": customer.opted_out,
    }


def _line(order: OrderFacts, line: LineFacts, delay: Delay | None, as_of: date) -> dict[str, Any]:
    late = next((one for one in delay.late if one.line.number == line.number), None) if delay else None
    cancelled_on = line.cancelled_on or order.cancelled_on
    ends = (("delivered", line.delivered_on), ("shipped", line.shipped_on), ("cancelled", cancelled_on))
    ended = next((f"{word} {day}" for word, day in ends if day is not None and day <= as_of), "nothing owed")
    return {
        "line": line.number,
        "product": line.product.name,
        "quantity": as_number(line.quantity),
        "shipped": as_number(line.sent(as_of)),
        "owed": as_number(0 if order.cancelled_on is not None and order.cancelled_on <= as_of else line.owed(as_of)),
        "promise": str(line.promise),
        "promised_on": line.promised_on,
        "expected_on": line.expected_on,
        "state": f"{late.days} days late" if late else ended if line not in open_lines(order, as_of) else "on time",
    }


def _parcel(line: LineFacts, parcel: Shipment, as_of: date) -> dict[str, Any]:
    steps = (
        ("called off", parcel.cancelled_on),
        ("delivered", parcel.delivered_on),
        ("shipped", parcel.shipped_on),
        ("packed", parcel.packed_on),
    )
    return {
        "line": line.number,
        "parcel": parcel.id,
        "quantity": as_number(parcel.quantity),
        "state": next((f"{word} {day}" for word, day in steps if day is not None and day <= as_of), "not packed"),
        "carrier": parcel.carrier,
        "tracking": parcel.tracking_number,
        "url": parcel.tracking_url,
    }


def _told(connection: Connection, order: str) -> list[dict[str, Any]]:
    query = select(NOTICES.c.id, *(NOTICES.c[name] for name in TOLD)).where(NOTICES.c.order_id == order)
    told = [dict(row) for row in connection.execute(query.order_by(NOTICES.c.revision, NOTICES.c.channel)).mappings()]
    for notice in told:
        notice["address"] = masked(notice["address"]) if notice["address"] else None
        notice["events"] = _events(connection, notice["id"])
    return told


def _events(connection: Connection, notice: str) -> list[dict[str, Any]]:
    query = select(EVENTS.c.at, EVENTS.c.kind, EVENTS.c.who, EVENTS.c.why).where(EVENTS.c.subject == notice)
    return [dict(row) for row in connection.execute(query.order_by(EVENTS.c.id)).mappings()]


def _offers(connection: Connection, order: str) -> list[dict[str, Any]]:
    query = select(*(OFFERS.c[name] for name in GIVEN)).where(OFFERS.c.order_id == order).order_by(OFFERS.c.created_at)
    return [dict(row) for row in connection.execute(query).mappings()]


def _now(order: OrderFacts, verdict: Verdict, as_of: date) -> dict[str, Any]:
    if verdict.plan is None:
        cancelled = order.cancelled_on is not None and order.cancelled_on <= as_of
        quiet = "the order was cancelled" if cancelled else "nothing is late" if verdict.delay is None else ""
        return {"say": None, "why": verdict.quiet or quiet}
    plan = verdict.plan
    return {
        "say": plan.message,
        "why": plan.why,
        "channels": {str(one.channel): str(one.skip) if one.skip else "would be sent" for one in plan.contacts},
        "substitutes": [product.name for found in plan.substitutes for product in found.products],
        "discount": str(plan.discount.kind) if plan.discount else None,
    }
