"""Tables of what was decided and sent: rows are added and change state by compare-and-set.

Only `prune` deletes, what the policy no longer keeps.

They refer to the tables of the shop's data by id; those never refer to them.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from models.tables.column_types import Money, flag, moment, money
from models.tables.stored_html import StoredHtml

IN_TRIAL = text("experiment IS NOT NULL")


class LedgerOwner(SQLModel, table=True):
    """The one shop whose ledger this is, as of its first opening; `forewarn ledger adopt` changes it."""

    __tablename__ = "ledger_owner"

    number: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    """Always 1, so that only one of two shops that open a new ledger at once becomes its owner."""
    shop_id: str | None = None
    """The `id` in its shop.toml. Without one, the shop is identified by its name and folder."""
    name: str
    folder: str = Field(sa_column=Column(Text, nullable=False))
    since: datetime = moment(nullable=False)


class Watch(SQLModel, table=True):
    """One row for each open order: its bucket, its revision, and when to check it again.

    What its customer was told is in no column: it is what the order's notices say that have left.
    """

    __table_args__ = (
        Index("ix_watch_next_check", "next_check_on", "order_id"),
        Index("ix_watch_bucket", "bucket", "order_id"),
    )

    order_id: str = Field(primary_key=True)
    version: int = 0
    """Increases with every change of the row or of the order's facts; compare-and-set compares it."""
    next_check_on: date
    bucket: str | None = None
    """The bucket at the last check, or `on_time`, `closed`, `future`; None before the first check."""
    revision: int = 0
    baseline_revision: int | None = None
    """The revision at which staff left a delay untold when the shop went live; None: they left none."""
    baseline_on: date | None = None
    baseline_lines: list[Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    """What they left untold of each late line, as in `Notice.lines`."""
    baseline_to: str | None = None
    """The customer who had the order then; it may belong to another one now."""


class Counter(SQLModel, table=True):
    """A number that is updated in the same transaction as the rows it counts, so that reading it is cheap.

    `orders:BUCKET` counts the watched orders in a bucket; `offered:YYYY-MM:CURRENCY` adds up the cost of discounts;
    `settled:CHANNEL:STATE:live` counts messages that were settled before the moment `settled_until`.
    """

    name: str = Field(primary_key=True)
    value: int = Field(default=0, sa_type=BigInteger)
    """64 bits: money in ten-thousandths exceeds 32 bits at about 200,000 euros."""


class Run(SQLModel, table=True):
    """One run of a flow: its day, its policy and its result."""

    number: int | None = Field(default=None, primary_key=True)
    """Numbers runs in the order in which they started, also when the same day is run again."""
    id: str = Field(unique=True)
    flow: str
    as_of: date
    policy: str
    """The digest of its policy. When the policy changes, the next run checks every order once."""
    started_at: datetime = moment(nullable=False, index=True)
    ended_at: datetime | None = moment()
    state: str = "running"
    counts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class Notice(SQLModel, table=True):
    """The words of one message to one customer, and the facts that they state. `OutboxMessage` has its state."""

    __table_args__ = (
        UniqueConstraint("order_id", "revision", "channel"),
        Index("ix_notice_experiment", "experiment", "customer_id", sqlite_where=IN_TRIAL, postgresql_where=IN_TRIAL),
    )

    id: str = Field(primary_key=True)
    run_id: str = Field(index=True)
    order_id: str
    customer_id: str
    revision: int
    channel: str
    message: str
    change: str
    bucket: str
    days: int
    expected_on: date | None = None
    told_on: date
    lines: list[Any] = Field(sa_column=Column(JSON, nullable=False))
    """What it states about each late line: number, promised and expected date, bucket."""
    facts_version: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    """The version of the order's watch at which its words were last found true."""
    holds_through: date | None = None
    """The last day on which its words stay true while that version stays; None: check them again before it leaves."""
    why: str = Field(sa_column=Column(Text, nullable=False))
    address: str | None = None
    to_name: str = ""
    locale: str
    subject: str = ""
    text: str = Field(default="", sa_column=Column(Text, nullable=False))
    html: str = Field(default="", sa_column=Column(StoredHtml, nullable=False))
    created_at: datetime = moment(nullable=False)
    fallback_id: str | None = None
    """For a failed notice: the id of the notice by the next channel, or `nobody` when no channel is left."""
    link_id: str | None = None
    """The link to the order page that is filled into its words as it is sent; None: they have none."""
    statements: list[str] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    """What its words say, as far as a law asks for it: Statements. None: it was recorded before they were."""
    note_id: str | None = None
    """The personal note of staff that is in its words."""
    experiment: str | None = None
    """The trial of two wordings that it takes part in; None: none."""
    wording: str | None = None
    """Which of the two wordings it has, A or B."""


class Offer(SQLModel, table=True):
    """A remedy offered for an order: substitutes for a line, or a discount with its code."""

    __table_args__ = (UniqueConstraint("order_id", "kind", "line", "revision"), Index("ix_offer_created", "created_at"))

    id: str = Field(primary_key=True)
    run_id: str
    order_id: str = Field(index=True)
    kind: str
    line: str = ""
    """The order line a substitute is for; empty for a discount, which is the order's."""
    revision: int = 0
    """The revision at which substitutes were offered; always 0 for a discount, so each order has one of a kind."""
    products: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    code: str | None = Field(default=None, unique=True)
    percent: Decimal | None = money()
    amount: Decimal | None = money()
    value: Decimal = Field(default=Decimal(0), sa_column=Column(Money, nullable=False))
    currency: str
    expires_on: date | None = None
    created_at: datetime = moment(nullable=False)


class ChannelState(SQLModel, table=True):
    """A channel's circuit breaker and rate limit, shared by all workers."""

    __tablename__ = "channel_state"

    channel: str = Field(primary_key=True)
    tripped_at: datetime | None = moment()
    """Since when the breaker is open and nothing is sent; None while it is closed."""
    reason: str | None = None
    retry_at: datetime | None = moment()
    """When the next probe may be sent; while the breaker is closed, the end of a pause the provider asked for."""
    failed_probes: int = 0
    awaits_delivery: bool = flag()
    """Whether callbacks opened the breaker: then a probe must arrive, and that the provider takes it does not count."""
    window_second: int = 0
    """The second, since 1970, in which `sent_in_window` messages were sent."""
    sent_in_window: int = 0


class LiveChannel(SQLModel, table=True):
    """A channel whose messages reach customers since `forewarn go-live`."""

    __tablename__ = "live_channel"

    channel: str = Field(primary_key=True)
    live_at: datetime = moment(nullable=False)
    who: str


class Suppression(SQLModel, table=True):
    """A mail address or phone number that gets no messages."""

    address: str = Field(primary_key=True)
    """A lower-case mail address, or a number in E.164."""
    reason: str
    who: str
    created_at: datetime = moment(nullable=False)
    mute_id: str | None = Field(default=None, index=True)
    """The act by which staff stopped writing to a person; undoing that takes it off again. None: another reason."""


class Event(SQLModel, table=True):
    """Audit log: what happened to a notice, a post, an address, a run or the ledger; when, by whom and why."""

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = moment(nullable=False, index=True)
    kind: str
    subject: str = Field(index=True)
    """The id of what it happened to."""
    who: str
    why: str = Field(default="", sa_column=Column(Text, nullable=False))
