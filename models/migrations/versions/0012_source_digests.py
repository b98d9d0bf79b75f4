"""A fact's row has the digest of the source's row that it was written from. Any other change of it clears the digest."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = ("customer", "product", "vendor", "orders", "order_line", "shipment", "stock", "inbound")
# A table that a later migration copies on SQLite, as batch_alter_table may, loses its trigger there.
CLEAR = """
CREATE TRIGGER {table}_source_digest AFTER UPDATE ON {table}
WHEN new.source_digest IS NOT NULL AND new.source_digest = old.source_digest
BEGIN UPDATE {table} SET source_digest = NULL WHERE rowid = new.rowid; END
"""
CLEAR_ON_POSTGRESQL = """
CREATE TRIGGER {table}_source_digest BEFORE UPDATE ON {table} FOR EACH ROW
WHEN (new.source_digest = old.source_digest) EXECUTE FUNCTION clear_source_digest()
"""
FUNCTION = """
CREATE FUNCTION clear_source_digest() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN new.source_digest := NULL; RETURN new; END $$
"""


def upgrade() -> None:
    """Go one version up."""
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    if not on_sqlite:
        op.execute(FUNCTION)
    for table in TABLES:
        op.add_column(table, sa.Column("source_digest", sa.BigInteger(), nullable=True))
        op.execute((CLEAR if on_sqlite else CLEAR_ON_POSTGRESQL).format(table=table))
