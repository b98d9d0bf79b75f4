"""The outbox: where each notice, post and purchase request stands on its way to a provider."""

from datetime import datetime

from sqlalchemy import Column, Index, Text, text
from sqlmodel import Field, SQLModel

from models.tables.column_types import flag, moment, trial

UNSETTLED, SETTLED = text("settled_at IS NULL"), text("settled_at IS NOT NULL")
FAILED, FAILED_ON_SQLITE = text("awaits_fallback"), text("awaits_fallback = 1")
"""SQLite uses a partial index only for a query with the same condition, and there a flag is compared with 1."""


class OutboxMessage(SQLModel, table=True):
    """The state of one message. The row is narrow, because it changes with each step; the words never do.

    `state` and the lease are in no index: on PostgreSQL marking a message as sending writes no index entry.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index("ix_outbox_due", "channel", "not_before", "id", sqlite_where=UNSETTLED, postgresql_where=UNSETTLED),
        Index("ix_outbox_failed", "id", sqlite_where=FAILED_ON_SQLITE, postgresql_where=FAILED),
        # Only a failing channel and the daily digest ask for it; a BRIN costs next to nothing to keep. With unsettled
        # rows it would be chosen for those, too, and before a vacuum it stands for the whole table.
        Index(
            "ix_outbox_settled", "settled_at", postgresql_using="brin", sqlite_where=SETTLED, postgresql_where=SETTLED
        ),
        {"postgresql_with": {"fillfactor": 80}},
    )

    id: str = Field(primary_key=True)
    """The id of the notice, the post or the purchase request."""
    channel: str
    """A Channel, or a VendorChannel for a purchase request."""
    state: str
    reason: str | None = Field(default=None, sa_column=Column(Text))
    queued_at: datetime = moment(nullable=False)
    """When it was recorded, released or approved; its age counts from then."""
    not_before: datetime = moment(nullable=False)
    valid_until: datetime | None = moment()
    attempts: int = 0
    lease_holder: str | None = None
    """The run that sends it or asks its provider about it; `people` while staff must settle a doubt."""
    lease_until: datetime | None = moment()
    sending_at: datetime | None = moment()
    settled_at: datetime | None = moment()
    """When its state became final; None while it is held, queued, being sent or in doubt."""
    reference: str | None = None
    """The provider's own id of it."""
    trial: bool = trial()
    report_at: datetime | None = moment()
    """When its provider is asked next what became of it; None where it was not asked so far."""
    awaits_fallback: bool = flag()
    """Whether it failed and the customer's next channel is still to be tried."""
    on_hold: bool = flag()
    """Whether it waits because staff hold its order; set on each message of the order that is not settled."""
