"""Explain one order: its facts, its delay, what its customer was told and chose, and what a notice would say now."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from models.decisions import Assessment, Delay
from models.enums import State
from models.errors import ForewarnError
from models.orders import LineFacts, OrderFacts, Shipment
from models.quantities import as_number
from rules.contact.addresses import email_address, phone_number, readable
from rules.contact.masking import mask_address
from rules.delays.assess import CUSTOMER_WAS_TOLD
from rules.delays.delays import open_lines
from rules.early_warning.sentences import outlook_sentence
from tasks.context import Context
from tasks.notices.decide import decide_orders
from tasks.notices.deleted_words import HAS_WORDS_FILTER
from tasks.notices.rendering import render_plan
from tasks.notices.summary import wording_words
from tasks.offers.budget import load_budget
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.order_rows import WatchedOrder
from tasks.orders.queries import get_orders
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.reporting.dry_run import as_told_by
from tasks.reporting.explain_choices import explain_choices, load_events
from tasks.reporting.explain_clock import explain_clock
from tasks.reporting.explain_consent import explain_consent
from tasks.reporting.explain_supply import explain_supply
from tasks.tables import NOTICES, OFFERS, OUTBOX

NOTICE_COLUMNS = (
    "revision",
    "channel",
    "address",
    "state",
    "reason",
    "message",
    "experiment",
    "wording",
    "expected_on",
    "told_on",
    "settled_at",
    "why",
)
SENT_STATES = (State.SENT, State.DELIVERED)
NOT_SENT_STATES = (State.SKIPPED, State.REJECTED)
UNSENT_STATES = (State.HELD, State.QUEUED, State.SENDING)
STATE_COLUMNS = ("state", "reason", "settled_at", "reference", "trial", "not_before")
PROGRESS_COLUMNS = ("run_id", "trial", "not_before")
OFFER_COLUMNS = ("kind", "line", "products", "percent", "amount", "currency", "expires_on")


def find_order(context: Context, connection: Connection, order: str, as_of: date) -> WatchedOrder:
    """Return one order as of a day; raises ForewarnError where there is none."""
    orders = get_orders(context, connection, [order])
    if not orders:
        raise ForewarnError(
            f"no order {order!r} is known here; an order that the source has comes with `forewarn import`"
        )
    (watched,) = orders
    return as_told_by(watched, as_of)


def explain_order(context: Context, connection: Connection, order: str) -> dict[str, Any]:
    """Return everything about one order as plain data, addresses masked; raises ForewarnError where it is unknown."""
    watched = find_order(context, connection, order, context.as_of)
    facts = watched.order
    (decision,) = decide_orders(
        context, connection, [watched], SubstituteStock(), load_budget(connection, context, context.policy)
    )
    assessment = decision.assessment
    notices = _load_notices(context, connection, order)
    pending = _pending_notice(facts, notices)
    held = pending is not None and any(notice["state"] == State.HELD for notice in notices)
    current = _current_notice(context, facts, assessment, context.as_of, pending)
    return {
        "order": facts.id,
        "as_of": context.as_of,
        "placed_on": facts.placed_on,
        "cancelled_on": facts.cancelled_on,
        "customer": _customer(facts, context.shop.country),
        "consent": explain_consent(context, connection, facts.customer),
        "unpaid": facts.unpaid,
        "lines": [_line(context, facts, line, assessment.delay) for line in facts.lines],
        "parcels": [_parcel(line, shipment, context.as_of) for line in facts.lines for shipment in line.shipments],
        "bucket": assessment.bucket,
        "days": assessment.delay.days if assessment.delay else 0,
        "expected_on": assessment.delay.expected_on if assessment.delay else None,
        "supply": explain_supply(context, connection, order, context.as_of),
        "told": notices,
        "promise_clock": explain_clock(context, connection, order),
        "offers": _offers(connection, order),
        "choices": explain_choices(connection, order),
        "outlook": outlook_sentence(decision.watched.order, context.as_of, context.policy, context.calendar),
        "now": current,
        "next_check_on": assessment.next_check_on if assessment.next_check_on < date.max and not held else None,
    }


def _customer(facts: OrderFacts, country: str) -> dict[str, Any]:
    customer = facts.customer
    return {
        "name": customer.name,
        "email": _masked(email_address, customer.email),
        "phone": _masked(partial(phone_number, country=customer.country or country), customer.phone),
        "locale": customer.locale,
        "prefers": customer.prefers,
        "opted_out": customer.opted_out,
    }


def _masked(read: Callable[[str], str], address: str | None) -> str | None:
    """Return an address in its normal form, or as it is written where it is invalid; masked."""
    return mask_address(readable(read, address) or address) if address else None


def _line(context: Context, order: OrderFacts, line: LineFacts, delay: Delay | None) -> dict[str, Any]:
    as_of = context.as_of
    late = next((late for late in delay.late if late.line.number == line.number), None) if delay else None
    cancelled_on = line.cancelled_on or order.cancelled_on
    ends = (("delivered", line.delivered_on), ("shipped", line.shipped_on), ("cancelled", cancelled_on))
    ended = next((f"{word} {day}" for word, day in ends if day is not None and day <= as_of), "")
    if line.ended is not None and line not in open_lines(order, as_of):
        ended = f"{ended}: {line.ended}" if ended else line.ended
    ended = ended or "nothing owed"
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
        "reason": _reason(context, late.line) if late else None,
    }


def _reason(context: Context, line: LineFacts) -> dict[str, Any] | None:
    """Return why a line is late, in the shop's language; None where it is not known."""
    if line.reason is None:
        return None
    text = context.renderer.reasons.clause(line.reason, context.shop.locale)
    return {"code": line.reason.code, "text": text, "given_for": line.reason.scope}


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


def _load_notices(context: Context, connection: Connection, order: str) -> list[dict[str, Any]]:
    names = ("id", *NOTICE_COLUMNS, *PROGRESS_COLUMNS, "reference")
    columns: list[ColumnElement[Any]] = [(OUTBOX if name in STATE_COLUMNS else NOTICES).c[name] for name in names]
    columns.append(HAS_WORDS_FILTER.label("has_words"))
    query = select(*columns).select_from(NOTICES_WITH_STATE).where(NOTICES.c.order_id == order)
    notices = [
        dict(row) for row in connection.execute(query.order_by(NOTICES.c.revision, NOTICES.c.channel)).mappings()
    ]
    for notice in notices:
        notice["address"] = mask_address(notice["address"]) if notice["address"] else None
        notice["events"] = load_events(connection, notice["id"]) + _sent_event(notice)
        notice["words"] = _state_of_words(context, notice, kept=notice.pop("has_words"))
        del notice["reference"]
    return notices


def _state_of_words(context: Context, notice: Mapping[str, Any], *, kept: bool) -> str:
    """Return whether a notice's words are there: none were written of one that had nowhere to go."""
    days = context.policy.retention.message_days
    settled_at = notice["settled_at"]
    if kept:
        return "kept"
    if settled_at and settled_at < context.started_at - timedelta(days=days):
        return f"deleted after {days} days"
    return "none" if notice["state"] == State.SKIPPED else "deleted"


def _sent_event(notice: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the event of a notice that was sent at once: its row says it, and no event repeats it."""
    if notice["state"] != State.SENT or notice["reason"]:
        return []
    return [{"at": notice["settled_at"], "kind": State.SENT, "who": "deliver", "why": notice["reference"] or ""}]


def _offers(connection: Connection, order: str) -> list[dict[str, Any]]:
    query = (
        select(*(OFFERS.c[name] for name in OFFER_COLUMNS))
        .where(OFFERS.c.order_id == order)
        .order_by(OFFERS.c.created_at)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _pending_notice(order: OrderFacts, notices: Sequence[Mapping[str, Any]]) -> str | None:
    """Return why the customer has not got the last notice so far; None where they have, or there is none."""
    told = order.told.revision if order.told else 0
    unsent = [notice for notice in notices if notice["revision"] > told and notice["state"] in UNSENT_STATES]
    if held := next((notice for notice in unsent if notice["state"] == State.HELD), None):
        return f"a message waits: held with run {held['run_id'][:8]} until somebody releases it"
    if unsent:
        return f"a message waits to be sent, not before {unsent[0]['not_before']:%Y-%m-%d %H:%M} UTC"
    if order.told is None:
        return None
    if order.told.assumed:
        return "this delay was skipped on purpose when the shop went live"
    last = [notice for notice in notices if notice["revision"] == told and notice["state"] not in NOT_SENT_STATES]
    if any(notice["state"] == State.IN_DOUBT for notice in last) and not _reached(last):
        return "the message is in doubt: its provider is queried, or `forewarn in-doubt list` shows it"
    sent = [notice for notice in last if notice["state"] not in UNSENT_STATES]
    if sent and all(notice["trial"] for notice in sent):
        return "the customer was told in a trial only: `forewarn go-live` tells them"
    return None


def _reached(notices: Sequence[Mapping[str, Any]]) -> bool:
    return any(notice["state"] in SENT_STATES and not notice["trial"] for notice in notices)


def _current_notice(
    context: Context, order: OrderFacts, assessment: Assessment, as_of: date, pending: str | None
) -> dict[str, Any]:
    if pending is not None and (assessment.plan is not None or assessment.no_notice_reason == CUSTOMER_WAS_TOLD):
        return {"message": None, "why": pending}
    if assessment.plan is None:
        cancelled = order.cancelled_on is not None and order.cancelled_on <= as_of
        quiet = "the order was cancelled" if cancelled else "nothing is late" if assessment.delay is None else ""
        return {"message": None, "why": assessment.no_notice_reason or quiet}
    rendered = render_plan(context, assessment.plan)
    plan = rendered.plan
    return {
        "message": plan.message,
        "wording": next((wording_words(one.wording) for one in rendered.messages.values() if one.wording), None),
        "why": plan.why,
        "channels": {
            str(contact.channel): str(contact.skip) if contact.skip else "would be sent" for contact in plan.contacts
        },
        "substitutes": [product.name for choice in plan.substitutes for product in choice.products],
        "discount": str(plan.discount.kind) if plan.discount else None,
        "problems": rendered.problems,
    }
