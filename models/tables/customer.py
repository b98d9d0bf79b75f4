"""What customers chose themselves or through customer service."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from models.tables.column_types import moment


class CustomerAnswer(SQLModel, table=True):
    """One choice of a customer for an order, at most one of each kind."""

    __tablename__ = "customer_answer"
    __table_args__ = (UniqueConstraint("order_id", "kind"),)

    id: str = Field(primary_key=True)
    order_id: str
    kind: str
    """`shipping_preference`: whether the order ships complete or line by line."""
    value: str
    who: str
    at: datetime = moment(nullable=False)
