"""By what staff find customers, products and orders."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import sqlalchemy as sa
from alembic import op

from models.search_keys import customer_keys, words_of
from models.tables.search import SEARCH_KEY

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

ROWS_AT_ONCE = 5_000
KEYS = ("name", "family", "mail", "phone")


def upgrade() -> None:
    """Go one version up."""
    customers = op.create_table(
        "customer_search",
        sa.Column("customer_id", sa.String(), nullable=False),
        *(sa.Column(name, SEARCH_KEY, nullable=False) for name in KEYS),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    products = op.create_table(
        "product_word",
        sa.Column("word", SEARCH_KEY, nullable=False),
        sa.Column("product_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("word", "product_id"),
    )
    _fill(customers, _customers())
    _fill(products, _words())
    for name in KEYS:
        op.create_index(f"ix_customer_search_{name}", "customer_search", [name])
    op.create_index("ix_product_word_product_id", "product_word", ["product_id"])
    op.drop_index("ix_watch_bucket", "watch")
    op.create_index("ix_watch_bucket", "watch", ["bucket", "order_id"])
    op.drop_index("ix_order_line_product", "order_line")
    op.create_index("ix_order_line_product", "order_line", ["product_id", "shipped_at", "order_id"])


def _fill(table: sa.Table, rows: Iterator[dict[str, Any]]) -> None:
    while page := list(islice(rows, ROWS_AT_ONCE)):
        op.get_bind().execute(table.insert(), page)


def _customers() -> Iterator[dict[str, Any]]:
    found = op.get_bind().execute(sa.text("SELECT id, name, email, phone FROM customer")).all()
    for row in found:
        keys = customer_keys(row.name, row.email, row.phone)
        yield {"customer_id": row.id, **{name: getattr(keys, name) for name in KEYS}}


def _words() -> Iterator[dict[str, Any]]:
    for row in op.get_bind().execute(sa.text("SELECT id, name FROM product")).all():
        yield from ({"word": word, "product_id": row.id} for word in words_of(row.name))
