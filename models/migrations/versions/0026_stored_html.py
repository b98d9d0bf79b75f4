"""The HTML of mails is stored compressed by a dictionary; what is stored already stays readable as it is."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TABLES = ("notice", "customer_mail")


def upgrade() -> None:
    """Go one version up."""
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.alter_column(
                "html",
                existing_type=sa.Text(),
                type_=sa.LargeBinary(),
                existing_nullable=False,
                postgresql_using="convert_to(html, 'UTF8')",
            )
        if on_postgresql:
            # A compressed text gets no shorter, and its database would try.
            op.execute(f"ALTER TABLE {table} ALTER COLUMN html SET STORAGE EXTERNAL")
        else:
            op.execute(f"UPDATE {table} SET html = CAST(html AS BLOB)")  # noqa: S608 - names of our own
