"""The ledger's tables through all their versions, on both databases."""

import sqlite3
import subprocess
import sys
from contextlib import closing, nullcontext
from datetime import UTC, date, datetime
from importlib import import_module

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Date, DateTime, Float, Integer, MetaData, Table, func, inspect, select, text
from sqlalchemy.types import JSON, Boolean
from sqlmodel import SQLModel

from models.date_basis import InboundBasis, InboundPromise, InStockBasis, ShippedBasis, basis_as_data, basis_from_data
from models.enums import Promise
from models.errors import ForewarnError
from tasks.db.engine import connect
from tasks.db.migrations import _config, _versions, migrate, newest, version
from tasks.db.sql import read_only
from tests.support.ledgers import copied_migrations, sqlite_ledger
from tests.support.paths import ROOT

# In the order in which they came.
VERSIONS = [script.revision for script in ScriptDirectory(str(ROOT / "models" / "migrations")).walk_revisions()][::-1]
SAMPLES = {Boolean: True, DateTime: datetime(2026, 6, 15, tzinfo=UTC), Date: date(2026, 6, 15), JSON: []}

RENAMED = {
    "gate": "channel_state",
    "tally": "counter",
    "expectation": "expected_date",
    "shipping_choice": "shipping_plan",
    "answer": "customer_answer",
}
LATER = {
    "watch": {
        "told_assumed": None,
        **{f"told_{name}": f"baseline_{name}" for name in ("revision", "on", "lines", "to")},
    },
    **{name: {"claimed_by": "lease_holder"} for name in ("notice", "post", "purchase_request")},
}
"""Columns that version 0011 renames; None for one that it drops."""
FILLED = {"customer_search", "product_word", "post_message"}
"""Tables that a version fills from the rows of others."""
MESSAGES = {"notice", "post", "purchase_request"}
"""Tables whose rows are in the outbox since version 0011, by ids of their own."""


def promise(key, promised, available):
    return InboundPromise(key, date(2026, 6, promised), date(2026, 6, available))


D1_AND_D2 = InboundBasis((promise("D1", 15, 17), promise("D2", 18, 19)))

ONE_PROCESS = """
import sys
from tasks.db.engine import connect; from tasks.db.migrations import migrate
engine = connect(sys.argv[1])
print("ready", flush=True)
input()
print(migrate(engine))
engine.dispose()
"""


@pytest.fixture(scope="module", autouse=True)
def quick_migrations():
    """Run the migrations themselves."""


@pytest.fixture
def engine(database):
    opened = connect(database)
    yield opened
    opened.dispose()


def up(engine, to):
    """Go to one version, which no command of ours does: they all go to the newest."""
    with engine.begin() as connection:
        command.upgrade(_config(connection), to)


def sample(column):
    return next((value for kind, value in SAMPLES.items() if isinstance(column.type, kind)), "1")


def value_of(column):
    """Return a value that tells its column from the others."""
    if isinstance(column.type, Integer | Float):
        return 1 + column.table.columns.keys().index(column.name)
    return f"{column.name} 1" if sample(column) == "1" else sample(column)


def test_the_files_names_tell_all_versions():
    assert sorted(_versions()) == VERSIONS


def test_an_empty_database_gets_the_tables_once(engine):
    assert version(engine) is None
    assert [migrate(engine), migrate(engine)] == [True, False]
    assert version(engine) == newest() == VERSIONS[-1]


def test_a_ledger_that_other_tests_copy_is_the_one_that_the_migrations_make(tmp_path):
    made = {}
    for name, way in (("run", nullcontext), ("copied", copied_migrations)):
        opened = connect(f"sqlite:///{tmp_path / name}")
        with way():
            assert migrate(opened)
        opened.dispose()
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            made[name] = sorted(connection.iterdump())
    with closing(sqlite3.connect(sqlite_ledger(tmp_path / "file").removeprefix("sqlite:///"))) as connection:
        assert made["run"] == made["copied"] == sorted(connection.iterdump())


def test_the_migrated_tables_are_those_of_the_models(engine):
    migrate(engine)
    with read_only(engine) as connection:
        found = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(found, SQLModel.metadata) == []
    assert set(inspect(engine).get_table_names()) == {*SQLModel.metadata.tables, "alembic_version"}


def test_rows_of_the_first_version_are_kept_by_every_later_one(engine):
    up(engine, VERSIONS[0])
    first = MetaData()
    first.reflect(engine)
    tables = [table for table in first.sorted_tables if table.name != "alembic_version"]
    with engine.begin() as connection:
        for table in tables:
            given = {column.name: sample(column) for column in table.c if not column.nullable}
            if table.name in MESSAGES:
                given["id"] = table.name
            connection.execute(table.insert().values(given))
    for to in VERSIONS[1:]:
        up(engine, to)
        assert version(engine) == to
    assert version(engine) == newest()
    names = {RENAMED.get(table.name, table.name) for table in tables}
    with read_only(engine) as connection:
        for name in names:
            assert connection.execute(select(func.count()).select_from(text(f'"{name}"'))).scalar_one() == 1
        for table in SQLModel.metadata.sorted_tables:
            rows = len(MESSAGES & names) if table.name == "outbox" else int(table.name in names | FILLED)
            assert len(connection.execute(select(table)).all()) == rows


def test_rows_are_whole_under_the_names_that_the_field_uses(engine):
    up(engine, "0009")
    before = MetaData()
    before.reflect(engine)
    tables = [table for table in before.sorted_tables if table.name != "alembic_version"]
    given = {table.name: {column.name: value_of(column) for column in table.c} for table in tables}
    given["expectation"]["basis"] = "left on 2026-06-15"
    for name in MESSAGES:
        given[name]["id"] = f"{name} 1"
    with engine.begin() as connection:
        for table in tables:
            connection.execute(table.insert().values(given[table.name]))
    migrate(engine)
    changed = import_module("models.migrations.versions.0010_field_names")
    assert changed.TABLES == RENAMED
    with read_only(engine) as connection:
        for table in tables:
            name = RENAMED.get(table.name, table.name)
            columns = changed.COLUMNS.get(name, {}) | LATER.get(name, {})
            (row,) = connection.execute(select(SQLModel.metadata.tables[name])).mappings()
            raw = connection.execute(select(text("*")).select_from(text(f'"{name}"'))).mappings().one()
            assert set(raw) == set(row)
            if name in MESSAGES:
                outbox = SQLModel.metadata.tables["outbox"]
                (state,) = connection.execute(select(outbox).where(outbox.c.id == row["id"])).mappings()
                raw_state = (
                    connection.execute(text("SELECT * FROM outbox WHERE id = :id"), {"id": row["id"]}).mappings().one()
                )
                row, raw = {**row, **state}, {**raw, **raw_state}
            for column, value in given[table.name].items():
                if (table.name, column) == ("expectation", "basis"):
                    assert row[column] == {"shipped_on": "2026-06-15"}
                    continue
                if columns.get(column, column) is None:
                    continue
                found = row[columns.get(column, column)]
                assert found is not None
                stored = raw[columns.get(column, column)]
                if isinstance(value, str):
                    kept = stored.decode() if isinstance(stored, bytes) else stored
                    assert kept == value, (name, column)
                elif isinstance(value, int) and not isinstance(value, bool):
                    assert float(stored) == value, (name, column)


def test_what_was_kept_in_counters_and_in_texts_has_columns_of_its_own(engine):
    up(engine, "0009")
    stored = MetaData()
    stored.reflect(engine)
    tally, request, event = (stored.tables[name] for name in ("tally", "purchase_request", "event"))
    resent = "silence; it may have arrived: sent again under the same id, by which the vendor knows it"
    blank = {column.name: sample(column) for column in request.c if not column.nullable}
    with engine.begin() as connection:
        counts = {
            "import:broken:a1": 1_781_000_000_500_000_000,
            "yielded:orders": 7,
            "brake:gone": 3,
            "brake:supervised": 1,
            "orders:week": 2,
        }
        connection.execute(tally.insert(), [{"name": name, "n": n} for name, n in counts.items()])
        reasons = {"r1": resent, "r2": "silence", "r3": None}
        connection.execute(request.insert(), [blank | {"id": key, "reason": reason} for key, reason in reasons.items()])
        common = {"at": SAMPLES[DateTime], "who": "run", "why": ""}
        for kind, subject in (("asked", "r1"), ("chased", "r1"), ("asked", "1041"), ("sent", "r1")):
            connection.execute(event.insert().values(**common, kind=kind, subject=subject))
    migrate(engine)
    tables = SQLModel.metadata.tables
    with read_only(engine) as connection:
        counters = dict(connection.execute(select(tables["counter"])).all())
        imports = connection.execute(select(tables["incomplete_import"])).all()
        requests = select(tables["purchase_request"].c["id", "may_have_arrived"])
        copies = dict(connection.execute(requests).all())
        events = connection.execute(select(tables["event"].c["kind", "subject"]).order_by(tables["event"].c.id)).all()
    assert counters == {"imported:orders": 7, "imported:lines_gone": 3, "guardrails:supervised": 1, "orders:week": 2}
    assert imports == [("a1", datetime.fromtimestamp(1_781_000_000.5, UTC), True)]
    assert copies == {"r1": True, "r2": False, "r3": False}
    assert events == [("requested", "r1"), ("reminded", "r1"), ("asked", "1041"), ("sent", "r1")]


BASES = {
    "": None,
    "in stock, to ship to DE": InStockBasis(Promise.SHIP, "DE"),
    "in stock, to deliver to ": InStockBasis(Promise.DELIVER, ""),
    "left on 2026-06-15": ShippedBasis(date(2026, 6, 15)),
    "D1, a for 2026-06-15 by 2026-06-17": InboundBasis((promise("D1, a", 15, 17),)),
    "D1 for 2026-06-15 by 2026-06-17, D2 for 2026-06-18 by 2026-06-19": D1_AND_D2,
    "written by hand": None,
}
"""What a date rests on, by its text before version 0010."""


def test_what_a_date_rests_on_is_read_from_its_text_once(engine):
    up(engine, "0009")
    before = Table("expectation", MetaData(), autoload_with=engine)
    given = {column.name: sample(column) for column in before.c if not column.nullable and column.name != "id"}
    with engine.begin() as connection:
        for order, text_before in enumerate(BASES):
            connection.execute(before.insert().values(given | {"order_id": str(order), "basis": text_before}))
    migrate(engine)
    expected = SQLModel.metadata.tables["expected_date"]
    with read_only(engine) as connection:
        rows = dict(connection.execute(select(expected.c.order_id, expected.c.basis)).all())
    found = {text_before: rows[str(order)] for order, text_before in enumerate(BASES)}
    assert {text_before: basis_from_data(data) for text_before, data in found.items()} == BASES
    assert {text_before: basis_as_data(basis) for text_before, basis in BASES.items()} == found


def test_what_covers_nothing_is_called_uncovered(engine):
    up(engine, "0009")
    before = Table("allocation", MetaData(), autoload_with=engine)
    given = {column.name: sample(column) for column in before.c if not column.nullable}
    with engine.begin() as connection:
        for cover in ("nothing", "stock"):
            connection.execute(before.insert().values(given | {"order_id": cover, "cover": cover}))
    migrate(engine)
    allocation = SQLModel.metadata.tables["allocation"]
    with read_only(engine) as connection:
        covers = dict(connection.execute(select(allocation.c.order_id, allocation.c.cover)).all())
    assert covers == {"nothing": "uncovered", "stock": "stock"}


def test_opt_outs_and_countries_that_are_there_already_are_brought_to_the_new_rules(engine):
    before = VERSIONS[VERSIONS.index("0008") - 1]
    up(engine, before)
    customer = Table("customer", MetaData(), autoload_with=engine)
    blank = {column.name: sample(column) for column in customer.c if not column.nullable}
    rows = [
        blank | {"id": "1", "opted_out": True, "email": " Opt@Example.com ", "phone": "+49 (151) 1234-5678"},
        blank | {"id": "2", "opted_out": True, "email": None, "phone": "0151 12345678"},
        blank | {"id": "3", "opted_out": False, "email": "anna@example.com", "phone": None},
        blank | {"id": "4", "opted_out": True, "email": "", "phone": ""},
    ]
    countries = ("UK", "EL", "DE", None)
    with engine.begin() as connection:
        for row, country in zip(rows, countries, strict=True):
            connection.execute(customer.insert().values({"email": None, "phone": None} | row | {"country": country}))
    up(engine, "0008")
    with read_only(engine) as connection:
        kept = connection.execute(text("SELECT customer_id, address FROM opt_out ORDER BY address")).all()
        found = connection.execute(text("SELECT country FROM customer ORDER BY id")).scalars().all()
    assert sorted(map(tuple, kept)) == [("1", "+4915112345678"), ("1", "opt@example.com")]
    assert found == ["GB", "GR", "DE", None]


def test_quantities_of_earlier_versions_are_still_whole_pieces(engine):
    up(engine, "0004")
    before = MetaData()
    before.reflect(engine)
    given = {
        "order_line": {"quantity": 3},
        "stock": {"on_hand": -2, "allocated": 1},
        "inbound": {"quantity": 2_147_483_647},
        "product": {"safety_stock": 7},
        "allocation": {"quantity": 3},
        "purchase_line": {"quantity": 5},
        "availability": {"free_quantity": 4},
        "stock_level": {"safety_stock": 1, "reorder_point": 2, "order_quantity": 3, "available": -4},
        "post": {"left": 2},
    }
    old_names = {"free_quantity": "left"}
    with engine.begin() as connection:
        for name, values in given.items():
            table = before.tables[name]
            needed = {column.name: sample(column) for column in table.c if not column.nullable}
            old_values = {old_names.get(column, column): value for column, value in values.items()}
            connection.execute(table.insert().values(needed | old_values))
        empty = before.tables["product"]
        connection.execute(empty.insert().values(id="2", name="2", drop_shipped=False))
    migrate(engine)
    with read_only(engine) as connection:
        for name, values in given.items():
            table = SQLModel.metadata.tables[name]
            rows = connection.execute(select(*(table.c[column] for column in values))).all()
            assert tuple(values.values()) in [tuple(row) for row in rows]
            assert all(type(value) is int for row in rows for value in row if value is not None)
        product = SQLModel.metadata.tables["product"]
        assert set(connection.execute(select(product.c.safety_stock)).scalars()) == {7, None}
        line = SQLModel.metadata.tables["order_line"]
        names = ("shipped", "cancelled", "returned", "packed")
        assert tuple(connection.execute(select(*(line.c[one] for one in names))).one()) == (0, 0, 0, 0)


@pytest.mark.server
def test_processes_that_migrate_at_once_all_succeed(engine, database):
    engine.dispose()
    processes = [
        subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-W", "error", "-c", ONE_PROCESS, database],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=60) for process in processes]
    assert [error for _, error in ended] == ["", "", ""]
    assert sorted(out.strip() for out, _ in ended) == ["False", "False", "True"]
    assert version(engine) == newest()


def test_a_ledger_of_a_newer_forewarn_is_left_alone(engine):
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(ForewarnError, match=r"9999.*newer Forewarn"):
        migrate(engine)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("ledger.db", "no address of a database"),
        ("mysql://shop:secret@localhost/ledger", "names mysql: postgresql://... or sqlite:///... is right"),
        ("postgresql://shop:secret@127.0.0.1:1/ledger?connect_timeout=2", "cannot be reached"),
    ],
)
def test_an_address_that_cannot_be_used_is_named_without_its_password(address, says):
    with pytest.raises(ForewarnError, match=r"(?s)^(?!.*secret)") as error:
        migrate(connect(address))
    assert says in str(error.value)


def test_an_address_may_have_options(postgres):
    address = postgres.emptied()
    for wish, name in (("", "forewarn"), ("&application_name=trial", "trial")):
        opened = connect(address + wish)
        with read_only(opened) as connection:
            assert connection.execute(text("SHOW application_name")).scalar() == name
            assert connection.execute(text("SHOW lock_timeout")).scalar() == "1min"
        opened.dispose()
