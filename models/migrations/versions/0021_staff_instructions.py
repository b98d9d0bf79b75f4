"""What staff ask for about an order: held, time-critical, a note, a message sent again."""

import sqlalchemy as sa
from alembic import op

from models.tables.column_types import UtcTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one version up."""
    op.create_table(
        "order_instruction",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("held_at", UtcTime(), nullable=True),
        sa.Column("held_by", sa.String(), nullable=True),
        sa.Column("critical_at", UtcTime(), nullable=True),
        sa.Column("critical_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.create_table(
        "order_note",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_by", sa.String(), nullable=False),
        sa.Column("written_at", UtcTime(), nullable=False),
        sa.Column("withdrawn_at", UtcTime(), nullable=True),
        sa.Column("sent_as", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_order_note_order", "order_note", ["order_id"])
    op.add_column("outbox", sa.Column("on_hold", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("notice", sa.Column("note_id", sa.String(), nullable=True))
    op.add_column("customer_mail", sa.Column("channel", sa.String(), nullable=False, server_default="email"))
    op.add_column("customer_mail", sa.Column("asked_by", sa.String(), nullable=True))
    op.add_column("customer_mail", sa.Column("repeats", sa.String(), nullable=True))
    op.add_column("suppression", sa.Column("mute_id", sa.String(), nullable=True))
    op.create_index(op.f("ix_suppression_mute_id"), "suppression", ["mute_id"])
