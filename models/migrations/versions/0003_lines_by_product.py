"""Lines by product and shipping."""

from alembic import op


revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one version up."""
    with op.batch_alter_table("order_line", schema=None) as batch_op:
        batch_op.create_index("ix_order_line_product", ["product_id", "shipped_at"], unique=False)
        batch_op.drop_index(batch_op.f("ix_order_line_product_id"))
