"""A ledger with products and their availability, read as the storefront reads it."""

from sqlalchemy import delete, insert, update

from tasks.db.sql import read_only
from tasks.storefront.notices import list_notices
from tasks.tables import AVAILABILITIES, PRODUCTS
from tests.support.builders import day
from tests.support.shop_driver import noon


class StorefrontFixture:
    """Sets the availability of products, and reads their notices at the moment `now`."""

    def __init__(self, context):
        self.context, self.now = context, noon(0)

    def set_availability(
        self, product, state="backorder", *, free=3, expected=7, latest=None, set_at=None, name="A lamp", url=None
    ):
        with self.context.engine.begin() as connection:
            connection.execute(delete(AVAILABILITIES).where(AVAILABILITIES.c.product_id == product))
            connection.execute(delete(PRODUCTS).where(PRODUCTS.c.id == product))
            connection.execute(insert(PRODUCTS).values(id=product, name=name, url=url))
            connection.execute(
                insert(AVAILABILITIES).values(
                    product_id=product,
                    state=state,
                    free_quantity=free,
                    expected_on=None if expected is None or state != "backorder" else day(expected),
                    latest_on=None if latest is None else day(latest),
                    since=noon(-3),
                    set_at=set_at or self.now,
                )
            )

    def clear(self):
        with self.context.engine.begin() as connection:
            for table in (AVAILABILITIES, PRODUCTS):
                connection.execute(delete(table))

    def renew(self):
        with self.context.engine.begin() as connection:
            connection.execute(update(AVAILABILITIES).values(set_at=self.now))

    def notices(self, *filters):
        with read_only(self.context.engine) as connection:
            return {notice.product.id: notice for notice in list_notices(self.context, connection, self.now, *filters)}

    def text(self, product, locale="en"):
        return self.context.renderer.storefront.render_text(self.notices()[product].available, locale).text
