"""Every SQLAlchemy table of the ledger, once."""

from sqlalchemy import Table
from sqlmodel import SQLModel

from models.tables.callbacks import CallbackEvent, MarketingOptOut
from models.tables.customer import (
    CustomerAnswer,
    CustomerChoice,
    CustomerMail,
    DelayReasonRow,
    OrderLink,
    Redemption,
    WebhookEvent,
)
from models.tables.early_warning import LearntModel, OrderForecast
from models.tables.instructions import OrderInstruction, OrderNote
from models.tables.ledger import (
    ChannelState,
    Counter,
    Event,
    LedgerOwner,
    LiveChannel,
    Notice,
    Offer,
    Run,
    Suppression,
    Watch,
)
from models.tables.numbers import DayNumber, ResultNumber
from models.tables.outbox import OutboxMessage
from models.tables.posts import Post, PostMessage, PostPicture
from models.tables.privacy import Consent, ErasedAddress, ErasedCustomer
from models.tables.promise_clock import ClockWatch
from models.tables.purchasing import PurchaseLine, PurchaseRequest
from models.tables.search import CustomerSearch, ProductWord
from models.tables.shop import (
    Customer,
    Inbound,
    IncompleteImport,
    OptOut,
    Order,
    OrderLine,
    Product,
    Shipment,
    Stock,
    Vendor,
)
from models.tables.staff import AuditRow, StaffKey, StaffLink, StaffPerson, StaffSession, StaffTry
from models.tables.supply import Allocation, Availability, ExpectedDateRow, ShippingPlanRow, StockLevel
from models.tables.versions import ShopVersion


def table_of(model: type[SQLModel]) -> Table:
    """Return the table behind a row model."""
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


# What an import writes.
CUSTOMERS, PRODUCTS, VENDORS = table_of(Customer), table_of(Product), table_of(Vendor)
ORDERS, ORDER_LINES, SHIPMENTS = table_of(Order), table_of(OrderLine), table_of(Shipment)
STOCKS, INBOUNDS = table_of(Stock), table_of(Inbound)
OPT_OUTS, INCOMPLETE_IMPORTS = table_of(OptOut), table_of(IncompleteImport)
CUSTOMER_SEARCH, PRODUCT_WORDS = table_of(CustomerSearch), table_of(ProductWord)

# What was decided, said and offered.
WATCHES, NOTICES, OFFERS = table_of(Watch), table_of(Notice), table_of(Offer)
POSTS, POST_MESSAGES, POST_PICTURES = table_of(Post), table_of(PostMessage), table_of(PostPicture)
OUTBOX = table_of(OutboxMessage)
CUSTOMER_ANSWERS, SUPPRESSIONS, EVENTS = table_of(CustomerAnswer), table_of(Suppression), table_of(Event)

# What customers choose, and how it is answered.
ORDER_LINKS, CUSTOMER_CHOICES, CUSTOMER_MAILS = table_of(OrderLink), table_of(CustomerChoice), table_of(CustomerMail)
ORDER_INSTRUCTIONS, ORDER_NOTES = table_of(OrderInstruction), table_of(OrderNote)
WEBHOOK_EVENTS, DELAY_REASONS = table_of(WebhookEvent), table_of(DelayReasonRow)
CLOCK_WATCHES = table_of(ClockWatch)

# What providers tell of messages, and who wants no marketing.
CALLBACK_EVENTS, MARKETING_OPT_OUTS = table_of(CallbackEvent), table_of(MarketingOptOut)

# Who consented to what, and who was erased.
CONSENTS, ERASED_CUSTOMERS, ERASED_ADDRESSES = table_of(Consent), table_of(ErasedCustomer), table_of(ErasedAddress)

# What covers a line, when it is expected, and how it is shipped.
ALLOCATIONS, EXPECTED_DATES, AVAILABILITIES = table_of(Allocation), table_of(ExpectedDateRow), table_of(Availability)
SHIPPING_PLANS, STOCK_LEVELS = table_of(ShippingPlanRow), table_of(StockLevel)
PURCHASE_REQUESTS, PURCHASE_LINES = table_of(PurchaseRequest), table_of(PurchaseLine)

# Which codes the shop says were redeemed.
REDEMPTIONS = table_of(Redemption)

# Runs, counters, channels, and the ledger itself.
RUNS, COUNTERS, CHANNEL_STATES = table_of(Run), table_of(Counter), table_of(ChannelState)
LIVE_CHANNELS, LEDGER_OWNERS = table_of(LiveChannel), table_of(LedgerOwner)

# Who works on the desk, and what they did.
STAFF_PERSONS, STAFF_SESSIONS, STAFF_LINKS = table_of(StaffPerson), table_of(StaffSession), table_of(StaffLink)
STAFF_TRIES, STAFF_KEYS, AUDIT_ENTRIES = table_of(StaffTry), table_of(StaffKey), table_of(AuditRow)

# What each day added up to.
DAY_NUMBERS, RESULT_NUMBERS = table_of(DayNumber), table_of(ResultNumber)

# What a shop edits on the desk.
SHOP_VERSIONS = table_of(ShopVersion)

# What was learnt of late orders, and said of open ones.
LEARNT_MODELS, ORDER_FORECASTS = table_of(LearntModel), table_of(OrderForecast)
