"""Orders and lines that end without a date, and things that are never sent."""

import sqlalchemy as sa
from alembic import op


revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one version up."""
    for table, flags in (("product", ("virtual",)), ("orders", ("done",)), ("order_line", ("done", "virtual"))):
        for name in flags:
            op.add_column(table, sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
        if table != "product":
            op.add_column(table, sa.Column("ended", sa.String(), nullable=True))
