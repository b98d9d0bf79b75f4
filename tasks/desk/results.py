"""What the desk shows of results: a period, added up from the days that were counted."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, and_, func, select

from models.enums import Channel
from models.experiments import Letter
from models.policy.experiments import ExperimentPolicy
from models.policy.policy import Policy
from models.results import (
    KEPT,
    ArmCount,
    ExperimentCount,
    ResultCost,
    ResultMeasure,
    ResultRow,
    Results,
    WeekInTime,
)
from tasks.reporting.result_codes import SCALE
from tasks.tables import RESULT_NUMBERS

Sums = Counter[tuple[ResultMeasure, str]]
"""By measure and kind."""
_PLAIN = RESULT_NUMBERS.c.experiment == ""
_OF_DAY = RESULT_NUMBERS.c.message == ""
"""The SQL of the row that says when a day was counted."""
_MEASURES = tuple(measure for measure in ResultMeasure if measure is not ResultMeasure.COUNTED)
_ARM_MEASURES = (
    ResultMeasure.TOLD,
    ResultMeasure.WAITED,
    ResultMeasure.CANCELLED,
    ResultMeasure.ANSWERED,
    ResultMeasure.REDEEMED,
)
_SUMS = [func.sum(RESULT_NUMBERS.c[measure]).label(f"sum_{measure}") for measure in _MEASURES]


def load_results(policy: Policy, connection: Connection, first: date, last: date, message: str = "") -> Results:
    """Return the results of the messages that left in a period, both days included; all or those of one message."""
    in_period = and_(RESULT_NUMBERS.c.day >= first, RESULT_NUMBERS.c.day <= last)
    days, counted_at = connection.execute(
        select(func.count(), func.max(RESULT_NUMBERS.c.counted)).where(in_period, _OF_DAY)
    ).one()
    columns = [RESULT_NUMBERS.c[name] for name in ("bucket", "message", "kind")]
    query = select(*columns, *_SUMS).where(in_period, _PLAIN, ~_OF_DAY).group_by(*columns)
    by_bucket: dict[str, Sums] = defaultdict(Counter)
    kept: Counter[str] = Counter()
    total, messages = Counter[tuple[ResultMeasure, str]](), set()
    for row in connection.execute(query):
        messages.add(row.message)
        if message not in ("", row.message):
            continue
        if row.kind == KEPT:
            kept[row.bucket] += int(row.sum_told)
        else:
            numbers = {(of, row.kind): int(n) for of, n in zip(_MEASURES, row[len(columns) :], strict=True) if n}
            by_bucket[row.bucket].update(numbers)
            total.update(numbers)
    return Results(
        first,
        last,
        days,
        datetime.fromtimestamp(counted_at, UTC) if counted_at else None,
        tuple(_row(policy, bucket, by_bucket[bucket]) for bucket in _in_order(policy, by_bucket)),
        _row(policy, "", total),
        tuple(_weeks(connection, first, last, message)),
        tuple(sorted(messages)),
        tuple((bucket, kept[bucket]) for bucket in _in_order(policy, kept)),
    )


def load_daily_results(
    connection: Connection, first: date, last: date, message: str = ""
) -> list[tuple[date, str, str, str, str, int]]:
    """Return every number of every day of a period, for a file: day, days late, message, number, which, value."""
    columns = [RESULT_NUMBERS.c[name] for name in ("day", "bucket", "message", "kind")]
    in_period = and_(RESULT_NUMBERS.c.day >= first, RESULT_NUMBERS.c.day <= last)
    numbers = [RESULT_NUMBERS.c[measure] for measure in _MEASURES]
    query = select(*columns, *numbers).where(in_period, _PLAIN, ~_OF_DAY).order_by(*columns)
    if message:
        query = query.where(RESULT_NUMBERS.c.message == message)
    return [
        (row.day, row.bucket, row.message, measure, row.kind, n)
        for row in connection.execute(query)
        for measure, n in zip(_MEASURES, row[len(columns) :], strict=True)
        if n
    ]


def load_experiments(connection: Connection, experiments: Sequence[ExperimentPolicy]) -> list[ExperimentCount]:
    """Return what each trial of the policy counted from its beginning on."""
    if not experiments:
        return []
    columns = (RESULT_NUMBERS.c.experiment, RESULT_NUMBERS.c.wording, RESULT_NUMBERS.c.kind)
    in_trial = RESULT_NUMBERS.c.experiment.in_([one.name for one in experiments])
    sums = [func.sum(RESULT_NUMBERS.c[measure]) for measure in _ARM_MEASURES]
    query = select(*columns, *sums).where(in_trial, RESULT_NUMBERS.c.experiment != "").group_by(*columns)
    arms = {tuple(row[:3]): ArmCount(*map(int, row[3:])) for row in connection.execute(query)}
    nobody = ArmCount(0, 0, 0, 0, 0)

    def count(one: ExperimentPolicy, letter: Letter, kind: str = "") -> ArmCount:
        return arms.get((one.name, letter, kind), nobody)

    return [
        ExperimentCount(
            one,
            count(one, Letter.A),
            count(one, Letter.B),
            count(one, Letter.A, KEPT).customers,
            count(one, Letter.B, KEPT).customers,
        )
        for one in experiments
    ]


def _in_order(policy: Policy, found: Iterable[str]) -> list[str]:
    """Return the policy's own names in its order, then those that it had before."""
    own = [bucket.name for bucket in policy.bucket]
    found = set(found)
    return [*(name for name in own if name in found), *sorted(found - set(own))]


def _row(policy: Policy, bucket: str, sums: Sums) -> ResultRow:
    def of(measure: ResultMeasure) -> int:
        return sums[measure, ""]

    return ResultRow(
        bucket,
        of(ResultMeasure.TOLD),
        of(ResultMeasure.REACHED),
        of(ResultMeasure.CAME_BACK),
        of(ResultMeasure.ANSWERED),
        of(ResultMeasure.WAITED),
        of(ResultMeasure.SHIPPED),
        of(ResultMeasure.SWAPPED),
        of(ResultMeasure.CANCELLED),
        of(ResultMeasure.TOOK_DISCOUNT),
        of(ResultMeasure.CODES),
        of(ResultMeasure.REDEEMED),
        of(ResultMeasure.USES),
        of(ResultMeasure.USES_EXPIRED),
        _cost(policy, sums),
    )


def _cost(policy: Policy, sums: Sums) -> ResultCost:
    messages: dict[str, Decimal] = {}
    unpriced = 0
    for (measure, kind), n in sums.items():
        if measure != ResultMeasure.SENT:
            continue
        prices = policy.costs.price_of(Channel(kind))
        unpriced += 0 if prices else n
        for currency, price in prices.items():
            messages[currency] = messages.get(currency, Decimal(0)) + price * n
    return ResultCost(
        _money(sums, ResultMeasure.CODES_VALUE),
        _money(sums, ResultMeasure.USES_VALUE),
        messages,
        unpriced,
        sums[ResultMeasure.USES_UNKNOWN, ""],
    )


def _money(sums: Sums, measure: ResultMeasure) -> dict[str, Decimal]:
    return {kind: Decimal(n) / SCALE for (of, kind), n in sorted(sums.items()) if of == measure and n}


def _weeks(connection: Connection, first: date, last: date, message: str) -> Iterable[WeekInTime]:
    """Yield each week of a period, also those without a message."""
    in_period = and_(RESULT_NUMBERS.c.day >= first, RESULT_NUMBERS.c.day <= last)
    first_messages, in_time = (
        func.sum(RESULT_NUMBERS.c[name]) for name in (ResultMeasure.FIRST, ResultMeasure.IN_TIME)
    )
    query = select(RESULT_NUMBERS.c.day, first_messages, in_time).where(in_period, _PLAIN, RESULT_NUMBERS.c.kind == "")
    if message:
        query = query.where(RESULT_NUMBERS.c.message == message)
    sums: Counter[tuple[date, str]] = Counter()
    for day, all_first, before in connection.execute(query.group_by(RESULT_NUMBERS.c.day)):
        monday = day - timedelta(days=day.weekday())
        sums[monday, ResultMeasure.FIRST] += int(all_first)
        sums[monday, ResultMeasure.IN_TIME] += int(before)
    monday = first - timedelta(days=first.weekday())
    while monday <= last:
        yield WeekInTime(monday, sums[monday, ResultMeasure.IN_TIME], sums[monday, ResultMeasure.FIRST])
        monday += timedelta(days=7)
