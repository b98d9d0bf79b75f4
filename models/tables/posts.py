"""Tables of social posts: the draft as staff edit it, its picture, and the message to each network."""

from datetime import date, datetime

from sqlalchemy import JSON, Column, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy import text as sql_text
from sqlmodel import Field, SQLModel

from models.quantities import Quantity
from models.tables.column_types import moment, pieces


class Post(SQLModel, table=True):
    """A social post as staff see it. It is in the outbox, by each network, once somebody has approved it."""

    __table_args__ = (
        UniqueConstraint("product_id", "week", "kind", name="uq_post_product_week_kind"),
        Index("ix_post_calendar", "calendar_at", "id"),
        Index("ix_post_state", "state", "calendar_at"),
    )

    id: str = Field(primary_key=True)
    run_id: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """The run that drafted it; empty for one that a person wrote."""
    product_id: str | None = None
    """None: it is about no product."""
    week: str | None = None
    """The ISO week, as 2026-W48: Forewarn drafts at most one post a product, week and kind. None: a person wrote it."""
    kind: str = "late"
    """A PostKind: what it says about its product, which is checked again before it leaves."""
    locale: str
    text: str = Field(sa_column=Column(Text, nullable=False))
    texts: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False, server_default="{}"))
    """By network: a text of its own, in place of `text`."""
    networks: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False, server_default="[]"))
    """The networks on which it is to be published."""
    orders: int = 0
    """The late or waiting orders for which it was drafted."""
    left: Quantity | None = pieces(nullable=True)
    """The pieces left that it states; None when it states none."""
    expected_on: date | None = None
    """The date that it states; None when it states none."""
    publish_at: datetime | None = moment()
    """When it is published; None: as soon as it is approved."""
    calendar_at: datetime = moment(nullable=False)
    """Where it stands in the calendar: when it is published, or else was approved or drafted."""
    state: str = Field(default="draft", sa_column_kwargs={"server_default": "draft"})
    """A PostState; what became of an approved one, its messages say."""
    author: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Who wrote or last changed it; `Forewarn` for a draft that nobody has touched."""
    author_id: str | None = None
    """The author on the desk; None: the command line, or Forewarn itself."""
    approver: str = Field(default="", sa_column_kwargs={"server_default": ""})
    decided_at: datetime | None = moment()
    """When it was approved or withdrawn."""
    note: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    """Why it was sent back or withdrawn."""
    version: int = Field(default=1, sa_column_kwargs={"server_default": sql_text("1")})
    """Increases with every change; a form of an older version changes nothing."""
    created_at: datetime = moment(nullable=False)
    changed_at: datetime = moment(nullable=False)


class PostMessage(SQLModel, table=True):
    """A post on one network, as it was approved. `OutboxMessage` has its state, under the same id."""

    __tablename__ = "post_message"
    __table_args__ = (UniqueConstraint("post_id", "network", name="uq_post_message_network"),)

    id: str = Field(primary_key=True)
    post_id: str
    network: str
    text: str = Field(sa_column=Column(Text, nullable=False))


class PostPicture(SQLModel, table=True):
    """The picture of a post, encoded anew from what was uploaded."""

    __tablename__ = "post_picture"

    post_id: str = Field(primary_key=True)
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    kind: str
    """The media type."""
    description: str = Field(sa_column=Column(Text, nullable=False))
    """What is to be seen, for people who do not see it."""
