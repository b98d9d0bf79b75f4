"""What customers chose, the links to their order pages, the mails that answer them, and what the shop is told of it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Column, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.quantities import Quantity
from models.tables.column_types import flag, moment, money, pieces, source_digest
from models.tables.stored_html import StoredHtml


class CustomerAnswer(SQLModel, table=True):
    """One standing preference of a customer for an order, at most one of each kind."""

    __tablename__ = "customer_answer"
    __table_args__ = (UniqueConstraint("order_id", "kind"),)

    id: str = Field(primary_key=True)
    order_id: str
    kind: str
    """`shipping_preference`: whether the order ships complete or line by line."""
    value: str
    who: str
    at: datetime = moment(nullable=False)


class OrderLink(SQLModel, table=True):
    """A secret link to one order's page. The ledger has only the hash of its token."""

    __tablename__ = "order_link"
    __table_args__ = (Index("ix_order_link_order", "order_id", "created_at"),)

    id: str = Field(primary_key=True)
    """128 random bits; its token is computed from it with the installation's link secret."""
    token_hash: str = Field(unique=True)
    order_id: str
    customer_id: str
    """The link opens nothing once the order belongs to another customer."""
    created_at: datetime = moment(nullable=False)
    expires_at: datetime = moment(nullable=False)
    revoked_at: datetime | None = moment()
    revoked_by: str | None = None


class CustomerChoice(SQLModel, table=True):
    """One choice that a customer made for an order; it changes state, and is never overwritten by another one."""

    __tablename__ = "customer_choice"
    __table_args__ = (
        UniqueConstraint("order_id", "number"),
        Index("ix_customer_choice_made", "made_at"),
        Index(
            "ix_customer_choice_open",
            "made_at",
            "id",
            sqlite_where=text("state = 'requested'"),
            postgresql_where=text("state = 'requested'"),
        ),
        Index(
            "ix_customer_choice_reserved",
            "reserved_until",
            sqlite_where=text("reserved_until IS NOT NULL"),
            postgresql_where=text("reserved_until IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    """Its reference, as 1041-C1."""
    order_id: str
    number: int
    """Numbers the choices of its order from 1."""
    form_id: str = Field(unique=True)
    """The id in the form that was sent, so that a form sent twice is one choice."""
    act: str
    """An Act."""
    state: str
    """A ChoiceState."""
    made_at: datetime = moment(nullable=False)
    made_by: str
    """`customer`, or the person who recorded it on the phone."""
    link_id: str | None = None
    notice_id: str | None = None
    """The last notice that had left to the customer: what the choice answers."""
    lines: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    """The numbers of the order lines that it is about."""
    product_id: str | None = None
    """The substitute that was chosen."""
    quantity: Quantity | None = pieces(nullable=True)
    """Pieces of the substitute that are reserved until `reserved_until`."""
    reserved_until: datetime | None = moment()
    expected_on: date | None = None
    """The date that the customer agreed to wait for; None: none was known."""
    refund: Decimal | None = money()
    """What the customer was told to get back; None: nothing, or the amount is not known here."""
    refunds_shipping: bool = flag()
    """Whether the shipping fee is part of it: an order's fee is paid back once."""
    price_difference: Decimal | None = money()
    currency: str
    offer_id: str | None = None
    why: str = Field(default="", sa_column=Column(Text, nullable=False))
    """The reason that the customer gave afterwards, if any."""
    undo_until: datetime | None = moment()
    """Until when the customer can take it back; None once the shop has acted on it."""
    changed_at: datetime | None = moment()
    """When it was undone, refused, replaced or done."""
    changed_by: str | None = None
    """Who did so; of a replaced choice, the id of the one that took its place."""


class Redemption(SQLModel, table=True):
    """One use of a discount code, as the shop's export names it. It stays when a later export does not name it."""

    code: str = Field(primary_key=True)
    """The code of an Offer."""
    order_id: str = Field(primary_key=True)
    """The order that was paid with it: another one than it was given for."""
    redeemed_at: datetime = moment(nullable=False)
    amount: Decimal | None = money()
    """What it took off, in `currency`; None: the export does not say."""
    currency: str | None = None
    source_digest: int | None = source_digest()


class CustomerMail(SQLModel, table=True):
    """A message to a customer that answers an act of theirs, or that staff asked for. `OutboxMessage` has its state."""

    __tablename__ = "customer_mail"
    __table_args__ = (Index("ix_customer_mail_order", "order_id"),)

    id: str = Field(primary_key=True)
    order_id: str
    customer_id: str
    kind: str
    """`choice_received`, `choice_undone`, `discount_code` or `new_link`: the folder of its templates. Of those that
    staff asked for also `again` and `staff_note`."""
    channel: str = Field(default="email", sa_column_kwargs={"server_default": "email"})
    asked_by: str | None = None
    """The person of the staff who asked for it; None: it answers the customer."""
    repeats: str | None = None
    """The id of the notice whose words it sends again."""
    choice_id: str | None = None
    link_id: str | None = None
    address: str
    to_name: str = ""
    locale: str
    subject: str
    text: str = Field(sa_column=Column(Text, nullable=False))
    html: str = Field(sa_column=Column(StoredHtml, nullable=False))
    created_at: datetime = moment(nullable=False)


class WebhookEvent(SQLModel, table=True):
    """What the shop's systems are told of a choice. `OutboxMessage`, on the channel `webhook`, has its state."""

    __tablename__ = "webhook_event"
    __table_args__ = (Index("ix_webhook_event_choice", "choice_id"),)

    id: str = Field(primary_key=True)
    """Its `webhook-id`: a receiver ignores a repeated one."""
    choice_id: str
    kind: str
    """As `choice.requested`."""
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    created_at: datetime = moment(nullable=False)


class DelayReasonRow(SQLModel, table=True):
    """Why something is late, as staff say it: of an order line, a product, a vendor or an inbound delivery."""

    __tablename__ = "delay_reason"

    scope: str = Field(primary_key=True)
    """A ReasonScope."""
    subject: str = Field(primary_key=True)
    """The id of the product, the vendor or the delivery; `ORDER/LINE` for an order line."""
    code: str
    """A reason from the list, or `other` with a text."""
    texts: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    """Free text by language, in place of the words of the code."""
    who: str
    set_at: datetime = moment(nullable=False)
