"""What was learnt of late orders, and what was said of open ones each morning."""

import sqlalchemy as sa
from alembic import op

from models.tables.column_types import UtcTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one version up."""
    op.create_table(
        "learnt_model",
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("learnt_at", UtcTime(), nullable=False),
        sa.Column("late_days", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("arrived", sa.Integer(), nullable=False),
        sa.Column("late", sa.Integer(), nullable=False),
        sa.Column("off_points", sa.Float(), nullable=True),
        sa.Column("drifted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_index("ix_learnt_model_as_of", "learnt_model", ["as_of", "learnt_at"])
    op.create_table(
        "order_forecast",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("promised_on", sa.Date(), nullable=False),
        sa.Column("promise", sa.String(), nullable=False),
        sa.Column("morning", sa.Date(), nullable=False),
        sa.Column("known_on", sa.Date(), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("by_model", sa.Float(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("last_scan_on", sa.Date(), nullable=True),
        sa.Column("scan_status", sa.String(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", "promised_on", "promise", "morning"),
    )
    op.create_index("ix_order_forecast_scored", "order_forecast", ["known_on", "late"])
    op.create_index("ix_order_forecast_morning", "order_forecast", ["morning"])
