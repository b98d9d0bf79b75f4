"""What the carrier and the warehouse know of a line on its way, and the region that it goes to."""

import sqlalchemy as sa
from alembic import op

from models.tables.column_types import UtcTime

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one version up."""
    op.add_column("orders", sa.Column("region", sa.String(), nullable=True))
    op.add_column("order_line", sa.Column("ship_by", sa.Date(), nullable=True))
    for name in ("ships_from", "carrier"):
        op.add_column("order_line", sa.Column(name, sa.String(), nullable=True))
    for table in ("order_line", "shipment"):
        op.add_column(table, sa.Column("service", sa.String(), nullable=True))
        op.add_column(table, sa.Column("tracked_at", UtcTime(), nullable=True))
        op.add_column(table, sa.Column("tracked_status", sa.String(), nullable=True))
