"""Links to order pages, what customers choose there, the mails that answer them, webhooks, and reasons of delays."""

import sqlalchemy as sa
from alembic import op

from models.tables.column_types import Money, Pieces, UtcTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

REQUESTED = sa.text("state = 'requested'")
RESERVED = sa.text("reserved_until IS NOT NULL")


def upgrade() -> None:
    """Go one version up."""
    op.add_column("notice", sa.Column("link_id", sa.String(), nullable=True))
    for table in ("order_line", "inbound"):
        op.add_column(table, sa.Column("delay_reason", sa.String(), nullable=True))
    _create_links()
    _create_choices()
    _create_mails_and_events()
    op.create_table(
        "delay_reason",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("texts", sa.JSON(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("set_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "subject"),
    )


def _create_links() -> None:
    op.create_table(
        "order_link",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("token_hash", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("revoked_at", UtcTime(), nullable=True),
        sa.Column("revoked_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("ix_order_link_order", "order_link", ["order_id", "created_at"])


def _create_choices() -> None:
    op.create_table(
        "customer_choice",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("form_id", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("link_id", sa.String(), nullable=True),
        sa.Column("notice_id", sa.String(), nullable=True),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("product_id", sa.String(), nullable=True),
        sa.Column("quantity", Pieces(), nullable=True),
        sa.Column("reserved_until", UtcTime(), nullable=True),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("refund", Money(), nullable=True),
        sa.Column("refunds_shipping", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("price_difference", Money(), nullable=True),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("offer_id", sa.String(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("undo_until", UtcTime(), nullable=True),
        sa.Column("changed_at", UtcTime(), nullable=True),
        sa.Column("changed_by", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("form_id"),
        sa.UniqueConstraint("order_id", "number"),
    )
    op.create_index(
        "ix_customer_choice_open",
        "customer_choice",
        ["made_at", "id"],
        sqlite_where=REQUESTED,
        postgresql_where=REQUESTED,
    )
    op.create_index(
        "ix_customer_choice_reserved",
        "customer_choice",
        ["reserved_until"],
        sqlite_where=RESERVED,
        postgresql_where=RESERVED,
    )


def _create_mails_and_events() -> None:
    op.create_table(
        "customer_mail",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("choice_id", sa.String(), nullable=True),
        sa.Column("link_id", sa.String(), nullable=True),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("to_name", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_customer_mail_order", "customer_mail", ["order_id"])
    op.create_table(
        "webhook_event",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("choice_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_webhook_event_choice", "webhook_event", ["choice_id"])
