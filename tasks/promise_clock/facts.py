"""The facts of order lines as the promise clock counts them, and where each line stands, from the ledger."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from models.customers import Act
from models.inventory import known_day
from models.orders import LineFacts, LineKey, OrderFacts
from models.policy.promise_clock import CountryRules
from models.promise_clock import AnswerKind, ClockAnswer, ClockFacts, ClockNotice, Standing
from rules.early_warning.facts import known_date
from rules.promise_clock.clock import due_on, stand
from rules.promise_clock.line_days import delivered_on, shipped_on, total_of
from rules.promise_clock.public_holidays import public_holidays
from rules.promise_clock.told_dates import delay_notices
from tasks.context import Context
from tasks.orders.queries import get_orders_as_sold
from tasks.promise_clock.countries import OrderLaw, law_of
from tasks.promise_clock.line_rows import Answer, LineTerms, ToldNotice, load_answers, load_terms, load_told_notices
from tasks.promise_clock.staff_records import NO_RECORDS, StaffRecords, load_staff_records

ANSWERS = {Act.WAIT: AnswerKind.CONSENT, Act.CANCEL: AnswerKind.CANCEL, Act.WITHDRAW: AnswerKind.WITHDRAW}
"""What a choice answers to a delay; the others answer nothing."""
MIN_TOTAL_CURRENCIES = {"CA": "CAD"}
"""In which currency a country's `min_total` is; an order in another one is not compared with it."""
SELLER_CREDIT = "seller_credit"
"""The key of `refund_by_payment` for orders on the shop's own credit."""
ENDS = (AnswerKind.CANCEL, AnswerKind.WITHDRAW)


@dataclass(frozen=True, slots=True)
class LineClock:
    """An order line with the law that holds for it, its facts, and where it stands on a day."""

    order: OrderFacts
    line: LineFacts
    country: str
    """ISO code, with the region where that has a law of its own, as CA-QC."""
    rules: CountryRules
    facts: ClockFacts
    due_on: date
    """The date first in force."""
    standing: Standing
    stated: bool = True
    """Whether a date was promised; otherwise the law says by when."""

    @property
    def key(self) -> LineKey:
        """Return the order's id and the line's number."""
        return self.order.id, self.line.number


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What the ledger holds of a page of orders, by order or line."""

    context: Context
    terms: dict[LineKey, LineTerms]
    told: dict[str, list[ToldNotice]]
    answers: dict[str, list[Answer]]
    recorded: dict[LineKey, StaffRecords]


def load_line_clocks(
    context: Context, connection: Connection, orders: Collection[str], as_of: date
) -> dict[str, tuple[LineClock, ...]]:
    """Return by order where its lines stand on a day.

    An order that waits for its payment has no clock yet, and neither has a line of which nothing is owed by its source,
    or that the customer swapped for another product.
    """
    if not orders:
        return {}
    sold = [watched.order for watched in get_orders_as_sold(context, connection, list(orders))]
    return line_clocks_of(context, connection, sold, as_of)


def line_clocks_of(
    context: Context, connection: Connection, orders: Sequence[OrderFacts], as_of: date
) -> dict[str, tuple[LineClock, ...]]:
    """Return the same of orders that are loaded already."""
    if not orders:
        return {}
    ids = [order.id for order in orders]
    terms = load_terms(connection, ids)
    loaded = _Loaded(
        context,
        terms,
        load_told_notices(connection, [order.id for order in orders if order.revision]),
        load_answers(connection, ids),
        load_staff_records(connection, terms),
    )
    return {order.id: tuple(_order_clocks(loaded, order, as_of)) for order in orders}


def _order_clocks(loaded: _Loaded, order: OrderFacts, as_of: date) -> Iterator[LineClock]:
    answers = loaded.answers.get(order.id, [])
    swapped = {number for answer in answers if answer.act is Act.SWAP for number in answer.lines}
    law = law_of(loaded.context, order)
    for line in order.lines:
        is_over = line.closed and line.shipped_on is None and line.delivered_on is None
        if not (order.unpaid or is_over or line.number in swapped):
            yield _line_clock(loaded, law, order, line, as_of)


def _line_clock(loaded: _Loaded, law: OrderLaw, order: OrderFacts, line: LineFacts, as_of: date) -> LineClock:
    rules = law.rules
    facts, stated = _facts(loaded, law, order, line, as_of)
    holidays = public_holidays(rules.holidays)
    standing = stand(facts, rules, as_of, holidays)
    if _misses(law.counted(known_date(line), line), standing.deadline, as_of):
        facts = replace(facts, cannot_meet=True)
        standing = stand(facts, rules, as_of, holidays)
    return LineClock(order, line, law.name, rules, facts, due_on(facts, rules), standing, stated)


def _facts(loaded: _Loaded, law: OrderLaw, order: OrderFacts, line: LineFacts, as_of: date) -> tuple[ClockFacts, bool]:
    """Return the facts of a line, and whether a date was promised for it."""
    context, terms, rules = loaded.context, loaded.terms[order.id, line.number], law.rules
    recorded = loaded.recorded.get((order.id, line.number), NO_RECORDS)
    stated = _is_stated(context, order, terms)
    facts = ClockFacts(
        received_on=order.placed_on,
        payment_good_on=context.day(terms.paid_at) if rules.option_notice else None,
        promised_on=law.counted(line.promised_on, line) if stated else None,
        seller_credit=terms.seller_credit,
        payment=SELLER_CREDIT if terms.seller_credit else "",
        exclusion=line.exclusion,
        total=total_of(order) if order.currency == MIN_TOTAL_CURRENCIES.get(law.country) else None,
        essential=terms.essential,
        notices=tuple(_notices(loaded, law, order, line)),
        answers=(*recorded.answers, *_answers(loaded, law, order, line)),
        shipped_on=shipped_on(line, as_of),
        delivered_on=delivered_on(line, as_of),
        gave_up_on=line.cancelled_on or order.cancelled_on,
        refunded_on=recorded.refunded_on or _refunded_on(loaded, order, line),
    )
    return facts, stated


def _misses(expected_on: date | None, deadline: date | None, as_of: date) -> bool:
    """Return whether the shop expects to miss a date: what it expected is later, or has passed itself."""
    if expected_on is None or deadline is None:
        return False
    return expected_on > deadline or expected_on < as_of


def _is_stated(context: Context, order: OrderFacts, terms: LineTerms) -> bool:
    """Return whether a date was promised: by the shop's facts, or by the policy for the shipping method."""
    if known_day(terms.stored, order.placed_on) is not None:
        return True
    within = {name.lower() for name in context.policy.promise.ship_within}
    return (terms.method or "").lower() in within


def _notices(loaded: _Loaded, law: OrderLaw, order: OrderFacts, line: LineFacts) -> Iterable[ClockNotice]:
    for_line = [
        ClockNotice(
            given_on=loaded.context.day(notice.at) or order.placed_on,
            revised_on=law.counted(said.expected_on, line),
            delivered=notice.reached,
            adequate=not law.rules.option_notice or notice.is_adequate(dated=said.expected_on is not None),
            id=notice.id,
        )
        for notice in loaded.told.get(order.id, [])
        for said in notice.lines
        if said.number == line.number
    ]
    return delay_notices(for_line)


def _answers(loaded: _Loaded, law: OrderLaw, order: OrderFacts, line: LineFacts) -> Iterator[ClockAnswer]:
    for answer in loaded.answers.get(order.id, []):
        on = loaded.context.day(answer.at)
        if (kind := ANSWERS.get(answer.act)) is not None and line.number in answer.lines and on is not None:
            yield ClockAnswer(kind, on, law.counted(answer.until, line))


def _refunded_on(loaded: _Loaded, order: OrderFacts, line: LineFacts) -> date | None:
    """Return when a cancellation was marked as done: the money went back by then."""
    done = [
        loaded.context.day(answer.done_at)
        for answer in loaded.answers.get(order.id, [])
        if ANSWERS.get(answer.act) in ENDS and line.number in answer.lines
    ]
    return next((day for day in done if day is not None), None)
