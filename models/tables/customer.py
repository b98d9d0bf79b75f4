"""TODO."""

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from models.tables.column_types import moment


class CustomerAnswer(SQLModel, table=True):
    """What a customer chose, by themselves or through customer service."""

    __tablename__ = "customer_answer"
    __table_args__ = (UniqueConstraint("order_id", "kind"),)

    id: str = Field(primary_key=True)
    order_id: str
    kind: str
    """`shipping_preference`: how the order is to be sent."""
    value: str
    who: str
    at: datetime = moment(nullable=False)
