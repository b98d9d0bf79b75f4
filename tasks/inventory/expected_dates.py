"""Keep when each line is expected: what changed ends the row that was believed, and both stay."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, or_, select, update

from models.inventory import DateSource, Expectation
from tasks.context import Desk
from tasks.db.sql import Turn, alone, among, insert
from tasks.inventory.demand import Kept, Key
from tasks.orders.due import look_again
from tasks.orders.filters import still_open, undated, unsent
from tasks.runs.records import Now
from tasks.tables import CUSTOMERS, EXPECTATIONS, LINES, ORDERS

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
