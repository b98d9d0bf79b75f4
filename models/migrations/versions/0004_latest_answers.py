"""The latest answers of a channel are found without a look at the older ones."""

from alembic import op


revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one version up."""
    op.create_index("ix_notice_settled", "notice", ["channel", "settled_at"], unique=False)
