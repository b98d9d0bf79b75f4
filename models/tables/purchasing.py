"""Purchase requests: what each vendor was asked for, and what it responded."""

from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.quantities import Quantity
from models.tables.column_types import flag, moment, pieces

UNANSWERED, REMINDS = text("responded_at IS NULL"), text("reminder_of IS NOT NULL")
TO_DECIDE = text("response IN ('refused', 'too_late')")
"""Lines that wait for a person; written out, because SQLite uses a partial index for the same words only."""


class PurchaseRequest(SQLModel, table=True):
    """What one vendor is asked for in one run. `OutboxMessage` has its channel and its state."""

    __tablename__ = "purchase_request"
    __table_args__ = (
        Index("ix_purchase_request_created", "created_at", "id"),
        Index("ix_purchase_request_open", "created_at", "id", sqlite_where=UNANSWERED, postgresql_where=UNANSWERED),
        Index("ix_purchase_request_reminder", "reminder_of", sqlite_where=REMINDS, postgresql_where=REMINDS),
    )

    id: str = Field(primary_key=True)
    run_id: str = Field(index=True)
    vendor_id: str = Field(index=True)
    created_at: datetime = moment(nullable=False)
    reminder_of: str | None = None
    """The request that this one reminds the vendor of."""
    may_have_arrived: bool = flag()
    """Whether the vendor may have an earlier copy, sent under the same id over an idempotent channel."""
    responded_at: datetime | None = moment()


class PurchaseLine(SQLModel, table=True):
    """The pieces of an order line that a vendor is asked for, and its response."""

    __tablename__ = "purchase_line"
    __table_args__ = (
        UniqueConstraint("order_id", "line", "attempt"),
        Index("ix_purchase_line_request", "request_id"),
        Index("ix_purchase_line_decide", "request_id", sqlite_where=TO_DECIDE, postgresql_where=TO_DECIDE),
    )

    id: str = Field(primary_key=True)
    request_id: str
    order_id: str
    line: str
    attempt: int = 1
    """1 for the first request for the line, 2 for the second, and so on."""
    product_id: str
    quantity: Quantity = pieces()
    drop_shipped: bool = False
    response: str | None = None
    """A VendorResponse; None: no response so far."""
    reason: str | None = None
    promised_on: date | None = None
    responded_at: datetime | None = moment()
