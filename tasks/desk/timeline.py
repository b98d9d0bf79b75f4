"""What happened to an order, as one list: messages, answers, dates, parcels, money, deadlines and acts of staff."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select

from models.customers import Act, Choice, ChoiceState
from models.enums import RemedyKind
from models.orders import OrderFacts
from tasks.context import Context
from tasks.desk.messages import MessageEvent, OrderMessage, load_events_of
from tasks.desk.staff_words import DATE_SOURCES, OFFERS, short_date
from tasks.tables import EXPECTED_DATES, ORDERS, SHIPMENTS
from tasks.tables import OFFERS as OFFER_ROWS

MAX_EVENTS = 100
"""How many events stand on the page at once; older ones follow by a link."""
ANSWERS = {
    Act.WAIT: "chose to wait",
    Act.SHIP: "asked for what is ready",
    Act.SWAP: "chose to swap",
    Act.CANCEL: "cancelled",
    Act.OFFER: "took the discount",
    Act.WITHDRAW: "withdrew from the contract",
}
CHANGED = {
    ChoiceState.UNDONE: "Taken back",
    ChoiceState.REFUSED: "The shop could not do it",
    ChoiceState.DONE: "Done by the shop",
    ChoiceState.REPLACED: "Replaced by a later answer",
}
ORDER_EVENTS = {
    "gone": ("calm", "The shop's system no longer has it"),
    "link_revoked": ("calm", "Links to the order page revoked"),
    "new_link_requested": ("calm", "The customer asked for a new link"),
    "shipping_preference": ("calm", "How it ships"),
    "deadline_missed": ("bad", "A deadline passed"),
    "refunded": ("good", "The shop paid money back"),
    "extra_time_set": ("calm", "The customer set a further period"),
    "contract_ended": ("bad", "The customer ended the contract"),
    "answer_taken_back": ("calm", "What was recorded of a letter no longer counts"),
    "reason_set": ("calm", "Reason of the delay given"),
    "reason_cleared": ("calm", "Reason of the delay cleared"),
}
"""By kind of event about an order or its line: the shape of its mark, and its words."""
SECONDARY = ("link_revoked", "reason_cleared")


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """One event of an order's story."""

    at: datetime
    kind: str
    """`placed`, `message`, `answer`, `offer`, `date`, `parcel`, `event`, `act` or `check`."""
    mark: str
    """The shape in front of it: `said`, `good`, `wait`, `bad` or `calm`."""
    text: str
    detail: str = ""
    primary: bool = True
    message: OrderMessage | None = None
    count: int = 1
    """How many events were folded into it."""
    by: str = ""
    """Who wrote it down; empty where nobody did, or where that is told anyway."""


def load_timeline(
    context: Context,
    connection: Connection,
    order: OrderFacts,
    messages: Sequence[OrderMessage],
    choices: Sequence[Choice],
    acts: Iterable[StoryEvent] = (),
) -> tuple[StoryEvent, ...]:
    """Return what happened to an order, the newest first, runs of lesser events folded into one."""
    names = {line.number: line.product.name for line in order.lines}
    placed_at, paid_at = connection.execute(
        select(ORDERS.c.placed_at, ORDERS.c.paid_at).where(ORDERS.c.id == order.id)
    ).one()
    events = [
        *_placed(context, order, placed_at, paid_at),
        *(_message(message) for message in messages),
        *(event for choice in choices for event in _answer(choice, names)),
        *_offers(connection, order, names, messages),
        *_dates(context, connection, order.id, names),
        *_parcels(context, connection, order, names),
        *_order_events(connection, order, names),
    ]
    return fold(sorted(_with_acts(events, tuple(acts)), key=lambda event: event.at, reverse=True))


def _with_acts(events: Sequence[StoryEvent], acts: Sequence[StoryEvent]) -> Iterator[StoryEvent]:
    """Yield events and acts of staff. What an act wrote down is told once, by the act, with the mark of that."""
    moments = {(act.at, act.by) for act in acts}
    written = {(event.at, event.by): event.mark for event in events if (event.at, event.by) in moments}
    yield from (event for event in events if (event.at, event.by) not in moments)
    yield from (replace(act, mark=written.get((act.at, act.by), act.mark)) for act in acts)


def fold(events: Sequence[StoryEvent]) -> tuple[StoryEvent, ...]:
    """Return the events with each run of two or more lesser ones of a kind as one event that counts them."""
    folded: list[StoryEvent] = []
    for key, run in groupby(events, key=lambda event: (event.primary, "" if event.primary else event.kind)):
        found = list(run)
        if key[0] or len(found) == 1:
            folded += found
        else:
            folded.append(replace(found[0], text=_folded(found), detail="", count=len(found)))
    return tuple(folded)


def _folded(events: Sequence[StoryEvent]) -> str:
    if events[0].kind == "check":
        return f"{len(events)} checks without change"
    return f"{len(events)} lesser events: {', '.join(dict.fromkeys(event.text for event in events))}"


def _placed(context: Context, order: OrderFacts, at: datetime, paid_at: datetime | None) -> Iterator[StoryEvent]:
    promised = max((line.promised_on for line in order.lines), default=None)
    by = f" Promised by {short_date(promised, context.as_of)}." if promised else ""
    yield StoryEvent(at, "placed", "calm", f"Order placed.{by}")
    if paid_at is not None and paid_at > at:
        yield StoryEvent(paid_at, "placed", "calm", "Order paid.")


def _message(message: OrderMessage) -> StoryEvent:
    word = "Text" if message.is_text else "Mail"
    words = message.subject or message.excerpt
    to = f" to {message.to}" if message.to else ""
    said = f': "{words}"' if words else ""
    # What is drawn is the outcome as it is now: one message is one event.
    return StoryEvent(message.at, "message", "said", f"{word}{to}{said}", message=message)


def _answer(choice: Choice, names: dict[str, str]) -> Iterator[StoryEvent]:
    by_phone = choice.made_by != "customer"
    who = f"{choice.made_by} recorded: the customer" if by_phone else "The customer"
    what = ", ".join(names.get(line, f"line {line}") for line in choice.lines)
    about = f": {what}" if what and choice.act is not Act.OFFER else ""
    swapped = f" for {choice.product.name}" if choice.product else ""
    detail = f"Why: {choice.why}" if choice.why else ""
    yield StoryEvent(
        choice.made_at, "answer", "good", f"{who} {ANSWERS[choice.act]}{about}{swapped}.", detail, by=choice.made_by
    )
    if choice.changed_at is not None and choice.state in CHANGED:
        by = f" by {choice.changed_by}" if choice.state is not ChoiceState.REPLACED and choice.changed_by else ""
        mark = "bad" if choice.state is ChoiceState.REFUSED else "calm"
        text = f"{CHANGED[choice.state]}{by if choice.state is not ChoiceState.DONE else ''}: {choice.id}."
        primary = choice.state is not ChoiceState.REPLACED
        yield StoryEvent(choice.changed_at, "answer", mark, text, primary=primary, by=choice.changed_by or "")


def _offers(
    connection: Connection, order: OrderFacts, names: dict[str, str], messages: Sequence[OrderMessage]
) -> Iterator[StoryEvent]:
    """Yield the offers whose messages have left."""
    columns = (OFFER_ROWS.c[name] for name in ("kind", "line", "revision", "code", "created_at"))
    query = select(*columns).where(OFFER_ROWS.c.order_id == order.id).order_by(OFFER_ROWS.c.created_at)
    for row in connection.execute(query):
        left = [one for one in messages if one.sending_at and one.change and one.created_at >= row.created_at]
        if left:
            about = f" for {names.get(row.line, row.line)}" if row.line else ""
            code = f", code {row.code}" if row.code else ""
            yield StoryEvent(left[0].at, "offer", "said", f"{OFFERS[RemedyKind(row.kind)]}{about}{code}.")


def _dates(context: Context, connection: Connection, order_id: str, names: dict[str, str]) -> Iterator[StoryEvent]:
    """Yield how the expected date of each line moved; one that stayed is a check without change."""
    columns = (EXPECTED_DATES.c[name] for name in ("line", "expected_on", "source", "why", "set_at", "set_by"))
    rows = connection.execute(
        select(*columns).where(EXPECTED_DATES.c.order_id == order_id).order_by(EXPECTED_DATES.c.id)
    )
    before: dict[str, date | None] = {}
    for row in rows:
        name = names.get(row.line, f"line {row.line}")
        old, known = before.get(row.line), row.line in before
        before[row.line] = row.expected_on
        yield _date(context, row, name, old, known=known)


def _date(context: Context, row: Any, name: str, old: date | None, *, known: bool) -> StoryEvent:
    new, today = row.expected_on, context.as_of
    if known and new == old:
        return StoryEvent(row.set_at, "check", "calm", f"{name}: checked, same date", primary=False)
    who = f"{row.set_by} set the" if row.source == "staff" else "The"
    if new is None:
        text, mark = f"{who} expected date of {name}: no date is known any more.", "wait"
    elif not known or old is None:
        text, mark = f"{who} expected date of {name}: {short_date(new, today)}.", "calm"
    else:
        moved = f"from {short_date(old, today)} to {short_date(new, today)}"
        verb = "" if row.source == "staff" else " moved"
        text, mark = f"{who} expected date of {name}{verb} {moved}.", "wait" if new > old else "good"
    says = DATE_SOURCES.get(row.source, "") if row.source != "staff" else ""
    return StoryEvent(row.set_at, "date", mark, text, f"{says[0].upper()}{says[1:]}." if says else "", by=row.set_by)


def _parcels(
    context: Context, connection: Connection, order: OrderFacts, names: dict[str, str]
) -> Iterator[StoryEvent]:
    rows = connection.execute(select(SHIPMENTS).where(SHIPMENTS.c.order_id == order.id)).mappings().all()
    steps = (
        ("packed_at", "calm", "packed", False),
        ("shipped_at", "good", "left", True),
        ("delivered_at", "good", "arrived", True),
        ("cancelled_at", "bad", "was called off", True),
    )
    for row in rows:
        for column, mark, verb, primary in steps:
            if row[column] is not None:
                carrier = f" with {row['carrier']}" if verb == "left" and row["carrier"] else ""
                text = f"Parcel {row['id']} {verb}{carrier}: {names.get(row['number'], row['number'])}."
                yield StoryEvent(row[column], "parcel", mark, text, primary=primary)
    in_parcels = {row["number"] for row in rows}
    for line in order.lines:
        if line.number in in_parcels:
            continue
        for day, verb in ((line.shipped_on, "left"), (line.delivered_on, "arrived")):
            if day is not None:
                yield StoryEvent(context.start_of(day), "parcel", "good", f"{line.product.name} {verb}.")


def _order_events(connection: Connection, order: OrderFacts, names: dict[str, str]) -> Iterator[StoryEvent]:
    lines = {f"{order.id}/{number}": name for number, name in names.items()}
    found = load_events_of(connection, [order.id, *lines])
    for subject, events in found.items():
        for event in events:
            if event.kind in ORDER_EVENTS:
                yield _event(event, lines.get(subject, ""))


def _event(event: MessageEvent, name: str) -> StoryEvent:
    mark, words = ORDER_EVENTS[event.kind]
    about = f" for {name}" if name else ""
    by_person = event.who not in ("", "customer", "import", "forewarn", "promise-clock")
    who = f" ({event.who})" if by_person else ""
    return StoryEvent(
        event.at, "event", mark, f"{words}{about}{who}.", event.why, primary=event.kind not in SECONDARY, by=event.who
    )
