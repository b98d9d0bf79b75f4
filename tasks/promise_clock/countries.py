"""Find by which country's rules an order is judged."""

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from models.policy.promise_clock import CountryRules
from rules.promise_clock.regions import region_of
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.tables import CUSTOMERS, ORDERS


def load_country_rules(context: Context, connection: Connection, orders: Collection[str]) -> dict[str, CountryRules]:
    """Return by order the rules of the country that it goes to: its own, or its customer's, or the shop's."""
    if not orders:
        return {}
    country = func.coalesce(ORDERS.c.country, CUSTOMERS.c.country, context.shop.country)
    query = (
        select(ORDERS.c.id, country.label("country"), ORDERS.c.postcode)
        .join(CUSTOMERS, CUSTOMERS.c.id == ORDERS.c.customer_id)
        .where(in_list(connection, ORDERS.c.id, orders))
    )
    clock = context.policy.promise_clock
    return {
        row.id: clock.rules_of(row.country, region_of(row.country, row.postcode)) for row in connection.execute(query)
    }
