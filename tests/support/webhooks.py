"""A shop's webhook: its secret, events about choices, and a receiver that checks each with the reference library."""

import base64
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from standardwebhooks import Webhook

from channels.webhook import WebhookTransport
from models.customers import Act, Choice, ChoiceState
from models.webhooks import WebhookKind
from tasks.customers.webhook_delivery import EVENTS, WebhookWorker
from tasks.customers.webhook_events import queue_webhook_event
from tasks.delivery.queue import LeaseHolder
from tasks.tables import OUTBOX, WEBHOOK_EVENTS
from tests.support.provider import Answer

SECRET = f"whsec_{base64.b64encode(b'planted-webhook-secret-24').decode()}"
HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature")
NOW = datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
WAIT = Choice("1041-C1", "1041", 1, Act.WAIT, ChoiceState.DONE, NOW, "customer", lines=("1",), currency="EUR")


@dataclass
class Receiver:
    """A shop's receiver: it answers 400 to a wrong signature, ignores repeated ids, and else answers as told."""

    answers: list = field(default_factory=lambda: [Answer(204)])
    """One for each request that is genuine, the last one for ever."""
    tried: list[str] = field(default_factory=list)
    done: dict[str, dict] = field(default_factory=dict)
    """The events that it acted on, by id."""
    act_first: bool = False
    """Whether it acts before it answers, whatever it then answers: as where the answer is lost."""

    def __call__(self, asked):
        headers = {name: asked.headers.get(name, "") for name in HEADERS}
        event = Webhook(SECRET).verify(asked.body, headers)
        assert asked.headers["Content-Type"] == "application/json"
        assert event["id"] == headers["webhook-id"]
        self.tried.append(event["id"])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if self.act_first or (isinstance(answer, Answer) and answer.status // 100 == 2):
            self.done.setdefault(event["id"], event)
        return answer


def queue_events(context, count=1, at=NOW, kind=WebhookKind.DONE, choice=WAIT):
    """Queue events, each about a choice of its own; return their ids."""
    keys = []
    with context.engine.begin() as connection:
        for number in range(count):
            about = replace(choice, id=f"{choice.order_id}-C{choice.number + number}")
            keys.append(queue_webhook_event(replace(context, has_webhook=True), connection, about, kind, at))
    return keys


def worker_of(provider, clock, name="worker", **options):
    transport = WebhookTransport(
        f"{provider.url}/hooks", options.pop("secret", SECRET), now=lambda: datetime.now(UTC), timeout=0.3
    )
    return WebhookWorker(LeaseHolder(name, timedelta(minutes=10), timedelta(seconds=1)), transport, 4, clock)


def event_rows(context):
    """Return the events with their states, the oldest first."""
    query = select(WEBHOOK_EVENTS.c.choice_id, OUTBOX).select_from(EVENTS)
    query = query.order_by(WEBHOOK_EVENTS.c.created_at, WEBHOOK_EVENTS.c.choice_id)
    with context.engine.connect() as connection:
        return connection.execute(query).all()
