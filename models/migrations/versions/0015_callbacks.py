"""What providers tell of messages after they took them, and who wants no marketing mails."""

import sqlalchemy as sa
from alembic import op

from models.tables.column_types import UtcTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OPEN = sa.text("handled_at IS NULL")
FOR_STAFF, FOR_STAFF_ON_SQLITE = sa.text("for_staff"), sa.text("for_staff = 1")


def upgrade() -> None:
    """Go one version up."""
    op.create_table(
        "callback_event",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("happened_at", UtcTime(), nullable=True),
        sa.Column("signed_at", UtcTime(), nullable=True),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("retry_at", UtcTime(), nullable=True),
        sa.Column("handled_at", UtcTime(), nullable=True),
        sa.Column("effect", sa.String(), nullable=True),
        sa.Column("for_staff", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("ix_callback_event_message_id", "callback_event", ["message_id"])
    op.create_index("ix_callback_event_open", "callback_event", ["number"], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index(
        "ix_callback_event_staff",
        "callback_event",
        ["number"],
        sqlite_where=FOR_STAFF_ON_SQLITE,
        postgresql_where=FOR_STAFF,
    )
    op.create_table(
        "marketing_opt_out",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("address"),
    )
    op.add_column("channel_state", sa.Column("awaits_delivery", sa.Boolean(), server_default=sa.false(), nullable=False))
