"""What the desk shows of results: a period, added up from the days that were counted."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection, and_, func, select

from models.enums import Channel
from models.experiments import Letter
from models.policy.experiments import ExperimentPolicy
from models.policy.policy import Policy
from models.results import (
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
_COUNTED = RESULT_NUMBERS.c.measure == ResultMeasure.COUNTED


def load_results(policy: Policy, connection: Connection, first: date, last: date, message: str = "") -> Results:
    """Return the results of the messages that left in a period, both days included; all or those of one message."""
    in_period = and_(RESULT_NUMBERS.c.day >= first, RESULT_NUMBERS.c.day <= last)
    days, counted_at = connection.execute(
        select(func.count(), func.max(RESULT_NUMBERS.c.value)).where(in_period, _COUNTED)
    ).one()
    columns = [RESULT_NUMBERS.c[name] for name in ("bucket", "message", "measure", "kind")]
    query = select(*columns, func.sum(RESULT_NUMBERS.c.value)).where(in_period, _PLAIN, ~_COUNTED).group_by(*columns)
    by_bucket: dict[str, Sums] = defaultdict(Counter)
    total, messages = Counter[tuple[ResultMeasure, str]](), set()
    for row in connection.execute(query):
        bucket, of, measure, kind, n = row[0], row[1], row[2], row[3], row[4]
        messages.add(of)
        if message in ("", of):
            by_bucket[bucket][ResultMeasure(measure), kind] += int(n)
            total[ResultMeasure(measure), kind] += int(n)
    return Results(
        first,
        last,
        days,
        datetime.fromtimestamp(counted_at, UTC) if counted_at else None,
        tuple(_row(policy, bucket, by_bucket[bucket]) for bucket in _in_order(policy, by_bucket)),
        _row(policy, "", total),
        tuple(_weeks(connection, first, last, message)),
        tuple(sorted(messages)),
    )


def load_daily_results(
    connection: Connection, first: date, last: date, message: str = ""
) -> list[tuple[date, str, str, str, str, int]]:
    """Return every number of every day of a period, for a file: day, days late, message, number, which, value."""
    columns = [RESULT_NUMBERS.c[name] for name in ("day", "bucket", "message", "measure", "kind")]
    in_period = and_(RESULT_NUMBERS.c.day >= first, RESULT_NUMBERS.c.day <= last)
    query = select(*columns, RESULT_NUMBERS.c.value).where(in_period, _PLAIN, ~_COUNTED).order_by(*columns)
    if message:
        query = query.where(RESULT_NUMBERS.c.message == message)
    return [tuple(row) for row in connection.execute(query)]


def load_experiments(connection: Connection, experiments: Sequence[ExperimentPolicy]) -> list[ExperimentCount]:
    """Return what each trial of the policy counted from its beginning on."""
    if not experiments:
        return []
    columns = [RESULT_NUMBERS.c[name] for name in ("experiment", "wording", "measure")]
    in_trial = RESULT_NUMBERS.c.experiment.in_([one.name for one in experiments])
    query = select(*columns, func.sum(RESULT_NUMBERS.c.value)).where(in_trial, ~_PLAIN).group_by(*columns)
    sums = {(row[0], row[1], row[2]): int(row[3]) for row in connection.execute(query)}
    return [ExperimentCount(one, _arm(sums, one.name, Letter.A), _arm(sums, one.name, Letter.B)) for one in experiments]


def _arm(sums: Mapping[tuple[str, str, str], int], name: str, letter: Letter) -> ArmCount:
    measures = (
        ResultMeasure.TOLD,
        ResultMeasure.WAITED,
        ResultMeasure.CANCELLED,
        ResultMeasure.ANSWERED,
        ResultMeasure.REDEEMED,
    )
    return ArmCount(*(sums.get((name, letter, measure), 0) for measure in measures))


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
    measures = (ResultMeasure.FIRST, ResultMeasure.IN_TIME)
    columns = (RESULT_NUMBERS.c.day, RESULT_NUMBERS.c.measure)
    query = select(*columns, func.sum(RESULT_NUMBERS.c.value)).where(in_period, _PLAIN)
    query = query.where(RESULT_NUMBERS.c.measure.in_(measures)).group_by(*columns)
    if message:
        query = query.where(RESULT_NUMBERS.c.message == message)
    sums: Counter[tuple[date, str]] = Counter()
    for day, measure, n in connection.execute(query):
        sums[day - timedelta(days=day.weekday()), measure] += int(n)
    monday = first - timedelta(days=first.weekday())
    while monday <= last:
        yield WeekInTime(monday, sums[monday, ResultMeasure.IN_TIME], sums[monday, ResultMeasure.FIRST])
        monday += timedelta(days=7)
