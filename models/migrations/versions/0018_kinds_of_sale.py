"""Credit by the shop, and kinds of sale that a law leaves out."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one version up."""
    op.add_column("orders", sa.Column("seller_credit", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("order_line", sa.Column("exclusion", sa.String(), nullable=True))
