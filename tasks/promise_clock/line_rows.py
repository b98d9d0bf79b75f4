"""Load what the promise clock needs to know of orders beside their facts: promises, notices, answers and refunds."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from models.customers import Act, ChoiceState
from models.enums import GOOD_CHANGES, ChangeKind, State
from models.orders import LineKey, NoticeLine
from models.promise_clock import SILENCE, Statement
from tasks.db.sql import in_list
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import CUSTOMER_CHOICES, NOTICES, ORDER_LINES, ORDERS, OUTBOX

LEFT = (State.SENT, State.DELIVERED, State.BOUNCED, State.IN_DOUBT)
REACHED = (State.SENT, State.DELIVERED)
SAID = {Act.WAIT: (ChoiceState.UNDONE, ChoiceState.REFUSED)}
"""States in which an answer was taken back; of a cancellation, the shop's refusal does not undo it."""


@dataclass(frozen=True, slots=True)
class LineTerms:
    """What was agreed about a line."""

    paid_at: datetime | None
    method: str | None
    seller_credit: bool
    """Whether the shop itself gives credit for the order."""
    stored: date | None
    """The promised date as the shop's facts have it."""
    essential: bool


@dataclass(frozen=True, slots=True)
class ToldNotice:
    """One revision that left: where it stands, and what it says."""

    id: str
    at: datetime
    reached: bool
    statements: tuple[str, ...]
    lines: tuple[NoticeLine, ...]

    @property
    def says_enough(self) -> bool:
        """Return whether it is adequate for each of its lines."""
        return all(self.is_adequate(dated=line.expected_on is not None) for line in self.lines)

    def is_adequate(self, *, dated: bool) -> bool:
        """Return whether it says all that it must: the right to cancel, what silence means, and without a date why."""
        says = self.statements
        has_reason = dated or Statement.REASON in says
        return Statement.CANCEL in says and any(one in says for one in SILENCE) and has_reason


@dataclass(frozen=True, slots=True)
class Answer:
    """One choice of the customer, as far as it answers a delay."""

    id: str
    act: Act
    state: ChoiceState
    at: datetime
    lines: tuple[str, ...]
    until: date | None
    done_at: datetime | None
    """When the shop had done what was asked."""


def load_terms(connection: Connection, orders: Collection[str]) -> dict[LineKey, LineTerms]:
    """Return the terms of the lines of orders."""
    of_line = (ORDER_LINES.c[name] for name in ("order_id", "number"))
    of_order = (ORDERS.c[name] for name in ("paid_at", "shipping_method", "seller_credit"))
    query = (
        select(*of_line, *of_order, ORDER_LINES.c.promised_on, ORDER_LINES.c.time_critical)
        .select_from(ORDER_LINES.join(ORDERS, ORDERS.c.id == ORDER_LINES.c.order_id))
        .where(in_list(connection, ORDER_LINES.c.order_id, orders))
    )
    return {(order, number): LineTerms(*terms) for order, number, *terms in connection.execute(query)}


def load_told_notices(connection: Connection, orders: Collection[str]) -> dict[str, list[ToldNotice]]:
    """Return by order the notices of delays that have left, those of a trial left out: one for each revision.

    A warning is none of them: it names no definite new date, as a law asks for, and says that nothing is known.

    It is given when the first of its messages that says what the law asks for, and reached the customer, left: a text
    message says less than the mail beside it.
    """
    at = func.coalesce(OUTBOX.c.sending_at, OUTBOX.c.settled_at, NOTICES.c.created_at, type_=NOTICES.c.created_at.type)
    columns = (NOTICES.c.order_id, NOTICES.c.revision, NOTICES.c.id, at.label("at"), OUTBOX.c.state)
    query = (
        select(*columns, NOTICES.c.statements, NOTICES.c.lines)
        .select_from(NOTICES_WITH_STATE)
        .where(in_list(connection, NOTICES.c.order_id, orders), OUTBOX.c.state.in_(LEFT), OUTBOX.c.trial.is_(False))
        .where(NOTICES.c.change.not_in((*GOOD_CHANGES, ChangeKind.WARNING)))
        .order_by(NOTICES.c.order_id, NOTICES.c.revision, OUTBOX.c.state.in_(REACHED).desc(), at, NOTICES.c.channel)
    )
    told: dict[str, dict[int, ToldNotice]] = defaultdict(dict)
    for row in connection.execute(query):
        lines = tuple(map(NoticeLine.from_data, row.lines))
        notice = ToldNotice(row.id, row.at, row.state in REACHED, tuple(row.statements or ()), lines)
        kept = told[row.order_id].setdefault(row.revision, notice)
        if notice.reached and not kept.says_enough and notice.says_enough:
            told[row.order_id][row.revision] = notice
    return {order: list(revisions.values()) for order, revisions in told.items()}


def load_answers(connection: Connection, orders: Collection[str]) -> dict[str, list[Answer]]:
    """Return by order the choices that answer a delay and were not taken back, in their order."""
    names = ("order_id", "id", "act", "state", "made_at", "lines", "expected_on", "changed_at")
    query = (
        select(*(CUSTOMER_CHOICES.c[name] for name in names))
        .where(in_list(connection, CUSTOMER_CHOICES.c.order_id, orders))
        .order_by(CUSTOMER_CHOICES.c.order_id, CUSTOMER_CHOICES.c.number)
    )
    answers: dict[str, list[Answer]] = defaultdict(list)
    for row in connection.execute(query):
        act, state = Act(row.act), ChoiceState(row.state)
        if state not in SAID.get(act, (ChoiceState.UNDONE,)):
            done_at = row.changed_at if state is ChoiceState.DONE else None
            answers[row.order_id].append(
                Answer(row.id, act, state, row.made_at, tuple(row.lines), row.expected_on, done_at)
            )
    return answers
