import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import select

from models.customers import Act, Choice, ChoiceState, DiscountOption
from models.enums import State
from models.orders import ProductFacts
from models.webhooks import WebhookKind
from tasks.customers.webhook_events import queue_webhook_event
from tasks.tables import OUTBOX, WEBHOOK_EVENTS

NOW = datetime(2025, 11, 24, 13, 3, tzinfo=UTC)
SWAP = Choice(
    id="1041-C1",
    order_id="1041",
    number=1,
    act=Act.SWAP,
    state=ChoiceState.REQUESTED,
    made_at=NOW,
    made_by="Mara Winter",
    lines=("1", "2"),
    product=ProductFacts("FERN", "Duvet Cover Fern"),
    quantity=Decimal("1.5"),
    price_difference=Decimal("-6"),
    currency="EUR",
    reserved_until=NOW + timedelta(hours=48),
    undo_until=(NOW + timedelta(hours=1)).astimezone(timezone(timedelta(hours=1))),
    notice_id="n1",
)


def queued(context, choice=SWAP, kind=WebhookKind.REQUESTED):
    with context.engine.begin() as connection:
        return queue_webhook_event(replace(context, has_webhook=True), connection, choice, kind, NOW)


def test_a_choice_is_told_in_plain_fields_without_names(context):
    key = queued(context)
    with context.engine.connect() as connection:
        event = connection.execute(select(WEBHOOK_EVENTS)).one()
        message = connection.execute(select(OUTBOX)).one()
    assert event.payload == {
        "id": key,
        "type": "choice.requested",
        "timestamp": "2025-11-24T13:03:00Z",
        "data": {
            "id": "1041-C1",
            "order": "1041",
            "number": 1,
            "act": "swap",
            "state": "requested",
            "made_at": "2025-11-24T13:03:00Z",
            "made_by": "staff",
            "lines": ["1", "2"],
            "product": "FERN",
            "quantity": "1.5",
            "expected_on": None,
            "refund": None,
            "price_difference": "-6.00",
            "currency": "EUR",
            "offer": None,
            "notice": "n1",
            "reserved_until": "2025-11-26T13:03:00Z",
            "undo_until": "2025-11-24T14:03:00Z",
            "changed_at": None,
        },
    }
    assert "Mara" not in json.dumps(event.payload)
    assert (event.choice_id, event.kind, event.created_at) == ("1041-C1", "choice.requested", NOW)
    assert (message.id, message.channel, message.state, message.not_before) == (key, "webhook", State.QUEUED, NOW)


@pytest.mark.parametrize("kind", WebhookKind)
def test_each_change_of_a_choice_is_an_event_of_its_own(context, kind):
    assert queued(context) != queued(context, kind=kind)


def test_an_accepted_discount_is_told_by_its_id_and_never_by_its_code(context):
    discount = DiscountOption("o1", "future_discount", "LL-7K2P", Decimal(10), None, Decimal(5), date(2026, 2, 1))
    queued(context, replace(SWAP, act=Act.OFFER, made_by="customer", discount=discount))
    with context.engine.connect() as connection:
        payload = connection.execute(select(WEBHOOK_EVENTS.c.payload)).scalar_one()
    assert payload["data"]["offer"] == "o1"
    assert payload["data"]["made_by"] == "customer"
    assert "LL-7K2P" not in json.dumps(payload)


def test_without_a_webhook_nothing_is_recorded(context):
    with context.engine.begin() as connection:
        assert queue_webhook_event(context, connection, SWAP, WebhookKind.REQUESTED, NOW) is None
        assert connection.execute(select(OUTBOX)).all() == []
