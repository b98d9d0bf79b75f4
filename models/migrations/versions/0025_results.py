"""Trials of two wordings, redeemed codes, and what became of the messages of each day."""

import sqlalchemy as sa
from alembic import op

from models.tables.column_types import Money, UtcTime

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

OF_TRIAL = sa.text("experiment <> ''")
IN_TRIAL = sa.text("experiment IS NOT NULL")
CLEAR_DIGEST = """
CREATE TRIGGER redemption_source_digest AFTER UPDATE ON redemption
WHEN new.source_digest IS NOT NULL AND new.source_digest = old.source_digest
BEGIN UPDATE redemption SET source_digest = NULL WHERE rowid = new.rowid; END
"""
CLEAR_DIGEST_ON_POSTGRESQL = """
CREATE TRIGGER redemption_source_digest BEFORE UPDATE ON redemption FOR EACH ROW
WHEN (new.source_digest = old.source_digest) EXECUTE FUNCTION clear_source_digest()
"""


def upgrade() -> None:
    """Go one version up."""
    op.add_column("notice", sa.Column("experiment", sa.String(), nullable=True))
    op.add_column("notice", sa.Column("wording", sa.String(), nullable=True))
    op.create_index(
        "ix_notice_experiment",
        "notice",
        ["experiment", "customer_id"],
        sqlite_where=IN_TRIAL,
        postgresql_where=IN_TRIAL,
    )
    op.create_table(
        "redemption",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("redeemed_at", UtcTime(), nullable=False),
        sa.Column("amount", Money(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("source_digest", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("code", "order_id"),
    )
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute(CLEAR_DIGEST if on_sqlite else CLEAR_DIGEST_ON_POSTGRESQL)
    op.create_table(
        "result_number",
        sa.Column("day", sa.Date(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in KEY),
        *(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0") for name in NUMBERS),
        sa.PrimaryKeyConstraint("day", *KEY),
    )
    op.create_index(
        "ix_result_number_experiment",
        "result_number",
        ["experiment"],
        sqlite_where=OF_TRIAL,
        postgresql_where=OF_TRIAL,
    )


KEY = ("bucket", "message", "experiment", "wording", "kind")
NUMBERS = (
    "told", "reached", "came_back", "first", "in_time", "answered", "waited", "shipped", "swapped", "cancelled", "took_discount", "codes", "codes_value", "redeemed", "uses", "uses_value", "uses_unknown", "uses_expired", "sent", "counted",
)
