from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Date,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    insert,
    select,
)
from sqlalchemy.exc import IntegrityError, StatementError

from models.tables.column_types import Money, Pieces, UtcTime
from tasks.db.bulk import MIN_COPIED_ROWS, bulk_insert

METADATA = MetaData()
THINGS = Table(
    "bulk_thing",
    METADATA,
    Column("id", String, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("order", String),
    Column("facts", JSON(none_as_null=True)),
    Column("price", Money),
    Column("quantity", Pieces),
    Column("at", UtcTime),
    Column("day", Date),
    Column("digest", BigInteger),
    Column("state", String, nullable=False, default="queued"),
    Column("attempts", Integer, nullable=False, server_default="3"),
    UniqueConstraint("number"),
)
TEXTS = (
    "plain",
    "",
    "\\N",
    "\\.",
    "tab\there",
    "line\nbreak\r\n",
    "back\\slash",
    'quo"te',
    "%s %(id)s",
    "é 日本 🙂",
    None,
)
COUNTS = (1, MIN_COPIED_ROWS - 1, MIN_COPIED_ROWS, 3 * MIN_COPIED_ROWS)


@pytest.fixture
def connection(context):
    with context.engine.connect() as connection, connection.begin() as transaction:
        METADATA.create_all(connection)
        yield connection
        transaction.rollback()


def thing(n):
    return {
        "id": f"{n}",
        "number": n,
        "order": TEXTS[n % len(TEXTS)],
        "facts": ({"a": [1, None, "\t\\\n", 1.5]}, [], None, "text")[n % 4],
        "price": (Decimal("12.34"), None, Decimal("0.0001"))[n % 3],
        "quantity": (3, Decimal("1.5"), None)[n % 3],
        "at": (datetime(2026, 1, 5, 9, n % 60, 1, 5, timezone(timedelta(hours=n % 9))), None)[n % 2],
        "day": (date(2026, 1, 5), None)[n % 2],
        "digest": (-(2**63), 2**63 - 1, None)[n % 3],
    }


def stored(connection):
    return [dict(row) for row in connection.execute(select(THINGS).order_by(THINGS.c.number)).mappings()]


@pytest.mark.parametrize("ignore_conflicts", [True, False])
@pytest.mark.parametrize("count", COUNTS)
def test_rows_are_stored_as_sqlalchemy_stores_them(connection, count, ignore_conflicts):
    rows = [thing(n) for n in range(count)]
    connection.execute(insert(THINGS), rows)
    expected = stored(connection)
    connection.execute(THINGS.delete())
    bulk_insert(connection, THINGS, rows, ignore_conflicts=ignore_conflicts)
    assert stored(connection) == expected
    assert {(row["state"], row["attempts"]) for row in expected} == {("queued", 3)}


@pytest.mark.parametrize("count", COUNTS)
def test_rows_whose_key_or_unique_column_exists_are_left_out(connection, count):
    bulk_insert(connection, THINGS, [thing(0) | {"order": "first"}])
    rows = [thing(n) for n in range(count)]
    for _ in range(2):
        bulk_insert(connection, THINGS, [*rows, thing(0) | {"id": "another"}, rows[-1]])
    assert [row["id"] for row in stored(connection)] == [f"{n}" for n in range(count)]
    assert stored(connection)[0]["order"] == "first"


@pytest.mark.parametrize("count", COUNTS)
def test_a_conflict_that_is_not_ignored_is_sqlalchemys_error(connection, count):
    bulk_insert(connection, THINGS, [thing(0)])
    with pytest.raises(IntegrityError):
        bulk_insert(connection, THINGS, [thing(n) for n in range(count)], ignore_conflicts=False)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("wrong", [{"number": None}, {"at": datetime(2026, 1, 5)}])  # noqa: DTZ001 - a wrong one
def test_a_value_that_cannot_be_stored_is_sqlalchemys_error(connection, count, wrong):
    rows = [thing(n) for n in range(count)]
    with pytest.raises(StatementError), connection.begin_nested():
        bulk_insert(connection, THINGS, [*rows[:-1], rows[-1] | wrong], ignore_conflicts=False)
    assert stored(connection) == []
    bulk_insert(connection, THINGS, rows)
    assert len(stored(connection)) == count


def test_defaults_that_python_computes_are_computed_for_each_row(connection):
    numbers = iter(range(1_000))
    table = Table(
        "bulk_computed",
        MetaData(),
        Column("id", String, primary_key=True),
        Column("number", Integer, default=lambda: next(numbers)),
    )
    table.create(connection)
    bulk_insert(connection, table, [{"id": f"{n:03}"} for n in range(2 * MIN_COPIED_ROWS)])
    query = select(table.c.number).order_by(table.c.id)
    assert connection.execute(query).scalars().all() == list(range(2 * MIN_COPIED_ROWS))


def test_no_row_is_no_statement(connection):
    bulk_insert(connection, THINGS, [])
    assert stored(connection) == []
