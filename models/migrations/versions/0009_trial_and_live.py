"""What left in a trial only is told apart from what reached customers; a channel is live when somebody said so."""

import sqlalchemy as sa
from alembic import op

from models.tables.column_types import UtcTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SENT_BY = ("notice", "post", "purchase_request")


def upgrade() -> None:
    """Go one version up."""
    for table in SENT_BY:
        op.add_column(table, sa.Column("trial", sa.Boolean(), nullable=False, server_default=sa.false()))
        # The local outbox answers with the message's own id; no provider does.
        mail = " AND channel = 'mail'" if table == "purchase_request" else ""
        op.execute(f"UPDATE {table} SET trial = true WHERE state = 'sent' AND reference = id{mail}")
    op.add_column("watch", sa.Column("told_assumed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "live_channel",
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("live_at", UtcTime(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("channel"),
    )
    # A channel by which customers were reached before is live.
    for table in ("notice", "post"):
        op.execute(
            "INSERT INTO live_channel (channel, live_at, who) "
            f"SELECT channel, max(settled_at), 'before trials were told apart' FROM {table} "
            "WHERE state = 'sent' AND NOT trial AND settled_at IS NOT NULL GROUP BY channel"
        )
