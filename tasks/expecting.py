"""Keep when each line is expected: what changed ends the row that was believed, and both stay."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, func, or_, select, update

from models.errors import ForewarnError
from models.supply import LONGEST, DateSource, Expectation, known_day
from tasks.db import Turn, alone, among, insert
from tasks.demands import KEPT, Kept, Key, kept, unsent
from tasks.desk import Desk
from tasks.orders import CURRENT, CUSTOMERS, EXPECTATIONS, LINES, ORDERS, still_open, undated
from tasks.owed import left_at
from tasks.runs import Now
from tasks.wakes import look_again

PAGE = 1_000
IN_PLACE = ("why", "earliest_on", "latest_on", "chance", "basis", "ready")
COUNTRY = func.coalesce(ORDERS.c.country, CUSTOMERS.c.country, "").label("country")
"""The SQL of where an order goes; wants CUSTOMERS joined."""
BROUGHT_UP = update(EXPECTATIONS).where(EXPECTATIONS.c.id == bindparam("row"))


@dataclass(frozen=True, slots=True)
class Believed:
    """What is believed of a line from now on, beside what the ledger has; None: the shop's own date stays."""

    key: Key
    kept: Kept | None
    expectation: Expectation | None
    ready: bool = False


def keep(connection: Connection, found: Iterable[Believed], now: Now, who: str) -> Counter[str]:
    """Write down what differs, and wake the orders whose date or readiness did; return what became of dates.

    Another date, or another who says it, makes a new row; anything else about it is brought up to date where it stands.
    """
    counts: Counter[str] = Counter()
    ended, new, moved, woken = [], [], [], set()
    for one in found:
        what = _change(one)
        if what is None:
            continue
        if what != "same":
            counts[what] += 1
            ended += [one.kept.id] if one.kept else []
            new += [_row(one, now, who)] if one.expectation else []
        elif one.kept is not None and one.expectation is not None:
            moved.append({"row": one.kept.id, **_in_place(one.expectation, ready=one.ready)})
        if _wakes(one):
            woken.add(one.key[0])
    _end(connection, ended, now)
    if new:
        connection.execute(insert(connection, EXPECTATIONS).on_conflict_do_nothing(), new)
    if moved:
        connection.execute(BROUGHT_UP.values({name: bindparam(name) for name in IN_PLACE}), moved)
    look_again(connection, woken, now.as_of)
    return counts


def _change(one: Believed) -> str | None:
    """Say what becomes of a line's date: "set", "changed", "ended"; "same" where but the rest of its row differs."""
    if one.kept is None or one.expectation is None:
        return "set" if one.expectation else "ended" if one.kept else None
    before, after = one.kept.expectation, one.expectation
    if (before.source, before.expected_on) != (after.source, after.expected_on):
        return "changed"
    return None if before == after and one.kept.ready == one.ready else "same"


def _wakes(one: Believed) -> bool:
    if one.kept is None or one.expectation is None:
        return True
    return one.kept.expectation.expected_on != one.expectation.expected_on or one.kept.ready != one.ready


def _in_place(expectation: Expectation, *, ready: bool) -> dict[str, Any]:
    return {name: getattr(expectation, name) for name in IN_PLACE if name != "ready"} | {"ready": ready}


def _row(one: Believed, now: Now, who: str) -> dict[str, Any]:
    if one.expectation is None:
        return {}
    order, line = one.key
    return {
        "order_id": order,
        "line": line,
        **asdict(one.expectation),
        "ready": one.ready,
        "set_at": now.moment,
        "who": who,
    }


def _end(connection: Connection, rows: Sequence[int], now: Now) -> None:
    if rows:
        mine = update(EXPECTATIONS).where(among(connection, EXPECTATIONS.c.id, rows), EXPECTATIONS.c.ended_at.is_(None))
        connection.execute(mine.values(ended_at=now.moment))


def end_sent(desk: Desk, now: Now) -> int:
    """End what is expected of lines that want no goods any more: shipped, cancelled, or gone; return how many.

    Of a line that was shipped and is to be delivered it stands, unless the shop itself has a day by now and staff none.
    """
    dated = or_(undated(now.as_of), said_by_staff(now))
    under_way = and_(still_open(desk.end_of(now.as_of)), dated)
    wanted = (
        select(LINES.c.number)
        .join(ORDERS, ORDERS.c.id == LINES.c.order_id)
        .where(
            LINES.c.order_id == EXPECTATIONS.c.order_id,
            LINES.c.number == EXPECTATIONS.c.line,
            or_(unsent(desk, now.as_of), under_way),
        )
        .correlate(EXPECTATIONS)
    )
    query = select(EXPECTATIONS.c.id).where(EXPECTATIONS.c.ended_at.is_(None), ~wanted.exists()).limit(PAGE)
    ended = 0
    while True:
        with desk.engine.begin() as connection:
            alone(connection, Turn.ALLOCATE)
            rows = list(connection.execute(query).scalars())
            _end(connection, rows, now)
        ended += len(rows)
        if len(rows) < PAGE:
            return ended


def said_by_staff(now: Now) -> ColumnElement[bool]:
    """Return the SQL of an expectation that staff gave, whose day has not passed."""
    return and_(EXPECTATIONS.c.source == DateSource.STAFF, EXPECTATIONS.c.expected_on >= now.as_of)


def say(desk: Desk, now: Now, order: str, line: str, day: date, who: str) -> None:
    """Write down that staff expect a line on a day: believed before anything else until it passes, or is taken back.

    Raises ForewarnError for a line that is not there or not open, and for a day past or far beyond.
    """
    if day < now.as_of:
        raise ForewarnError(f"{day} has passed: a line is expected today, {now.as_of}, or later")
    if known_day(day, now.as_of) is None:
        latest = now.as_of + timedelta(days=LONGEST)
        raise ForewarnError(f"{day} is too far ahead to be told to a customer: {latest} or sooner would be right")
    word = Expectation(DateSource.STAFF, day, f"{who} says so")
    with desk.engine.begin() as connection:
        alone(connection, Turn.ALLOCATE)
        found = kept(open_line(desk, connection, now, order, line))
        keep(connection, [Believed((order, line), found, word, ready=bool(found and found.ready))], now, who)


def open_line(desk: Desk, connection: Connection, now: Now, order: str, line: str) -> Row[Any]:
    """Return an open line, be it on its way, with what is believed of it; raises ForewarnError where there is none."""
    over = desk.end_of(now.as_of)
    query = (
        select(*(LINES.c[name] for name in ("order_id", "number", "product_id", "expected_on")), COUNTRY)
        .add_columns(left_at(over).label("shipped_at"), *KEPT)
        .select_from(
            LINES.join(ORDERS, ORDERS.c.id == LINES.c.order_id)
            .outerjoin(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
            .outerjoin(EXPECTATIONS, CURRENT)
        )
        .where(LINES.c.order_id == order, LINES.c.number == line, ORDERS.c.placed_at < over, still_open(over))
    )
    row = connection.execute(query).first()
    if row is None:
        raise ForewarnError(f"order {order!r} has no open line {line!r}: `forewarn explain {order}` shows its lines")
    return row
