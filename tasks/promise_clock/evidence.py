"""The evidence of one order: promised, told, delivered, answered and refunded, each with its time and source."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, select

from models.customers import ENDS_CONTRACT
from models.enums import State
from models.errors import ForewarnError
from models.orders import NoticeLine
from models.promise_clock import Statement
from models.quantities import plain
from tasks.context import Context
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.promise_clock.evidence_words import LETTERS, STATE_WORDS, STATEMENTS
from tasks.promise_clock.facts import LineClock, load_line_clocks
from tasks.promise_clock.staff_records import MISSED, REFUNDED
from tasks.promise_clock.timeline import line_timeline
from tasks.tables import CUSTOMER_CHOICES, CUSTOMER_MAILS, CUSTOMERS, EVENTS, NOTICES, ORDERS, OUTBOX


def load_evidence(context: Context, connection: Connection, order: str) -> dict[str, Any]:
    """Return all that the ledger can prove about an order, as plain data; raises ForewarnError where it is unknown.

    It names the customer and holds the words that were sent: it is made for the customer, an authority or a court.
    """
    columns = (ORDERS.c.id, ORDERS.c.placed_at, ORDERS.c.paid_at, CUSTOMERS.c.name, CUSTOMERS.c.email)
    joined = ORDERS.join(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
    row = connection.execute(select(*columns).select_from(joined).where(ORDERS.c.id == order)).first()
    if row is None:
        raise ForewarnError(f"no order {order!r} is known: `forewarn import` imports new orders")
    clocks = load_line_clocks(context, connection, [order], context.as_of).get(order, ())
    subjects = [f"{order}/{clock.line.number}" for clock in clocks]
    return {
        "order": order,
        "shop": context.shop.name,
        "made_at": context.started_at,
        "zone": context.shop.zone,
        "customer": {"name": row.name, "email": row.email},
        "ordered": _entry(row.placed_at, "ordered", "the shop's facts"),
        "paid": _entry(row.paid_at, "paid", "the shop's facts"),
        "promised": [_promised(clock) for clock in clocks],
        "told": _told(connection, order),
        "answered": _answered(connection, order),
        "letters": _letters(connection, subjects),
        "confirmed": _mails(connection, order),
        "delivered": [entry for clock in clocks for entry in _sent(clock)],
        "refunded": _events(connection, subjects, REFUNDED) + _done(connection, order),
        "missed": _events(connection, subjects, MISSED),
        "lines": [_standing(clock, context.as_of) for clock in clocks],
    }


def _entry(at: datetime | None, what: str, source: str) -> dict[str, Any] | None:
    return None if at is None else {"at": at, "what": what, "source": source}


def _promised(clock: LineClock) -> dict[str, Any]:
    line = clock.line
    by_law = f"the law of {clock.country}: no date was stated"
    return {
        "line": line.number,
        "product": line.product.name,
        "quantity": plain(line.quantity),
        "by": clock.due_on,
        "what": str(clock.rules.performance),
        "stated": line.promised_on if clock.stated else None,
        "stated_what": str(line.promise),
        "source": "the shop's facts and policy" if clock.stated else by_law,
    }


def _told(connection: Connection, order: str) -> list[dict[str, Any]]:
    names = ("id", "revision", "address", "subject", "text", "created_at", "lines", "statements")
    states = ("channel", "state", "reason", "sending_at", "settled_at", "reference", "trial")
    query = (
        select(*(NOTICES.c[name] for name in names), *(OUTBOX.c[name] for name in states))
        .select_from(NOTICES_WITH_STATE)
        .where(NOTICES.c.order_id == order)
        .order_by(NOTICES.c.revision, NOTICES.c.channel)
    )
    return [
        {
            "id": row.id,
            "revision": row.revision,
            "channel": row.channel,
            "to": row.address,
            "recorded_at": row.created_at,
            "sent_at": row.sending_at,
            "settled_at": row.settled_at,
            "became": _became(row.state, trial=row.trial),
            "reason": row.reason,
            "reference": row.reference,
            "lines": [_said(NoticeLine.from_data(line)) for line in row.lines],
            "says": [STATEMENTS[Statement(one)] for one in row.statements or ()],
            "subject": row.subject,
            "words": row.text or None,
            "source": "Forewarn's ledger and the provider's answer",
        }
        for row in connection.execute(query)
    ]


def _became(state: str, *, trial: bool) -> str:
    return "sent in a trial: to no customer" if trial else STATE_WORDS.get(State(state), "not sent yet")


def _said(line: NoticeLine) -> dict[str, Any]:
    return {"line": line.number, "promised_on": line.promised_on, "expected_on": line.expected_on}


def _answered(connection: Connection, order: str) -> list[dict[str, Any]]:
    names = ("id", "act", "state", "made_at", "made_by", "lines", "expected_on", "refund", "currency", "notice_id")
    query = select(*(CUSTOMER_CHOICES.c[name] for name in (*names, "changed_at", "changed_by")))
    rows = connection.execute(
        query.where(CUSTOMER_CHOICES.c.order_id == order).order_by(CUSTOMER_CHOICES.c.number)
    ).mappings()
    return [{**row, "source": "the order page" if row["made_by"] == "customer" else "staff"} for row in rows]


def _mails(connection: Connection, order: str) -> list[dict[str, Any]]:
    names = ("id", "kind", "address", "subject", "text", "choice_id")
    query = (
        select(*(CUSTOMER_MAILS.c[name] for name in names), OUTBOX.c.state, OUTBOX.c.sending_at, OUTBOX.c.trial)
        .join(OUTBOX, OUTBOX.c.id == CUSTOMER_MAILS.c.id)
        .where(CUSTOMER_MAILS.c.order_id == order, CUSTOMER_MAILS.c.choice_id.is_not(None))
        .order_by(CUSTOMER_MAILS.c.created_at, CUSTOMER_MAILS.c.id)
    )
    return [
        {
            "id": row.id,
            "answers": row.choice_id,
            "to": row.address,
            "sent_at": row.sending_at,
            "became": _became(row.state, trial=row.trial),
            "subject": row.subject,
            "words": row.text or None,
        }
        for row in connection.execute(query)
    ]


def _sent(clock: LineClock) -> list[dict[str, Any]]:
    days = (("shipped", clock.facts.shipped_on), ("arrived", clock.facts.delivered_on))
    source = "the shop's facts"
    return [{"line": clock.line.number, "on": on, "what": what, "source": source} for what, on in days if on]


def _done(connection: Connection, order: str) -> list[dict[str, Any]]:
    """Return the cancellations that the shop marked as done: it has paid the money back."""
    choices = CUSTOMER_CHOICES.c
    query = select(choices.id, choices.lines, choices.changed_at, choices.changed_by, choices.refund, choices.currency)
    done = query.where(choices.order_id == order, choices.act.in_(ENDS_CONTRACT), choices.state == "done")
    return [
        {
            "line": ", ".join(row.lines),
            "at": row.changed_at,
            "who": row.changed_by,
            "what": f"{row.refund} {row.currency}" if row.refund is not None else "amount not known here",
            "source": f"{row.id} was marked as done",
        }
        for row in connection.execute(done.order_by(choices.number))
    ]


def _events(connection: Connection, subjects: list[str], kind: str) -> list[dict[str, Any]]:
    query = select(EVENTS.c.subject, EVENTS.c.at, EVENTS.c.who, EVENTS.c.why).where(
        EVENTS.c.subject.in_(subjects), EVENTS.c.kind == kind
    )
    return [
        {"line": row.subject.rpartition("/")[2], "at": row.at, "who": row.who, "what": row.why, "source": "recorded"}
        for row in connection.execute(query.order_by(EVENTS.c.id))
    ]


def _letters(connection: Connection, subjects: list[str]) -> list[dict[str, Any]]:
    """Return what staff recorded of what the customer said in letters or on the phone."""
    return [
        {**entry, "what": f"{words}: {entry['what']}"}
        for kind, words in LETTERS.items()
        for entry in _events(connection, subjects, kind)
    ]


def _standing(clock: LineClock, today: date) -> dict[str, Any]:
    return {
        "line": clock.line.number,
        "country": clock.country,
        "state": str(clock.standing.state),
        "duty": str(clock.standing.duty),
        "deadline": clock.standing.deadline,
        "timeline": [{"on": one.on, "what": one.what} for one in line_timeline(clock, today)],
    }
