"""Load what `why_sentence` says about an order from the records."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from models.decisions import Contact
from models.enums import ChangeKind, Channel, State
from models.orders import CustomerFacts, NoticeLine, OrderFacts
from models.policy.policy import CLOSED, FUTURE, Policy
from rules.contact.contact import choose_contacts, contacts_for, without_suppressed
from rules.delays.assess import ONLY_ESTIMATED, assess_order, bucket_of
from rules.delays.buckets import get_bucket
from rules.delays.schedule import NEVER
from rules.early_warning.sentences import outlook_sentence
from tasks.context import Context
from tasks.desk.cancelled_part import cancelled_part
from tasks.desk.staff_words import short_date
from tasks.desk.why_sentence import WhyFacts, WhyMessage, why_sentence
from tasks.early_warning.outlook import add_outlook
from tasks.notices.suppressions import suppressed_addresses
from tasks.orders.instructions import load_instructions
from tasks.orders.queries import get_orders
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.reporting.dry_run import as_told_by
from tasks.tables import NOTICES, OUTBOX, RUNS, SUPPRESSIONS

_NOTICE_COLUMNS = (
    *("id", "revision", "run_id", "channel", "change", "days", "expected_on", "lines", "address", "created_at"),
)
_STATE_COLUMNS = ("state", "reason", "sending_at", "settled_at", "not_before", "trial")
_MESSAGES = (
    select(*(NOTICES.c[name] for name in _NOTICE_COLUMNS), *(OUTBOX.c[name] for name in _STATE_COLUMNS))
    .select_from(NOTICES_WITH_STATE)
    .where(NOTICES.c.order_id == bindparam("order"))
    .order_by(NOTICES.c.revision, NOTICES.c.channel)
)


def explain_why(context: Context, connection: Connection, order_id: str) -> str:
    """Return the sentence about an order; empty where the order is unknown."""
    found = get_orders(context, connection, [order_id])
    return why_sentence(load_why(context, connection, as_told_by(found[0], context.as_of).order)) if found else ""


def load_why(context: Context, connection: Connection, found: OrderFacts) -> WhyFacts:
    """Return what decides which sentence an order gets on the context's day and at its moment."""
    # What there would be to tell if nobody held it.
    order = add_outlook(context, connection, replace(found, held_by=None))
    rows = connection.execute(_MESSAGES, {"order": order.id}).all()
    assessment = assess_order(order, context.as_of, context.policy, context.calendar)
    plan, delay = assessment.plan, assessment.delay
    contacts = _contacts(context, connection, order, plan) if plan else ()
    blocked = bool(contacts) and all(contact.skip is not None for contact in contacts)
    first_days = next((bucket.from_days for bucket in context.policy.bucket if bucket.notify), None)
    silent = delay is not None and not _is_told(delay.bucket, context.policy)
    addresses = [contact.address for contact in contacts if contact.skip and contact.address]
    skipped_to = [address for address in _addresses(order.customer) if address]
    return WhyFacts(
        customer=order.customer.name or "The customer",
        now=_moment(context),
        zone=context.zone,
        messages=_messages(context, connection, order, rows),
        ended=_ended(context, order) if assessment.bucket == CLOSED else "",
        future_on=order.placed_on if assessment.bucket == FUTURE else None,
        part=cancelled_part(found, context.as_of),
        unpaid=order.unpaid,
        late=delay is not None,
        days=delay.days if delay else 0,
        first_days=first_days,
        below_first=silent and plan is None,
        estimated=assessment.no_notice_reason == ONLY_ESTIMATED,
        outlook=outlook_sentence(order, context.as_of, context.policy, context.calendar),
        left_out=order.told is not None and order.told.assumed and not rows,
        due=plan.change if plan else None,
        skips=tuple((contact.channel, contact.skip) for contact in contacts if contact.skip) if blocked else (),
        since=_since(context, connection, addresses or skipped_to),
        gap_until=_gap(context, order) if plan is None else None,
        held_because=_held_because(connection, rows),
        hold=_hold(context, connection, found),
        next_check_on=assessment.next_check_on if assessment.next_check_on < NEVER else None,
        max_age_hours=context.policy.sending.max_age_hours,
    )


def _moment(context: Context) -> datetime:
    """Return the context's moment; noon of its day where that is another one."""
    if context.day(context.started_at) == context.as_of:
        return context.started_at
    return context.start_of(context.as_of) + timedelta(hours=12)


def _is_told(bucket: str, policy: Policy) -> bool:
    return any(one.name == bucket for one in policy.bucket) and get_bucket(bucket, policy).notify


def _contacts(context: Context, connection: Connection, order: OrderFacts, plan: Any) -> Sequence[Contact]:
    """Return by which channels the message that is due would go, or why by none."""
    bucket, shop = bucket_of(plan, context.policy), context.shop
    found = contacts_for(
        order.customer, bucket, context.policy, context.started_at, country=shop.country, zone=shop.zone
    )
    addresses = {contact.address for contact in found if contact.address}
    suppressed = suppressed_addresses(connection, addresses, context.erasure_key)
    return choose_contacts(order.customer, without_suppressed(found, suppressed))


def _addresses(customer: CustomerFacts) -> tuple[str | None, ...]:
    return ((customer.email or "").strip().lower() or None, customer.phone)


def _since(context: Context, connection: Connection, addresses: Sequence[str]) -> str:
    """Return since when an address is on the do-not-write list, and why; empty where none is."""
    if not addresses:
        return ""
    row = connection.execute(select(SUPPRESSIONS).where(SUPPRESSIONS.c.address.in_(addresses)).limit(1)).first()
    if row is None:
        return ""
    day = short_date(row.created_at.astimezone(context.zone).date(), context.as_of)
    return f" since {day}: {row.reason} ({row.who})"


def _messages(
    context: Context, connection: Connection, order: OrderFacts, rows: Sequence[Row[Any]]
) -> tuple[WhyMessage, ...]:
    waiting = {row.address for row in rows if row.state in (State.HELD, State.QUEUED) and row.address}
    stopped = suppressed_addresses(connection, waiting, context.erasure_key)
    over = {line.number for line in order.lines if line.owed(context.as_of) == 0}
    return tuple(_message(context, order, row, _void(row, stopped, over)) for row in rows)


def _void(row: Row[Any], stopped: Collection[str], over: Collection[str]) -> str:
    """Return why a message that waits will not leave; empty where it may. Only what the worker looks at, too."""
    if row.address in stopped:
        which = "address" if row.channel == Channel.EMAIL else "number"
        return f"the {which} is on the do-not-write list"
    if row.lines and all(NoticeLine.from_data(line).number in over for line in row.lines):
        return "nothing that it is about is owed any more"
    return ""


def _message(context: Context, order: OrderFacts, row: Row[Any], void: str) -> WhyMessage:
    return WhyMessage(
        revision=row.revision,
        channel=row.channel,
        state=State(row.state),
        at=row.sending_at or row.settled_at,
        not_before=row.not_before,
        zone=order.customer.zone or context.shop.zone,
        change=ChangeKind(row.change),
        days=row.days,
        expected_on=row.expected_on,
        what=_what(order, [NoticeLine.from_data(line) for line in row.lines]),
        reason=row.reason or "",
        trial=row.trial,
        void=void,
    )


def _what(order: OrderFacts, lines: Sequence[NoticeLine]) -> str:
    """Return what a message is about: the product's name, or how many items."""
    names = {line.number: line.product.name for line in order.lines}
    named = [names.get(line.number, "an item") for line in lines]
    if len(named) == 1:
        return named[0]
    return f"{len(named)} items" if named else "the order"


def _ended(context: Context, order: OrderFacts) -> str:
    day = context.as_of
    if order.cancelled_on is not None and order.cancelled_on <= day:
        return f"was cancelled on {short_date(order.cancelled_on, day)}"
    lines = order.lines
    by_customer = [line.ended.partition(" (")[0] for line in lines if line.ended and " by the customer" in line.ended]
    if lines and len(by_customer) == len(lines):
        return f"was {by_customer[0]}"
    delivered = [line.delivered_on for line in lines if line.delivered_on is not None and line.delivered_on <= day]
    if lines and len(delivered) == len(lines):
        return f"has arrived; the last of it on {short_date(max(delivered), day)}"
    shipped = [line.shipped_on for line in lines if line.shipped_on is not None and line.shipped_on <= day]
    if lines and len(shipped) == len(lines):
        return f"has left; the last of it on {short_date(max(shipped), day)}"
    if lines and all(line.owed(day) == 0 for line in lines) and not shipped and not delivered:
        return "is over: nothing of it is owed any more"
    return "is complete"


def _gap(context: Context, order: OrderFacts) -> Any:
    """Return the day from which the next message may go, where only the last one's age keeps it back."""
    reason = assess_order(order, context.as_of, context.policy, context.calendar)
    if order.told is None or "minimum gap" not in reason.no_notice_reason:
        return None
    return reason.next_check_on


def _held_because(connection: Connection, rows: Sequence[Row[Any]]) -> str:
    """Return why the run of the last held message waits, in the words of its record."""
    held = [row.run_id for row in rows if row.state == State.HELD]
    if not held:
        return ""
    counts = connection.execute(select(RUNS.c.counts).where(RUNS.c.id == held[-1])).scalar() or {}
    breaches = counts.get("held") if isinstance(counts, dict) else None
    return str(next(iter(breaches.values()))).rstrip(".") if isinstance(breaches, dict) and breaches else ""


def _hold(context: Context, connection: Connection, order: OrderFacts) -> str:
    """Return who holds the order since when; empty where nobody does."""
    held_at = load_instructions(connection, order.id).held_at if order.held_by else None
    if held_at is None:
        return ""
    return (
        f"{order.held_by} holds this order since {short_date(held_at.astimezone(context.zone).date(), context.as_of)}"
    )
