"""Count what the messages of a day led to, and keep it: told, reached, answered, codes, and trials of wordings."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, distinct, func, select

from models.batches import batched
from models.customers import Act, ChoiceState
from models.enums import ChangeKind, State
from models.results import KEPT, MEASURE_OF_ACT, ResultKey, ResultMeasure
from tasks.context import Context
from tasks.db.sql import in_list, insert, read_only
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.orders.told_messages import TAKEN, TAKEN_FILTER, ToldMessage, load_told_messages, message_of_code
from tasks.reporting.result_codes import GivenCode, load_codes
from tasks.tables import CUSTOMER_CHOICES, NOTICES, OUTBOX, RESULT_NUMBERS

PAGE_SIZE = 500
NOT_MADE = (ChoiceState.UNDONE, ChoiceState.REFUSED)
"""States of a choice that came to nothing."""
Counts = Counter[ResultKey]


def count_results(context: Context, days: Iterable[date], now: datetime) -> int:
    """Count days again and store what they add up to, each in a transaction of its own. Return how many."""
    counted = 0
    for day in days:
        numbers = count_result_day(context, day)
        numbers[ResultKey(ResultMeasure.COUNTED)] = int(now.timestamp())
        with context.engine.begin() as connection:
            connection.execute(delete(RESULT_NUMBERS).where(RESULT_NUMBERS.c.day == day))
            connection.execute(insert(connection, RESULT_NUMBERS).on_conflict_do_nothing(), _rows(day, numbers))
        counted += 1
    return counted


def count_result_day(context: Context, day: date) -> Counts:
    """Return what the messages led to that first left on a day of the shop."""
    numbers: Counts = Counter()
    with read_only(context.engine) as connection:
        for page in batched(_orders_of(context, connection, day), PAGE_SIZE):
            all_told = load_told_messages(connection, page)
            codes = load_codes(connection, page, context.zone)
            choices = _load_choices(connection, page)
            for order in page:
                for message in all_told[order]:
                    if context.day(message.told_at) == day:
                        given = _codes_of(message, all_told[order], codes.get(order, ()))
                        acts = choices.get((order, message.revision), frozenset())
                        _count_message(numbers, message, day, acts, given)
            _count_trials(context, connection, day, all_told, choices, codes, numbers)
        _count_kept(context, connection, day, numbers)
    return numbers


def _rows(day: date, numbers: Counts) -> list[dict[str, Any]]:
    """Return the rows of a day: one for each key, with its numbers side by side."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for key, value in numbers.items():
        of = {name: getattr(key, name) for name in ("bucket", "message", "experiment", "wording", "kind")}
        row = rows.setdefault(tuple(of.values()), {"day": day, **of, **dict.fromkeys(ResultMeasure, 0)})
        row[key.measure] = value
    return list(rows.values())


def _orders_of(context: Context, connection: Connection, day: date) -> list[str]:
    """Return the orders of which a message left on a day."""
    query = select(NOTICES.c.order_id).select_from(NOTICES_WITH_STATE).where(_left_on(context, day), TAKEN_FILTER)
    return list(connection.execute(query.distinct().order_by(NOTICES.c.order_id)).scalars())


def _left_on(context: Context, day: date) -> ColumnElement[bool]:
    return and_(OUTBOX.c.settled_at >= context.start_of(day), OUTBOX.c.settled_at < context.end_of(day))


def _count_kept(context: Context, connection: Connection, day: date, numbers: Counts) -> None:
    """Count the messages of a trial run, which were kept here; by mail and by text is one message."""
    kept = and_(_left_on(context, day), OUTBOX.c.state.in_(TAKEN), OUTBOX.c.trial.is_(True))
    of = [NOTICES.c[name] for name in ("bucket", "message", "experiment", "wording", "customer_id")]
    messages = select(*of, NOTICES.c.order_id, NOTICES.c.revision).select_from(NOTICES_WITH_STATE).where(kept)
    rows = messages.distinct().subquery().c
    by_bucket = select(rows.bucket, rows.message, func.count(distinct(rows.order_id))).group_by(
        rows.bucket, rows.message
    )
    for bucket, message, n in connection.execute(by_bucket):
        numbers[ResultKey(ResultMeasure.TOLD, bucket, message, kind=KEPT)] += n
    by_wording = select(rows.message, rows.experiment, rows.wording, func.count(distinct(rows.customer_id)))
    in_trial = by_wording.where(rows.experiment != "").group_by(rows.message, rows.experiment, rows.wording)
    for message, experiment, wording, n in connection.execute(in_trial):
        key = ResultKey(ResultMeasure.TOLD, message=message, experiment=experiment, wording=wording, kind=KEPT)
        numbers[key] += n


def _load_choices(connection: Connection, orders: Sequence[str]) -> Mapping[tuple[str, int], frozenset[Act]]:
    """Return what customers chose, by order and the revision of the message that left before.

    A choice that another one to the same message replaced is left out: the customer thought again.
    """
    choices = CUSTOMER_CHOICES.c
    query = (
        select(choices.id, choices.order_id, choices.act, choices.state, choices.changed_by, NOTICES.c.revision)
        .select_from(CUSTOMER_CHOICES.join(NOTICES, NOTICES.c.id == choices.notice_id))
        .where(in_list(connection, choices.order_id, orders), choices.state.not_in(NOT_MADE))
    )
    by_message: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        by_message[row.order_id, row.revision].append(row)
    return {key: frozenset(_last_acts(rows)) for key, rows in by_message.items()}


def _last_acts(rows: Sequence[Any]) -> Iterable[Act]:
    ids = {row.id for row in rows}
    return (Act(row.act) for row in rows if row.state != ChoiceState.REPLACED or row.changed_by not in ids)


def _codes_of(message: ToldMessage, told: Sequence[ToldMessage], codes: Sequence[GivenCode]) -> list[GivenCode]:
    """Return the codes that came with a message."""
    return [code for code in codes if message_of_code(told, code.given_at) is message]


def _count_message(
    numbers: Counts, message: ToldMessage, day: date, acts: frozenset[Act], codes: Sequence[GivenCode]
) -> None:
    def add(measure: ResultMeasure, n: int = 1, kind: str = "") -> None:
        numbers[ResultKey(measure, message.bucket, message.message, kind=kind)] += n

    add(ResultMeasure.TOLD)
    add(ResultMeasure.REACHED, State.DELIVERED in message.states.values())
    add(ResultMeasure.CAME_BACK, not message.arrived)
    if message.change == ChangeKind.FIRST:
        add(ResultMeasure.FIRST)
        add(ResultMeasure.IN_TIME, message.promised_on is not None and day < message.promised_on)
    for channel in message.states:
        add(ResultMeasure.SENT, kind=channel)
    for measure in _answers(acts):
        add(measure)
    for code in codes:
        add(ResultMeasure.CODES)
        add(ResultMeasure.CODES_VALUE, code.value, code.currency)
        add(ResultMeasure.REDEEMED, bool(code.uses))
        for use in code.uses:
            add(ResultMeasure.USES)
            add(ResultMeasure.USES_EXPIRED, use.is_expired)
            if use.amount is None:
                add(ResultMeasure.USES_UNKNOWN)
            else:
                add(ResultMeasure.USES_VALUE, use.amount, use.currency)


def _answers(acts: frozenset[Act]) -> set[ResultMeasure]:
    return {ResultMeasure.ANSWERED, *(MEASURE_OF_ACT[act] for act in acts)} if acts else set()


def _count_trials(
    context: Context,
    connection: Connection,
    day: date,
    all_told: Mapping[str, Sequence[ToldMessage]],
    choices: Mapping[tuple[str, int], frozenset[Act]],
    codes: Mapping[str, Sequence[GivenCode]],
    numbers: Counts,
) -> None:
    """Count the customers who first read a wording of a trial on this day, each once, and what they did then."""
    of_day = [
        one
        for told in all_told.values()
        for one in told
        if one.experiment and one.arrived and context.day(one.told_at) == day
    ]
    first = _first_exposures(connection, of_day)
    for message in of_day:
        if first.get((message.experiment, message.customer_id)) != (message.order_id, message.revision):
            continue
        acts = choices.get((message.order_id, message.revision), frozenset())
        given = _codes_of(message, all_told[message.order_id], codes.get(message.order_id, ()))
        redeemed = {ResultMeasure.REDEEMED} if any(code.uses for code in given) else set[ResultMeasure]()
        for measure in {ResultMeasure.TOLD, *_answers(acts), *redeemed}:
            key = ResultKey(measure, message=message.message, experiment=message.experiment, wording=message.wording)
            numbers[key] += 1


def _first_exposures(
    connection: Connection, messages: Sequence[ToldMessage]
) -> Mapping[tuple[str, str], tuple[str, int]]:
    """Return by trial and customer the message, as order and revision, by which the customer came to take part."""
    if not messages:
        return {}
    taken = and_(TAKEN_FILTER, OUTBOX.c.state != State.BOUNCED)
    query = (
        select(NOTICES.c.experiment, NOTICES.c.customer_id, NOTICES.c.order_id, NOTICES.c.revision)
        .select_from(NOTICES_WITH_STATE)
        .where(NOTICES.c.experiment.in_({one.experiment for one in messages}))
        .where(in_list(connection, NOTICES.c.customer_id, {one.customer_id for one in messages}), taken)
        .order_by(OUTBOX.c.settled_at.desc(), NOTICES.c.order_id.desc(), NOTICES.c.revision.desc())
    )
    return {(row.experiment, row.customer_id): (row.order_id, row.revision) for row in connection.execute(query)}
