"""Tables and columns have the names that the field uses; what an expected date rests on is JSON."""

import re
from typing import Any

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from models.tables.column_types import UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = {
    "gate": "channel_state",
    "tally": "counter",
    "expectation": "expected_date",
    "shipping_choice": "shipping_plan",
    "answer": "customer_answer",
}
COLUMNS = {
    "channel_state": {
        "shut_at": "tripped_at",
        "try_at": "retry_at",
        "tries": "failed_probes",
        "second": "window_second",
        "passed": "sent_in_window",
    },
    "counter": {"n": "value"},
    "expected_date": {"chance": "probability", "ready": "in_stock", "who": "set_by"},
    "shipping_plan": {"days_gained": "days_saved", "worth": "value", "decided_at": "planned_at"},
    "availability": {"left": "free_quantity"},
    "watch": {"look_again_on": "next_check_on"},
    "notice": {"news": "change", "followed_by": "fallback_id"},
    "purchase_request": {"chases": "reminder_of", "answered_at": "responded_at"},
    "purchase_line": {"nth": "attempt", "answer": "response", "answered_at": "responded_at"},
    "order_line": {"together": "ship_with"},
    "orders": {"wish": "shipping_preference"},
}
COUNTERS = {
    "yielded:orders": "imported:orders",
    "brake:orders": "guardrails:orders",
    "brake:vouched": "guardrails:accepted_by_staff",
    "brake:supervised": "guardrails:supervised",
    "brake:gone": "imported:lines_gone",
    "brake:open": "imported:lines_open",
}
EVENTS = {"asked": "requested", "chased": "reminded", "answered": "responded"}
"""Kinds of the events of purchase requests."""
IMPORT_IN_PROGRESS = "import:"
"""The counters in which version 0009 keeps the heartbeats of incomplete imports, in nanoseconds since 1970."""
RESEND = "it may have arrived: sent again under the same id, by which the vendor knows it"
"""How the reason of a request ends in version 0009 when the vendor may have an earlier copy."""
NOT_ENDED = sa.text("ended_at IS NULL")
IN_STOCK = re.compile(r"in stock, to (ship|deliver) to (.*)")
SHIPPED = re.compile(r"left on (\d{4}-\d\d-\d\d)")
PROMISE = re.compile(r"(.+?) for (\d{4}-\d\d-\d\d) by (\d{4}-\d\d-\d\d)(?:, |$)")
"""How the text of `expectation.basis` named one delivery: its id, the day promised, the first day of packing."""
PAGE_SIZE = 10_000


def upgrade() -> None:
    """Go one version up; the rows stay where they are."""
    op.drop_index("ix_expectation_current", "expectation")
    op.drop_index("ix_expectation_line", "expectation")
    op.drop_index("ix_watch_look_again", "watch")
    for table, name in TABLES.items():
        op.rename_table(table, name)
    for table, columns in COLUMNS.items():
        for column, name in columns.items():
            # In place on both databases: a batch would copy the table.
            op.execute(f'ALTER TABLE {table} RENAME COLUMN "{column}" TO "{name}"')
    _convert_basis()
    op.execute("UPDATE allocation SET cover = 'uncovered' WHERE cover = 'nothing'")
    op.execute("UPDATE customer_answer SET kind = 'shipping_preference' WHERE kind = 'wish'")
    op.create_index(
        "ix_expected_date_current",
        "expected_date",
        ["order_id", "line"],
        unique=True,
        sqlite_where=NOT_ENDED,
        postgresql_where=NOT_ENDED,
    )
    op.create_index("ix_expected_date_line", "expected_date", ["order_id", "line", "id"])
    op.create_index("ix_watch_next_check", "watch", ["next_check_on", "order_id"])
    if op.get_bind().dialect.name == "postgresql":
        for table in ("expectation",):
            op.execute(f"ALTER SEQUENCE IF EXISTS {table}_id_seq RENAME TO {TABLES[table]}_id_seq")
    _move_heartbeats()
    _mark_resent_requests()
    for kind, name in EVENTS.items():
        op.execute(
            f"UPDATE event SET kind = '{name}' WHERE kind = '{kind}' AND subject IN (SELECT id FROM purchase_request)"
        )
    for counter, name in COUNTERS.items():
        op.execute(f"UPDATE counter SET name = '{name}' WHERE name = '{counter}'")


def _move_heartbeats() -> None:
    """Move the heartbeats of incomplete imports from the counters to a table of their own."""
    imports = op.create_table(
        "incomplete_import",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("heartbeat_at", UtcTime(), nullable=False),
        sa.Column("failed", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("id"),
    )
    counters = sa.table("counter", sa.column("name", sa.String), sa.column("value", sa.BigInteger))
    of_imports = counters.c.name.startswith(IMPORT_IN_PROGRESS, autoescape=True)
    found = op.get_bind().execute(sa.select(counters).where(of_imports)).all()
    # No import of version 0009 can go on: the next one takes over.
    rows = [
        {
            "id": name.rpartition(":")[2],
            "heartbeat_at": datetime.fromtimestamp(nanoseconds / 10**9, UTC),
            "failed": True,
        }
        for name, nanoseconds in found
    ]
    if rows:
        op.bulk_insert(imports, rows)
    op.execute(sa.delete(counters).where(of_imports))


def _mark_resent_requests() -> None:
    """Read from the reason of a request, once, whether its vendor may have an earlier copy."""
    op.add_column(
        "purchase_request", sa.Column("may_have_arrived", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute(f"UPDATE purchase_request SET may_have_arrived = true WHERE reason LIKE '%{RESEND}'")


def _convert_basis() -> None:
    """Replace the text by JSON, as models/date_basis.py reads it; a text in another form becomes NULL."""
    op.execute("ALTER TABLE expected_date RENAME COLUMN basis TO basis_text")
    op.execute("ALTER TABLE expected_date ADD COLUMN basis JSON")
    table = sa.table("expected_date", sa.column("id"), sa.column("basis_text"), sa.column("basis", sa.JSON()))
    connection, after = op.get_bind(), 0
    page = sa.select(table.c.id, table.c.basis_text).where(table.c.basis_text != "").order_by(table.c.id)
    change = table.update().where(table.c.id == sa.bindparam("row_id")).values(basis=sa.bindparam("data"))
    while rows := connection.execute(page.where(table.c.id > after).limit(PAGE_SIZE)).all():
        converted = [{"row_id": row.id, "data": _basis_data(row.basis_text)} for row in rows]
        if known := [row for row in converted if row["data"]]:
            connection.execute(change, known)
        after = rows[-1].id
    op.execute("ALTER TABLE expected_date DROP COLUMN basis_text")


def _basis_data(text: str) -> dict[str, Any] | None:
    if in_stock := IN_STOCK.fullmatch(text):
        return {"in_stock": {"promise": in_stock[1], "country": in_stock[2]}}
    if shipped := SHIPPED.fullmatch(text):
        return {"shipped_on": shipped[1]}
    promises = [
        {"id": promise[1], "promised_on": promise[2], "available_on": promise[3]} for promise in PROMISE.finditer(text)
    ]
    return {"inbound": promises} if promises else None
