"""Opt-outs by address, and countries by their ISO codes."""

import sqlalchemy as sa
from alembic import op


revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# What can be read without knowing a number's country; the next import of the customers adds the rest.
MAILS = """
    INSERT INTO opt_out (customer_id, address)
    SELECT id, lower(trim(email)) FROM customer WHERE opted_out AND trim(email) <> ''
"""
NUMBERS = """
    INSERT INTO opt_out (customer_id, address)
    SELECT id, replace(replace(replace(replace(trim(phone), ' ', ''), '-', ''), '(', ''), ')', '')
    FROM customer WHERE opted_out AND trim(phone) LIKE '+%'
"""
ALIASES = {"UK": "GB", "EL": "GR"}


def upgrade() -> None:
    """Go one version up."""
    op.create_table(
        "opt_out",
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "address"),
    )
    with op.batch_alter_table("opt_out", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_opt_out_address"), ["address"], unique=False)
    op.execute(MAILS)
    op.execute(NUMBERS)
    for table in ("customer", "orders", "vendor"):
        countries = sa.table(table, sa.column("country"))
        for written, code in ALIASES.items():
            op.execute(countries.update().where(countries.c.country == written).values(country=code))
