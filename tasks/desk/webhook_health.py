"""Whether the shop's systems take what they are told of customers' answers."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, select

from models.enums import State
from models.webhooks import WEBHOOK
from tasks.desk.bounded import Count, count_up_to
from tasks.tables import OUTBOX


@dataclass(frozen=True, slots=True)
class WebhookHealth:
    """The webhook: events that it refused and that are tried again."""

    failing: Count
    reason: str = ""
    """What the shop's systems answered last."""
    next_try: datetime | None = None


def load_webhook_health(connection: Connection) -> WebhookHealth:
    """Return how the webhook works; `ix_outbox_due` finds what waits."""
    unsettled = and_(OUTBOX.c.channel == WEBHOOK, OUTBOX.c.settled_at.is_(None))
    refused = and_(unsettled, OUTBOX.c.state == State.QUEUED, OUTBOX.c.attempts > 0)
    columns = (OUTBOX.c.reason, OUTBOX.c.not_before)
    row = connection.execute(
        select(*columns).where(refused).order_by(OUTBOX.c.not_before, OUTBOX.c.id).limit(1)
    ).first()
    failing = count_up_to(connection, select(OUTBOX.c.id).where(refused))
    return WebhookHealth(failing) if row is None else WebhookHealth(failing, row.reason or "", row.not_before)
