"""A ledger says whose it is, and a watch whom it told."""

import sqlalchemy as sa
from alembic import op

import models.tables.column_types


revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one version up; whom a watch told is read from the notice."""
    op.create_table(
        "ledger_owner",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shop_id", sa.String(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("since", models.tables.column_types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.add_column("watch", sa.Column("told_to", sa.String(), nullable=True))
    watch = sa.table("watch", *(sa.column(name) for name in ("order_id", "told_revision", "told_to")))
    notice = sa.table("notice", *(sa.column(name) for name in ("order_id", "revision", "customer_id")))
    told = sa.select(sa.func.max(notice.c.customer_id)).where(
        notice.c.order_id == watch.c.order_id, notice.c.revision == watch.c.told_revision
    )
    op.execute(sa.update(watch).where(watch.c.told_revision.is_not(None)).values(told_to=told.scalar_subquery()))
