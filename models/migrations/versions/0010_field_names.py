"""Tables and columns have the names that the field uses."""

import sqlalchemy as sa
from alembic import op

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
    "shipping_plan": {"worth": "value", "decided_at": "planned_at"},
    "watch": {"look_again_on": "next_check_on"},
    "notice": {"news": "change", "followed_by": "fallback_id"},
    "purchase_request": {"chases": "reminder_of"},
    "purchase_line": {"nth": "attempt"},
    "order_line": {"together": "ship_with"},
    "orders": {"wish": "shipping_preference"},
}
NOT_ENDED = sa.text("ended_at IS NULL")


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
