"""Where a message stands is a narrow row of its own, and what a customer was told follows from what has left."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from models.tables.column_types import UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

UNSETTLED, SETTLED = sa.text("settled_at IS NULL"), sa.text("settled_at IS NOT NULL")
FAILED, FAILED_ON_SQLITE = sa.text("awaits_fallback"), sa.text("awaits_fallback = 1")
NARROW = (
    *("state", "reason", "not_before", "valid_until", "attempts", "claimed_by", "lease_until"),
    *("sending_at", "settled_at", "reference", "trial"),
)
"""Columns that move from the three tables to the outbox; `claimed_by` becomes `lease_holder`."""
INDEXES = {
    "notice": ("ix_notice_ready", "ix_notice_order", "ix_notice_settled"),
    "post": (),
    "purchase_request": ("ix_purchase_request_ready",),
}
TOLD = ("told_revision", "told_on", "told_lines", "told_to")


def upgrade() -> None:
    """Go one version up."""
    _create_outbox()
    _fill_outbox()
    for table, indexes in INDEXES.items():
        for index in indexes:
            op.drop_index(index, table)
    for table in INDEXES:
        with op.batch_alter_table(table) as batch:
            for name in NARROW:
                batch.drop_column(name)
            if table == "purchase_request":
                batch.drop_column("channel")
            if table == "notice":
                batch.add_column(sa.Column("facts_version", sa.Integer(), nullable=False, server_default=sa.text("0")))
                batch.add_column(sa.Column("holds_through", sa.Date(), nullable=True))
    _keep_only_baselines()
    if op.get_bind().dialect.name == "postgresql":
        _compress_by_lz4()


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("queued_at", UtcTime(), nullable=False),
        sa.Column("not_before", UtcTime(), nullable=False),
        sa.Column("valid_until", UtcTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_holder", sa.String(), nullable=True),
        sa.Column("lease_until", UtcTime(), nullable=True),
        sa.Column("sending_at", UtcTime(), nullable=True),
        sa.Column("settled_at", UtcTime(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("trial", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("awaits_fallback", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"fillfactor": 80},
    )
    for name, columns, sqlite_where, postgresql_where in (
        ("ix_outbox_due", ["channel", "not_before", "id"], UNSETTLED, UNSETTLED),
        ("ix_outbox_failed", ["id"], FAILED_ON_SQLITE, FAILED),
    ):
        op.create_index(name, "outbox", columns, sqlite_where=sqlite_where, postgresql_where=postgresql_where)
    op.create_index(
        "ix_outbox_settled",
        "outbox",
        ["settled_at"],
        postgresql_using="brin",
        sqlite_where=SETTLED,
        postgresql_where=SETTLED,
    )


def _fill_outbox() -> None:
    """Copy the states. A message that was claimed and had not left is queued again."""
    copied = ("id", "channel", "queued_at", *(name for name in NARROW if name != "claimed_by"), "lease_holder")
    failed = "state IN ('rejected', 'bounced') AND fallback_id IS NULL"
    for table in INDEXES:
        own: dict[str, Any] = {
            "queued_at": "created_at",
            "settled_at": "CASE WHEN state = 'in_doubt' THEN NULL ELSE settled_at END",
            "state": "CASE WHEN state = 'claimed' THEN 'queued' ELSE state END",
            "lease_until": "CASE WHEN state = 'claimed' THEN NULL ELSE lease_until END",
            "lease_holder": "CASE WHEN state = 'claimed' THEN NULL ELSE claimed_by END",
            "awaits_fallback": f"CASE WHEN {failed} THEN {_true()} ELSE {_false()} END" if table == "notice" else _false(),
        }
        names = (*copied, "awaits_fallback")
        values = ", ".join(str(own.get(name, name)) for name in names)
        op.execute(f"INSERT INTO outbox ({', '.join(names)}) SELECT {values} FROM {table}")


def _true() -> str:
    return "true" if op.get_bind().dialect.name == "postgresql" else "1"


def _false() -> str:
    return "false" if op.get_bind().dialect.name == "postgresql" else "0"


def _keep_only_baselines() -> None:
    """Drop what was told from the watches, except what staff left untold on purpose: no notice says it."""
    for name in TOLD:
        op.execute(f"ALTER TABLE watch RENAME COLUMN {name} TO {name.replace('told', 'baseline')}")
    cleared = ", ".join(f"{name.replace('told', 'baseline')} = NULL" for name in TOLD)
    op.execute(f"UPDATE watch SET {cleared} WHERE told_assumed = {_false()}")
    op.execute("ALTER TABLE watch DROP COLUMN told_assumed")


def _compress_by_lz4() -> None:
    """Compress the words of new notices by lz4 where the server can: it halves what recording them costs the server."""
    methods = sa.text("SELECT enumvals FROM pg_settings WHERE name = 'default_toast_compression'")
    if "lz4" in (op.get_bind().execute(methods).scalar() or ()):
        for name in ("html", "text"):
            op.execute(f"ALTER TABLE notice ALTER COLUMN {name} SET COMPRESSION lz4")
