"""Record what is said of open orders each morning, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    String,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    select,
    update,
)

from models.batches import batched
from models.early_warning import HORIZON, PastOrder
from rules.early_warning.drift import (
    LOOKED_BEFORE,
    TENTHS,
    WINDOW_DAYS,
    Compared,
    Tally,
    compared,
    tenth_words,
)
from rules.early_warning.model import WarningModel
from tasks.context import Context
from tasks.db.sql import days_between, insert
from tasks.early_warning.history import is_out, scanned_before
from tasks.tables import ORDER_FORECASTS

PAGE_SIZE = 2_000
KEPT_DAYS = 400
COMPARED_DAYS = 370
"""Days of forecasts that are compared with what came: a year of months."""
Key = tuple[str, date, str]


def record_forecasts(context: Context, model: WarningModel, past: Sequence[PastOrder]) -> int:
    """Record what is said of each order that is out this morning; return how many. Nothing is recorded twice."""
    as_of = context.as_of
    near = range(HORIZON + 1)
    out = [each for each in past if is_out(each, as_of) and (each.promised_on - as_of).days in near]
    by_model, recorded = replace(model, drifted=False), 0
    for page in batched([scanned_before(each, as_of) for each in out], PAGE_SIZE):
        decided = model.likelihoods(page, as_of)
        said = by_model.likelihoods(page, as_of) if model.drifted else decided
        rows = [
            _row(each, as_of, context.calendar.day_when(each.promised_on, model.late_days))
            | {
                "probability": chosen.probability,
                "by_model": own.probability,
                "source": chosen.source,
                "version": chosen.model_version,
            }
            for each, chosen, own in zip(page, decided, said, strict=True)
            if chosen is not None and own is not None
        ]
        if rows:
            with context.engine.begin() as connection:
                connection.execute(insert(connection, ORDER_FORECASTS).on_conflict_do_nothing(), rows)
        recorded += len(rows)
    return recorded


def _row(order: PastOrder, morning: date, known_on: date) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "promised_on": order.promised_on,
        "promise": order.promise,
        "morning": morning,
        "known_on": known_on,
        "last_scan_on": order.last_scan_on,
        "scan_status": order.scan_status,
    }


def score_forecasts(context: Context, past: Sequence[PastOrder]) -> int:
    """Record of each forecast whether its order was late, once that is known; return of how many orders.

    Forecasts that are too old are deleted, and so are those of orders that were cancelled or whose promise was moved.
    """
    by_key: dict[Key, PastOrder] = {(each.order_id, each.promised_on, each.promise): each for each in past}
    keys = [ORDER_FORECASTS.c[name] for name in ("order_id", "promised_on", "promise")]
    due = ORDER_FORECASTS.c.late.is_(None) & (ORDER_FORECASTS.c.known_on <= context.as_of)
    with context.engine.begin() as connection:
        found = connection.execute(select(*keys, ORDER_FORECASTS.c.known_on).where(due).distinct()).all()
        late = {tuple(key): _was_late(by_key.get(tuple(key)), known_on) for *key, known_on in found}
        of_order = [column == bindparam(f"of_{column.name}") for column in keys]
        ended = {key: was for key, was in late.items() if was is not None}
        _each(connection, update(ORDER_FORECASTS).where(*of_order).values(late=bindparam("was_late")), ended)
        _each(
            connection,
            delete(ORDER_FORECASTS).where(*of_order),
            {key: None for key, was in late.items() if was is None},
        )
        old = ORDER_FORECASTS.c.morning < context.as_of - timedelta(days=KEPT_DAYS)
        connection.execute(delete(ORDER_FORECASTS).where(old))
    return sum(was is not None for was in late.values())


def _was_late(order: PastOrder | None, known_on: date) -> bool | None:
    """Return whether an order ended late; None where nobody can say."""
    if order is None or (order.cancelled_on is not None and order.cancelled_on < known_on):
        return None
    return order.ended_on is None or order.ended_on >= known_on


def _each(connection: Connection, statement: Any, late: Mapping[tuple[Any, ...], bool | None]) -> None:
    names = ("of_order_id", "of_promised_on", "of_promise")
    rows = [
        dict(zip(names, key, strict=True)) | ({} if was is None else {"was_late": was}) for key, was in late.items()
    ]
    for page in batched(rows, PAGE_SIZE):
        connection.execute(statement, page)


@dataclass(frozen=True, slots=True)
class SaidAndCame:
    """The forecasts of the last year whose end is known on a day, added up."""

    lately: Tally
    """Those whose end became known in the last days."""
    tenths: list[Compared]
    """By what was said, the lowest first."""
    months: list[Compared]
    """By the month of their mornings, the oldest first."""


def load_said_and_came(connection: Connection, as_of: date) -> SaidAndCame:
    """Add up, in the database, the forecasts of the last year whose end is known on a day."""
    known_on, morning, said = (ORDER_FORECASTS.c[name] for name in ("known_on", "morning", "by_model"))
    before = days_between(connection, morning, ORDER_FORECASTS.c.promised_on)
    near = and_(before.between(LOOKED_BEFORE.start, LOOKED_BEFORE.stop - 1), ORDER_FORECASTS.c.late.is_not(None))
    year = and_(near, known_on.between(as_of - timedelta(days=COMPARED_DAYS), as_of))
    lately = and_(near, known_on.between(as_of - timedelta(days=WINDOW_DAYS - 1), as_of))
    tenth = case(*((said < (n + 1) / TENTHS, n) for n in range(TENTHS - 1)), else_=TENTHS - 1)
    month = func.substr(cast(morning, String), 1, len("2026-06"))
    return SaidAndCame(
        Tally(*connection.execute(select(*_SUMS).where(lately)).one()),
        [compared(tenth_words(row[0]), Tally(*row[1:])) for row in _grouped(connection, tenth, year)],
        [compared(row[0], Tally(*row[1:])) for row in _grouped(connection, month, year)],
    )


def _grouped(connection: Connection, by: ColumnElement[Any], which: ColumnElement[bool]) -> Sequence[Row[Any]]:
    key = by.label("key")
    return connection.execute(select(key, *_SUMS).where(which).group_by(key).order_by(key)).all()


_SUMS = (
    func.count(),
    func.count(ORDER_FORECASTS.c.order_id.distinct()),
    func.coalesce(func.sum(ORDER_FORECASTS.c.by_model), 0.0),
    func.coalesce(func.sum(case((ORDER_FORECASTS.c.late, 1), else_=0)), 0),
)
"""The fields of a Tally."""
