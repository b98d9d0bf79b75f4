"""Write the keys by which staff find customers and products, with the facts that they are made of."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, delete

from models.search_keys import customer_keys, words_of
from sources.contract import CustomerRow, Fact, ProductRow
from tasks.db.bulk import bulk_insert
from tasks.db.sql import in_list, upsert
from tasks.tables import CUSTOMER_SEARCH, PRODUCT_WORDS


def save_search_keys(connection: Connection, facts: Iterable[Fact], written: Collection[str]) -> None:
    """Write the keys of the customers and products among facts whose rows were written, by their ids."""
    changed = [fact for fact in facts if getattr(fact, "id", None) in written]
    _save_customers(connection, [fact for fact in changed if isinstance(fact, CustomerRow)])
    _save_products(connection, [fact for fact in changed if isinstance(fact, ProductRow)])


def _save_customers(connection: Connection, customers: list[CustomerRow]) -> None:
    rows = []
    for customer in customers:
        keys = customer_keys(customer.name, customer.email, customer.phone)
        rows.append({"customer_id": customer.id, **{name: getattr(keys, name) for name in KEY_NAMES}})
    upsert(connection, CUSTOMER_SEARCH, rows)


def _save_products(connection: Connection, products: list[ProductRow]) -> None:
    if not products:
        return
    ids = {product.id for product in products}
    connection.execute(delete(PRODUCT_WORDS).where(in_list(connection, PRODUCT_WORDS.c.product_id, ids)))
    rows = [{"word": word, "product_id": product.id} for product in products for word in words_of(product.name)]
    bulk_insert(connection, PRODUCT_WORDS, rows, ignore_conflicts=False)


KEY_NAMES = ("name", "family", "mail", "phone")
