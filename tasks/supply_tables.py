"""The tables of goods: what there is and who gets it, how orders are sent, and what vendors are asked for."""

from models.ledger_supply import (
    Allocation,
    Answer,
    Availability,
    PurchaseLine,
    PurchaseRequest,
    StockLevel,
)
from models.shop import Inbound, Stock, Vendor
from tasks.orders import CHOICES as CHOICES
from tasks.orders import SHIPMENTS as SHIPMENTS
from tasks.orders import table_of

STOCKS, INBOUNDS, VENDORS = table_of(Stock), table_of(Inbound), table_of(Vendor)
ALLOCATIONS, AVAILABILITIES, LEVELS = table_of(Allocation), table_of(Availability), table_of(StockLevel)
ANSWERS = table_of(Answer)
REQUESTS, PURCHASED = table_of(PurchaseRequest), table_of(PurchaseLine)
