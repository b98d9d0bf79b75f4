"""Every SQLAlchemy table of the ledger, once."""

from sqlalchemy import Table
from sqlmodel import SQLModel

from models.tables.customer import Answer
from models.tables.ledger import (
    Event,
    Gate,
    LedgerOwner,
    LiveChannel,
    Notice,
    Offer,
    Post,
    Run,
    Suppression,
    Tally,
    Watch,
)
from models.tables.purchasing import PurchaseLine, PurchaseRequest
from models.tables.shop import Customer, Inbound, OptOut, Order, OrderLine, Product, Shipment, Stock, Vendor
from models.tables.supply import Allocation, Availability, Expectation, ShippingChoice, StockLevel


def table_of(model: type[SQLModel]) -> Table:
    """Return the table behind a row model."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


# What an import writes.
CUSTOMERS, PRODUCTS, VENDORS = table_of(Customer), table_of(Product), table_of(Vendor)
ORDERS, LINES, SHIPMENTS = table_of(Order), table_of(OrderLine), table_of(Shipment)
STOCKS, INBOUNDS = table_of(Stock), table_of(Inbound)
OPT_OUTS = table_of(OptOut)

# What was decided, said and offered.
WATCHES, NOTICES, OFFERS, POSTS = table_of(Watch), table_of(Notice), table_of(Offer), table_of(Post)
ANSWERS, SUPPRESSIONS, EVENTS = table_of(Answer), table_of(Suppression), table_of(Event)

# What covers a line, when it is expected, and how it is shipped.
ALLOCATIONS, EXPECTATIONS, AVAILABILITIES = table_of(Allocation), table_of(Expectation), table_of(Availability)
CHOICES, LEVELS = table_of(ShippingChoice), table_of(StockLevel)
REQUESTS, PURCHASED = table_of(PurchaseRequest), table_of(PurchaseLine)

# Runs, counters, channels, and the ledger itself.
RUNS, TALLIES, GATES = table_of(Run), table_of(Tally), table_of(Gate)
LIVE, OWNERS = table_of(LiveChannel), table_of(LedgerOwner)
