"""Who consented to what and when, and which customers were erased."""

from datetime import datetime

from sqlalchemy import Column, Index, Text
from sqlmodel import Field, SQLModel

from models.tables.column_types import moment


class Consent(SQLModel, table=True):
    """A consent that was given or withdrawn here. The last one of an address, a channel and a purpose counts."""

    __table_args__ = (Index("ix_consent_address", "address", "channel", "purpose"),)

    id: int | None = Field(default=None, primary_key=True)
    address: str
    """A mail address or a number in its normal form; its keyed hash once its customer was erased."""
    channel: str
    purpose: str
    """A Purpose."""
    given: bool
    """False: withdrawn."""
    source: str
    """A ConsentSource."""
    at: datetime = moment(nullable=False)
    detail: str = Field(default="", sa_column=Column(Text, nullable=False))


class ErasedAddress(SQLModel, table=True):
    """An address that an erased customer had: what providers tell of it later is kept without it."""

    __tablename__ = "erased_address"

    address: str = Field(primary_key=True)
    """The keyed hash of the address."""
    customer_id: str = Field(primary_key=True, index=True)
    """The keyed hash of the customer's id."""


class ErasedCustomer(SQLModel, table=True):
    """A customer who was erased: imports leave out all that names them."""

    __tablename__ = "erased_customer"

    customer_id: str = Field(primary_key=True)
    """The keyed hash of the id in the shop's system. It is the customer's id here since then."""
    key_check: str
    """Tells which secret the hash was made with."""
    erased_at: datetime = moment(nullable=False)
    erased_by: str
