"""The versions of what a shop edits on the desk."""

from datetime import datetime

from sqlalchemy import JSON, Column, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from models.tables.column_types import moment


class ShopVersion(SQLModel, table=True):
    """One version of a message's words, or of the policy. The files in the shop's folder stay the truth."""

    __tablename__ = "shop_version"
    __table_args__ = (
        UniqueConstraint("area", "subject", "number", name="uq_shop_version_number"),
        Index("ix_shop_version_state", "area", "state", "subject"),
    )

    id: int | None = Field(default=None, primary_key=True)
    area: str
    subject: str
    """`week/en`: the folder and the language of a message; `policy`."""
    number: int
    state: str
    files: dict[str, str | None] = Field(sa_column=Column(JSON, nullable=False))
    digest: str
    author: str
    author_id: str | None = None
    at: datetime = moment(nullable=False)
    note: str = Field(default="", sa_column=Column(Text, nullable=False))
    approver: str | None = None
    approver_id: str | None = None
    approved_at: datetime | None = moment()
    reply: str = Field(default="", sa_column=Column(Text, nullable=False))
    based_on: int | None = None
