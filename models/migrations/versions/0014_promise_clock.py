"""What a notice says to satisfy the law, and the orders that the promise clock watches."""

import sqlalchemy as sa
from alembic import op

from models.tables.column_types import UtcTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one version up."""
    op.add_column("notice", sa.Column("statements", sa.JSON(), nullable=True))
    op.create_table(
        "clock_watch",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("check_on", sa.Date(), nullable=False),
        sa.Column("watch_version", sa.Integer(), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=True),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("policy", sa.String(), nullable=False),
        sa.Column("checked_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.create_index("ix_clock_watch_check_on", "clock_watch", ["check_on"])
    op.create_index("ix_clock_watch_deadline", "clock_watch", ["deadline"])
