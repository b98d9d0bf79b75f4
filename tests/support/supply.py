"""Products, deliveries and allocation runs for tests of the supply side."""

from decimal import Decimal

from sqlalchemy import insert

from models.orders import ProductFacts
from tasks.inventory.allocate import allocate_page
from tasks.inventory.expected_dates import close_shipped
from tasks.inventory.forecast_inputs import load_forecast_inputs
from tasks.inventory.in_transit import date_in_transit
from tasks.tables import EXPECTED_DATES, INBOUNDS
from tests.support.builders import day
from tests.support.shop_driver import noon

LAMP = ProductFacts("lamp", "Desk Lamp", "lamps", Decimal(40))
VASE = ProductFacts("vase", "Vase", "vases", Decimal(20))


def allocate(context, on=0, *, run="run", batch=500, pages=1_000):
    """Allocate on a day, as the flow does; with fewer `pages` the run stops in the middle, like one that died."""
    context = context.with_run(run, day(on), noon(on))
    inputs, after = load_forecast_inputs(context), ""
    for _ in range(pages):
        after = allocate_page(context, inputs, after, batch)[1]
        if not after:
            date_in_transit(context)
            close_shipped(context)
            break


def add_deliveries(driver, *rows):
    """Add deliveries of lamps: id, pieces, and the day promised."""
    common = {"product_id": "lamp", "received_at": None, "vendor_id": None}
    with driver.context.engine.begin() as connection:
        for key, quantity, promised in rows:
            row = {"id": key, "quantity": quantity, "promised_on": None if promised is None else day(promised)}
            connection.execute(insert(INBOUNDS).values(**common, **row))


def execute(driver, statement):
    """Execute one statement that changes the ledger."""
    with driver.context.engine.begin() as connection:
        connection.execute(statement)


def expected_date(driver, order="1041", line="1"):
    """Return a line's current source, date and whether all of it is in stock; None where it has no expected date."""
    rows = [row for row in driver.rows(EXPECTED_DATES) if (row["order_id"], row["line"]) == (order, line)]
    current = [row for row in rows if row["ended_at"] is None]
    assert len(current) <= 1
    return (current[0]["source"], current[0]["expected_on"], current[0]["in_stock"]) if current else None
