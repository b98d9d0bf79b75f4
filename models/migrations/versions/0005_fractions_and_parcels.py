"""Quantities are kept in thousandths, a line is told by the piece, and several parcels of a line are known."""

import sqlalchemy as sa
from alembic import op

import models.tables.column_types


revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

QUANTITIES = {
    "product": {"safety_stock": True},
    "order_line": {"quantity": False},
    "stock": {"on_hand": False, "allocated": True},
    "inbound": {"quantity": False},
    "allocation": {"quantity": False},
    "availability": {"left": False},
    "purchase_line": {"quantity": False},
    "stock_level": dict.fromkeys(("safety_stock", "reorder_point", "order_quantity", "available"), False),
    "post": {"left": True},
}
"""By table: the columns that were whole numbers of pieces, and whether they may be empty."""
NEW_PIECES = ("shipped", "cancelled", "returned", "packed")


def upgrade() -> None:
    """Go one version up."""
    for table, columns in QUANTITIES.items():
        _to_thousandths(table, columns)
    with op.batch_alter_table("order_line", schema=None) as batch_op:
        for name in NEW_PIECES:
            batch_op.add_column(sa.Column(name, models.tables.column_types.Pieces(), nullable=False, server_default="0"))
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("unpaid", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("paid_at", models.tables.column_types.UtcTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("shipping_method", sa.String(), nullable=True))
    op.create_table(
        "shipment",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("quantity", models.tables.column_types.Pieces(), nullable=False),
        sa.Column("packed_at", models.tables.column_types.UtcTime(timezone=True), nullable=True),
        sa.Column("shipped_at", models.tables.column_types.UtcTime(timezone=True), nullable=True),
        sa.Column("delivered_at", models.tables.column_types.UtcTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", models.tables.column_types.UtcTime(timezone=True), nullable=True),
        sa.Column("carrier", sa.String(), nullable=True),
        sa.Column("tracking_number", sa.String(), nullable=True),
        sa.Column("tracking_url", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", "number", "id"),
    )


def _to_thousandths(table: str, columns: dict[str, bool]) -> None:
    """Widen the columns, and multiply what is in them."""
    if op.get_bind().dialect.name == "postgresql":
        # In one statement: a table is written once, and a number that 32 bits cannot hold is widened first.
        alter = ", ".join(f'ALTER "{name}" TYPE BIGINT USING "{name}"::bigint * 1000' for name in columns)
        op.execute(f'ALTER TABLE "{table}" {alter}')
        return
    with op.batch_alter_table(table, schema=None) as batch_op:
        for name, empty in columns.items():
            batch_op.alter_column(name, type_=models.tables.column_types.Pieces(), existing_type=sa.Integer(), existing_nullable=empty)
    given = ", ".join(f'"{name}" = "{name}" * 1000' for name in columns)
    op.execute(f'UPDATE "{table}" SET {given}')  # noqa: S608 - names of ours
