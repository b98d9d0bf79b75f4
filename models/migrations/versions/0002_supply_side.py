"""Supply side."""

import sqlalchemy as sa
from alembic import op

import models.tables.column_types


revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one version up."""
    op.create_table(
        "allocation",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("cover", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("inbound_id", sa.String(), nullable=False),
        sa.Column("ships_on", sa.Date(), nullable=True),
        sa.Column("arrives_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", "line", "part"),
    )
    with op.batch_alter_table("allocation", schema=None) as batch_op:
        batch_op.create_index("ix_allocation_product", ["product_id"], unique=False)

    op.create_table(
        "answer",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("at", models.tables.column_types.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id", "kind"),
    )
    op.create_table(
        "availability",
        sa.Column("product_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("left", sa.Integer(), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("latest_on", sa.Date(), nullable=True),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("waited", sa.Integer(), nullable=False),
        sa.Column("since", models.tables.column_types.UtcTime(timezone=True), nullable=False),
        sa.Column("set_at", models.tables.column_types.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("product_id"),
    )
    with op.batch_alter_table("availability", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_availability_set_at"), ["set_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_availability_state"), ["state"], unique=False)

    op.create_table(
        "expectation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("earliest_on", sa.Date(), nullable=True),
        sa.Column("latest_on", sa.Date(), nullable=True),
        sa.Column("chance", sa.Float(), nullable=True),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("set_at", models.tables.column_types.UtcTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("ended_at", models.tables.column_types.UtcTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("expectation", schema=None) as batch_op:
        batch_op.create_index(
            "ix_expectation_current",
            ["order_id", "line"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index("ix_expectation_line", ["order_id", "line", "id"], unique=False)

    op.create_table(
        "purchase_line",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("nth", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("drop_shipped", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("promised_on", sa.Date(), nullable=True),
        sa.Column("answered_at", models.tables.column_types.UtcTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("order_id", "line", "nth"),
    )
    with op.batch_alter_table("purchase_line", schema=None) as batch_op:
        batch_op.create_index("ix_purchase_line_request", ["request_id"], unique=False)

    op.create_table(
        "purchase_request",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("vendor_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("created_at", models.tables.column_types.UtcTime(timezone=True), nullable=False),
        sa.Column("not_before", models.tables.column_types.UtcTime(timezone=True), nullable=False),
        sa.Column("valid_until", models.tables.column_types.UtcTime(timezone=True), nullable=True),
        sa.Column("claimed_by", sa.String(), nullable=True),
        sa.Column("lease_until", models.tables.column_types.UtcTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sending_at", models.tables.column_types.UtcTime(timezone=True), nullable=True),
        sa.Column("settled_at", models.tables.column_types.UtcTime(timezone=True), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("chases", sa.String(), nullable=True),
        sa.Column("answered_at", models.tables.column_types.UtcTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("purchase_request", schema=None) as batch_op:
        batch_op.create_index("ix_purchase_request_ready", ["state", "not_before", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_purchase_request_run_id"), ["run_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_purchase_request_vendor_id"), ["vendor_id"], unique=False)

    op.create_table(
        "shipping_choice",
        sa.Column("order_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("parcels", sa.JSON(), nullable=False),
        sa.Column("days_gained", sa.Integer(), nullable=False),
        sa.Column("extra_cost", models.tables.column_types.Money(), nullable=False),
        sa.Column("worth", models.tables.column_types.Money(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("decided_at", models.tables.column_types.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_id"),
    )
    op.create_table(
        "stock_level",
        sa.Column("product_id", sa.String(), nullable=False),
        sa.Column("safety_stock", sa.Integer(), nullable=False),
        sa.Column("reorder_point", sa.Integer(), nullable=False),
        sa.Column("order_quantity", sa.Integer(), nullable=False),
        sa.Column("available", sa.Integer(), nullable=False),
        sa.Column("demand_a_day", sa.Float(), nullable=False),
        sa.Column("demand_sd", sa.Float(), nullable=False),
        sa.Column("lead_days", sa.Float(), nullable=False),
        sa.Column("lead_sd", sa.Float(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("set_at", models.tables.column_types.UtcTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("product_id"),
    )
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ordered_at", models.tables.column_types.UtcTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("location", sa.String(), nullable=True))

    with op.batch_alter_table("order_line", schema=None) as batch_op:
        batch_op.add_column(sa.Column("expected_source", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("time_critical", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("together", sa.String(), nullable=True))

    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("priority", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("wish", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("recipient", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("street", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("postcode", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("city", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("country", sa.String(), nullable=True))

    # The first version left the constraint's name to the database; by this rule both databases know it.
    names = {"uq": "%(table_name)s_%(column_0_N_name)s_key"}
    with op.batch_alter_table("post", schema=None, naming_convention=names) as batch_op:
        batch_op.add_column(sa.Column("kind", sa.String(), nullable=False, server_default="late"))
        batch_op.add_column(sa.Column("left", sa.Integer(), nullable=True))
        batch_op.drop_constraint("post_product_id_week_key", type_="unique")
        batch_op.create_unique_constraint("uq_post_product_week_kind", ["product_id", "week", "kind"])

    with op.batch_alter_table("product", schema=None) as batch_op:
        batch_op.add_column(sa.Column("vendor_id", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("drop_shipped", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("safety_stock", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_product_vendor_id"), ["vendor_id"], unique=False)

    with op.batch_alter_table("vendor", schema=None) as batch_op:
        batch_op.add_column(sa.Column("country", sa.String(), nullable=True))
