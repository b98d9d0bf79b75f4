"""A post is a draft that staff edit, schedule and approve; what leaves by each network is a message of its own."""

import sqlalchemy as sa
from alembic import op

from models.tables.column_types import UtcTime

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one version up."""
    op.create_table(
        "post_message",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("post_id", "network", name="uq_post_message_network"),
    )
    op.create_table(
        "post_picture",
        sa.Column("post_id", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("post_id"),
    )
    _add_columns()
    _carry_over()
    with op.batch_alter_table("post") as batch:
        batch.drop_column("channel")
        batch.alter_column("product_id", existing_type=sa.String(), nullable=True)
        batch.alter_column("week", existing_type=sa.String(), nullable=True)
        batch.alter_column("run_id", existing_type=sa.String(), existing_nullable=False, server_default="")
        batch.alter_column("calendar_at", existing_type=UtcTime(), nullable=False)
        batch.alter_column("changed_at", existing_type=UtcTime(), nullable=False)
    op.create_index("ix_post_calendar", "post", ["calendar_at", "id"])
    op.create_index("ix_post_state", "post", ["state", "calendar_at"])


def _add_columns() -> None:
    with op.batch_alter_table("post") as batch:
        batch.add_column(sa.Column("texts", sa.JSON(), nullable=False, server_default="{}"))
        batch.add_column(sa.Column("networks", sa.JSON(), nullable=False, server_default="[]"))
        batch.add_column(sa.Column("publish_at", UtcTime(), nullable=True))
        batch.add_column(sa.Column("calendar_at", UtcTime(), nullable=True))
        batch.add_column(sa.Column("state", sa.String(), nullable=False, server_default="draft"))
        batch.add_column(sa.Column("author", sa.String(), nullable=False, server_default=""))
        batch.add_column(sa.Column("author_id", sa.String(), nullable=True))
        batch.add_column(sa.Column("approver", sa.String(), nullable=False, server_default=""))
        batch.add_column(sa.Column("decided_at", UtcTime(), nullable=True))
        batch.add_column(sa.Column("note", sa.Text(), nullable=False, server_default=""))
        batch.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default=sa.text("1")))
        batch.add_column(sa.Column("changed_at", UtcTime(), nullable=True))


def _carry_over() -> None:
    """Make a message of each post that was approved or turned down; one that was held waits, out of the outbox."""
    message = "FROM outbox WHERE outbox.id = post.id"
    approval = "FROM event WHERE event.subject = post.id AND event.kind = 'approved'"
    op.execute(
        "UPDATE post SET author = 'Forewarn', changed_at = created_at, "
        f"calendar_at = COALESCE((SELECT COALESCE(settled_at, queued_at) {message}), created_at), "
        f"decided_at = (SELECT MAX(at) {approval}), approver = COALESCE((SELECT MAX(who) {approval}), ''), "
        f"note = COALESCE((SELECT reason {message} AND outbox.state = 'skipped'), ''), "
        f"state = COALESCE((SELECT CASE state WHEN 'held' THEN 'waits' WHEN 'skipped' THEN 'withdrawn' "
        f"ELSE 'approved' END {message}), 'withdrawn')"
    )
    quoted = "CAST('[\"' || channel || '\"]' AS JSON)" if _is_postgresql() else "'[\"' || channel || '\"]'"
    op.execute(f"UPDATE post SET networks = {quoted}")
    op.execute(
        "INSERT INTO post_message (id, post_id, network, text) SELECT post.id, post.id, post.channel, post.text "
        "FROM post JOIN outbox ON outbox.id = post.id WHERE outbox.state <> 'held'"
    )
    op.execute("DELETE FROM outbox WHERE state = 'held' AND id IN (SELECT id FROM post)")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
