"""What each day added up to, and the indexes of the desk's pages about vendors, stock and numbers."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

UNANSWERED, REMINDS = sa.text("responded_at IS NULL"), sa.text("reminder_of IS NOT NULL")
TO_DECIDE, TO_ORDER = sa.text("response IN ('refused', 'too_late')"), sa.text("order_quantity > 0")


def upgrade() -> None:
    """Go one version up."""
    op.create_table(
        "day_number",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("measure", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "measure", "part", "kind"),
    )
    op.create_index("ix_purchase_request_created", "purchase_request", ["created_at", "id"])
    _partial("ix_purchase_request_open", "purchase_request", ["created_at", "id"], UNANSWERED)
    _partial("ix_purchase_request_reminder", "purchase_request", ["reminder_of"], REMINDS)
    _partial("ix_purchase_line_decide", "purchase_line", ["request_id"], TO_DECIDE)
    _partial("ix_stock_level_order", "stock_level", ["product_id"], TO_ORDER)
    op.create_index("ix_inbound_vendor", "inbound", ["vendor_id", "promised_on"])
    op.create_index("ix_customer_choice_made", "customer_choice", ["made_at"])
    op.create_index("ix_offer_created", "offer", ["created_at"])


def _partial(name: str, table: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
