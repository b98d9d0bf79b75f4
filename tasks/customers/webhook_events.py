"""Record what the shop's systems are told of a choice, in the transaction that changes the choice."""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import Connection, insert

from models.customers import Choice
from models.enums import State
from models.webhooks import WEBHOOK, WebhookKind
from rules.customers.choice_fields import choice_fields, utc_text
from tasks.context import Context
from tasks.db.outbox import insert_messages, outbox_row
from tasks.tables import WEBHOOK_EVENTS


def queue_webhook_event(
    context: Context, connection: Connection, choice: Choice, kind: WebhookKind, now: datetime
) -> str | None:
    """Record a webhook event about a choice as it is now, due at once; return its id, or None without a webhook.

    The event holds the choice as it was at this moment, however late it is sent.
    """
    if not context.has_webhook:
        return None
    key = uuid4().hex
    payload = {"id": key, "type": str(kind), "timestamp": utc_text(now), "data": choice_fields(choice)}
    event = {"id": key, "choice_id": choice.id, "kind": str(kind), "payload": payload, "created_at": now}
    connection.execute(insert(WEBHOOK_EVENTS).values(event))
    insert_messages(connection, [outbox_row(key, WEBHOOK, State.QUEUED, now)])
    return key
