"""TODO."""

from datetime import date, datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.quantities import Quantity
from models.tables.column_types import moment, pieces, trial


class PurchaseRequest(SQLModel, table=True):
    """What one vendor is asked for in one run; lives the life of a notice."""

    __tablename__ = "purchase_request"
    __table_args__ = (Index("ix_purchase_request_ready", "state", "not_before", "id"),)

    id: str = Field(primary_key=True)
    run_id: str = Field(index=True)
    vendor_id: str = Field(index=True)
    channel: str
    """How it goes: `mail`, `folder`, `sftp` or `http`."""
    state: str
    reason: str | None = None
    created_at: datetime = moment(nullable=False)
    not_before: datetime = moment(nullable=False)
    valid_until: datetime | None = moment()
    claimed_by: str | None = None
    lease_until: datetime | None = moment()
    attempts: int = 0
    sending_at: datetime | None = moment()
    settled_at: datetime | None = moment()
    reference: str | None = None
    trial: bool = trial()
    reminder_of: str | None = None
    """The request that this one reminds the vendor of."""
    answered_at: datetime | None = moment()


class PurchaseLine(SQLModel, table=True):
    """So many pieces for an order line, asked of a vendor; and what the vendor answered."""

    __tablename__ = "purchase_line"
    __table_args__ = (UniqueConstraint("order_id", "line", "attempt"), Index("ix_purchase_line_request", "request_id"))

    id: str = Field(primary_key=True)
    request_id: str
    order_id: str
    line: str
    attempt: int = 1
    """The first, second, ... request for the line: more is asked only for pieces that were never asked, or refused."""
    product_id: str
    quantity: Quantity = pieces()
    drop_shipped: bool = False
    answer: str | None = None
    """A VendorAnswer; None: no answer yet."""
    reason: str | None = None
    promised_on: date | None = None
    answered_at: datetime | None = moment()
