"""What staff record about lines: refunds, further periods that a customer set by letter, and contracts ended so."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from models.errors import ForewarnError
from models.orders import LineKey
from models.promise_clock import AnswerKind, ClockAnswer
from tasks.context import Context
from tasks.db.events import record_events
from tasks.db.sql import in_list
from tasks.tables import EVENTS, ORDER_LINES

# The kinds of events about a line. Their subject is `ORDER/LINE`; the reason of all but the first begins with a day.
MISSED = "deadline_missed"
"""A deadline passed."""
REFUNDED = "refunded"
EXTRA_TIME = "extra_time_set"
"""The reason begins with two days: that of the letter, and the last of the period."""
ENDED = "contract_ended"
TAKEN_BACK = "answer_taken_back"
"""What was recorded of letters about the line before was wrong, or the customer took it back."""

REFUND_TAKEN_BACK = "refund_taken_back"
"""A refund was recorded by mistake."""

RECORDED = (REFUNDED, EXTRA_TIME, ENDED, TAKEN_BACK, REFUND_TAKEN_BACK)
KINDS = {AnswerKind.EXTRA_TIME: EXTRA_TIME, AnswerKind.END: ENDED}


@dataclass(frozen=True, slots=True)
class StaffRecords:
    """What staff recorded about a line."""

    answers: tuple[ClockAnswer, ...] = ()
    refunded_on: date | None = None


NO_RECORDS = StaffRecords()


def load_staff_records(connection: Connection, lines: Collection[LineKey]) -> dict[LineKey, StaffRecords]:
    """Return what was recorded about lines, by line; a line without any is left out."""
    subjects = {f"{order}/{number}": (order, number) for order, number in lines}
    if not subjects:
        return {}
    query = select(EVENTS.c.subject, EVENTS.c.kind, EVENTS.c.why).where(
        in_list(connection, EVENTS.c.subject, subjects), EVENTS.c.kind.in_(RECORDED)
    )
    events: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for subject, kind, why in connection.execute(query.order_by(EVENTS.c.id)):
        events[subject].append((kind, why))
    return {subjects[subject]: _records(found) for subject, found in events.items()}


def _records(events: Sequence[tuple[str, str]]) -> StaffRecords:
    answers: list[ClockAnswer] = []
    refunded_on = None
    for kind, why in events:
        if kind == TAKEN_BACK:
            answers = []
            continue
        if kind == REFUND_TAKEN_BACK:
            refunded_on = None
            continue
        on, *more = why.split()
        if kind == REFUNDED:
            refunded_on = refunded_on or date.fromisoformat(on)
        elif kind == EXTRA_TIME:
            answers.append(ClockAnswer(AnswerKind.EXTRA_TIME, date.fromisoformat(on), date.fromisoformat(more[0])))
        else:
            answers.append(ClockAnswer(AnswerKind.END, date.fromisoformat(on)))
    return StaffRecords(tuple(answers), refunded_on)


def record_refund(context: Context, order: str, lines: Sequence[str], on: date, who: str, why: str = "") -> list[str]:
    """Record a refund of some lines of an order, or of all, and return their numbers.

    Raises ForewarnError for an unknown order or line, and for a day to come.
    """
    with context.engine.begin() as connection:
        return save_refund(context, connection, order, lines, on, who, why)


def save_refund(
    context: Context, connection: Connection, order: str, lines: Sequence[str], on: date, who: str, why: str = ""
) -> list[str]:
    """Do what `record_refund` does, in the caller's transaction."""
    if on > context.as_of:
        raise ForewarnError(f"{on} is in the future; a refund is recorded when it was paid")
    return _save(context, connection, order, lines, REFUNDED, f"{on} {why}".strip(), who)


def take_refund_back(
    context: Context, connection: Connection, order: str, lines: Sequence[str], who: str, why: str = ""
) -> list[str]:
    """Let recorded refunds of lines count no more, in the caller's transaction: they were recorded by mistake."""
    return _save(context, connection, order, lines, REFUND_TAKEN_BACK, f"{context.as_of} {why}".strip(), who)


def record_letter(
    context: Context, order: str, lines: Sequence[str], answer: ClockAnswer, who: str, why: str = ""
) -> list[str]:
    """Record a further period that a customer set, or that they ended the contract; return the lines' numbers.

    The day is that of its receipt, or of its sending where the law counts that. Raises ForewarnError for an unknown
    order or line, for a day to come, and for a period that ends before it begins.
    """
    if answer.on > context.as_of:
        raise ForewarnError(f"{answer.on} is in the future; a letter is recorded when it is here")
    days = str(answer.on)
    if answer.kind is AnswerKind.EXTRA_TIME:
        if answer.until is None or answer.until < answer.on:
            raise ForewarnError(f"a further period set on {answer.on} ends on that day or later, not on {answer.until}")
        days = f"{answer.on} {answer.until}"
    return _record(context, order, lines, KINDS[answer.kind], f"{days} {why}".strip(), who)


def take_letters_back(context: Context, order: str, lines: Sequence[str], who: str, why: str = "") -> list[str]:
    """Let what was recorded of letters about lines count no more; raises ForewarnError for an unknown order or line."""
    return _record(context, order, lines, TAKEN_BACK, f"{context.as_of} {why}".strip(), who)


def _record(context: Context, order: str, lines: Sequence[str], kind: str, why: str, who: str) -> list[str]:
    with context.engine.begin() as connection:
        return _save(context, connection, order, lines, kind, why, who)


def _save(
    context: Context, connection: Connection, order: str, lines: Sequence[str], kind: str, why: str, who: str
) -> list[str]:
    query = select(ORDER_LINES.c.number).where(ORDER_LINES.c.order_id == order).order_by(ORDER_LINES.c.number)
    known = list(connection.execute(query).scalars())
    if not known:
        raise ForewarnError(f"no order {order!r} is known: `forewarn import` imports new orders")
    if unknown := sorted(set(lines) - set(known)):
        raise ForewarnError(f"order {order} has no line {unknown[0]!r}; its lines are {', '.join(known)}")
    chosen = list(lines) or known
    record_events(connection, [(kind, f"{order}/{number}", why) for number in chosen], context.started_at, who)
    return chosen
