"""Where the shop's consents come from, the addresses of erased customers, and which messages were asked about."""

import sqlalchemy as sa
from alembic import op

from models.tables.column_types import UtcTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

CONSENTS = ("sms_consent", "marketing_consent", "opted_out")


def upgrade() -> None:
    """Go one version up."""
    for consent in CONSENTS:
        op.add_column("customer", sa.Column(f"{consent}_source", sa.String(), nullable=True))
        op.add_column("customer", sa.Column(f"{consent}_at", UtcTime(), nullable=True))
    op.create_table(
        "erased_address",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("address", "customer_id"),
    )
    op.add_column("outbox", sa.Column("report_at", UtcTime(), nullable=True))
    op.create_index("ix_erased_address_customer_id", "erased_address", ["customer_id"])
