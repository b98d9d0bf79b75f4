"""What a shop's systems are told arrives once, whatever happens on the way, or staff are told that it did not."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.enums import State
from models.errors import ForewarnError
from models.webhooks import WEBHOOK, WebhookKind
from tasks.customers.webhook_delivery import MAX_FAILURES, is_webhook_due, send_webhook_events
from tasks.customers.webhook_review import count_given_up, drop_events, list_webhook_events, send_again
from tasks.db.settled_counts import count_messages, count_settled
from tasks.tables import EVENTS, OUTBOX
from tests.support.clocks import MortalEngine, MovedClock, NotAlive
from tests.support.delivery import mark_due
from tests.support.provider import Answer, Fault
from tests.support.webhooks import NOW, WAIT, Receiver, event_rows, queue_events, worker_of


@pytest.fixture
def clock():
    return MovedClock(NOW)


@pytest.fixture
def receiver(provider):
    provider.records = Receiver()
    return provider.records


async def send(context, provider, clock, **options):
    worker = worker_of(provider, clock, **options)
    try:
        return await send_webhook_events(context, worker)
    finally:
        await worker.transport.close()


def is_due(context, clock):
    with context.engine.connect() as connection:
        return is_webhook_due(connection, clock())


async def test_an_event_arrives_with_a_signature_that_the_reference_library_verifies(
    context, provider, clock, receiver
):
    (key,) = queue_events(context)
    assert is_due(context, clock)
    summary = await send(context, provider, clock)
    assert summary.by_outcome == {"sent": 1}
    assert receiver.done[key]["data"]["order"] == "1041"
    assert [asked.path for asked in provider.requests] == ["/hooks"]
    (row,) = event_rows(context)
    assert (row.state, row.reference, row.attempts) == (State.SENT, key, 1)
    assert not is_due(context, clock)


FAULTS = [
    Answer(500),
    Answer(503, "", {"Retry-After": "7200"}),
    Answer(400, {"error": "no such order"}),
    Answer(401),
    Answer(404),
    Answer(429),
    Answer(302, "", {"Location": "/elsewhere"}),
    *Fault,
]


@pytest.mark.parametrize("fault", FAULTS, ids=repr)
@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
async def test_a_failed_event_waits_and_is_sent_again_under_its_id(context, provider, clock, receiver, fault):
    (key,) = queue_events(context)
    receiver.answers = [fault, Answer(200)]
    assert (await send(context, provider, clock)).by_outcome == {"retrying": 1}
    assert len(provider.requests) == 1
    (row,) = event_rows(context)
    wait = timedelta(hours=2) if getattr(fault, "status", 0) == 503 else timedelta(minutes=1)
    assert wait <= row.not_before - NOW <= 1.5 * wait
    assert (row.state, row.settled_at) == (State.QUEUED, None)
    assert not is_due(context, clock)
    clock.now = row.not_before
    assert is_due(context, clock)
    assert (await send(context, provider, clock)).by_outcome == {"sent": 1}
    assert receiver.tried == [key, key]


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
async def test_an_event_whose_answer_is_lost_is_done_once(context, provider, clock, receiver):
    (key,) = queue_events(context)
    receiver.act_first, receiver.answers = True, [Fault.RESET, Fault.HALF, Answer(200)]
    for _ in range(3):
        await send(context, provider, clock)
        clock.move(hours=1)
    assert receiver.tried == [key] * 3
    assert list(receiver.done) == [key]
    assert [row.state for row in event_rows(context)] == [State.SENT]


async def test_a_receiver_that_is_away_is_tried_for_three_days_and_then_staff_are_told(
    context, provider, clock, receiver
):
    (key,) = queue_events(context)
    receiver.answers = [Answer(500)]
    while (row := event_rows(context)[0]).settled_at is None:
        clock.now = row.not_before
        await send(context, provider, clock)
    assert row.state == State.REJECTED
    assert "answered 500" in row.reason
    assert f"given up after {len(receiver.tried)} tries in 3 days" in row.reason
    assert timedelta(days=3) - timedelta(hours=9) <= clock() - NOW < timedelta(days=3)
    assert 15 <= len(receiver.tried) <= 25
    assert not is_due(context, clock)
    (shown,) = list_webhook_events(context, 50, only_rejected=True)
    assert (shown["event"], shown["choice"], shown["tries"]) == (key, "1041-C1", len(receiver.tried))


async def given_up(context, provider, clock, receiver):
    keys = queue_events(context)
    receiver.answers = [Answer(410)]
    await send(context, provider, clock)
    receiver.answers = [Answer(200)]
    return keys


def with_webhook(context):

    return replace(context, has_webhook=True)


async def test_a_receiver_that_wants_no_more_of_an_event_is_not_asked_again(context, provider, clock, receiver):
    await given_up(context, provider, clock, receiver)
    clock.move(days=1)
    assert not is_due(context, clock)
    assert [row.state for row in event_rows(context)] == [State.REJECTED]


async def test_staff_send_an_event_again_and_it_has_three_days_more(context, provider, clock, receiver):
    (key,) = await given_up(context, provider, clock, receiver)
    clock.move(days=9)
    count_settled(context.engine, clock())
    assert send_again(with_webhook(context), [key[:8]], clock(), "mara") == [key]
    receiver.answers = [Answer(500), Answer(200)]
    assert (await send(context, provider, clock)).by_outcome == {"retrying": 1}
    clock.move(minutes=2)
    assert (await send(context, provider, clock)).by_outcome == {"sent": 1}
    with context.engine.connect() as connection:
        assert count_given_up(connection) == 0
        assert count_messages(connection) == {(WEBHOOK, State.SENT, False): 1}
        who = connection.execute(select(EVENTS.c.who).where(EVENTS.c.why == "sent again by staff")).scalar_one()
    assert who == "mara"


async def test_staff_send_all_that_was_given_up_and_nothing_else(context, provider, clock, receiver):
    sent = queue_events(context)
    await send(context, provider, clock)
    clock.move(minutes=1)
    receiver.answers = [Answer(410)]
    lost = queue_events(context, 3, clock())
    await send(context, provider, clock)
    assert sorted(send_again(with_webhook(context), [], clock(), "mara")) == sorted(lost)
    assert sent[0] not in lost


async def test_an_event_that_staff_drop_is_shown_no_more(context, provider, clock, receiver):
    (key,) = await given_up(context, provider, clock, receiver)
    count_settled(context.engine, clock() + timedelta(days=1))
    assert drop_events(context, [], clock(), "mara") == [key]
    assert list_webhook_events(context, 50, only_rejected=True) == []
    with context.engine.connect() as connection:
        assert count_messages(connection) == {(WEBHOOK, State.SKIPPED, False): 1}


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
@pytest.mark.parametrize("which", ["", "abc", "zzzzzzzz", "%", "%%%%%%"])
async def test_an_unknown_event_is_named_in_the_refusal(context, which):
    queue_events(context)
    with pytest.raises(ForewarnError, match="no webhook event begins with"):
        send_again(with_webhook(context), [which], NOW, "mara")


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
async def test_an_event_that_failed_is_sent_again_without_waiting_for_its_next_try(context):
    (key,) = queue_events(context)
    with context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(attempts=3, not_before=NOW + timedelta(hours=6)))
    with pytest.raises(ForewarnError, match="is queued already"):
        drop_events(with_webhook(context), [key], NOW, "mara")
    assert send_again(with_webhook(context), [key], NOW, "mara") == [key]
    (event,) = list_webhook_events(context, 50)
    assert (event["tries"], event["next_try_at"]) == (0, NOW)


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
async def test_an_event_that_is_queued_is_not_queued_twice(context):
    (key,) = queue_events(context)
    with pytest.raises(ForewarnError, match="is queued already"):
        send_again(with_webhook(context), [key], NOW, "mara")
    with pytest.raises(ForewarnError, match="FOREWARN_WEBHOOK_URL"):
        send_again(context, [], NOW, "mara")


async def test_the_events_of_one_choice_arrive_in_their_order(context, provider, clock, receiver):
    (first,) = queue_events(context, kind=WebhookKind.REQUESTED)
    clock.move(seconds=5)
    (second,) = queue_events(context, at=clock(), kind=WebhookKind.UNDONE)
    (other,) = queue_events(context, at=clock(), choice=replace(WAIT, order_id="7"))
    receiver.answers = [Answer(500), Answer(200)]
    await send(context, provider, clock)
    assert set(receiver.tried) == {first, other}
    assert not is_due(context, clock)
    clock.move(minutes=2)
    await send(context, provider, clock)
    assert list(receiver.done) == [other, first, second]


async def test_an_event_that_was_given_up_holds_back_none_after_it(context, provider, clock, receiver):
    await given_up(context, provider, clock, receiver)
    clock.move(seconds=5)
    (second,) = queue_events(context, at=clock(), kind=WebhookKind.UNDONE)
    await send(context, provider, clock)
    assert list(receiver.done) == [second]


async def test_a_receiver_that_is_down_is_not_asked_for_every_event(context, provider, clock, receiver):
    queue_events(context, 40)
    receiver.answers = [Answer(500)]
    await send(context, provider, clock)
    asked = len(receiver.tried)
    assert MAX_FAILURES <= asked < MAX_FAILURES + 4
    assert not is_due(context, clock)
    receiver.answers = [Answer(200)]
    clock.move(minutes=2)
    assert is_due(context, clock)
    await send(context, provider, clock)
    assert len(receiver.done) == 40


async def test_some_failures_among_successes_stop_nothing(context, provider, clock, receiver):
    queue_events(context, 12)
    receiver.answers = [Answer(500), Answer(200)] * 6
    await send(context, provider, clock)
    assert len(receiver.tried) == 12


async def test_a_worker_killed_while_it_sends_leaves_an_event_that_is_sent_again(context, provider, clock, receiver):
    (key,) = queue_events(context)

    engine = MortalEngine(context.engine)
    receiver.act_first = True

    def kill(asked):
        receiver(asked)
        engine.dead = True
        return Fault.RESET

    provider.records = kill
    with pytest.raises(NotAlive):
        await send(replace(context, engine=engine), provider, clock, name="killed")
    provider.records = receiver
    assert [row.state for row in event_rows(context)] == [State.SENDING]
    assert not is_due(context, clock)
    clock.move(minutes=11)
    assert is_due(context, clock)
    assert (await send(context, provider, clock, name="next")).by_outcome == {"sent": 1}
    assert receiver.tried == [key, key]
    assert list(receiver.done) == [key]


async def test_a_worker_killed_before_it_sends_loses_nothing(context, provider, clock, receiver):
    keys = queue_events(context, 3)
    with context.engine.begin() as connection:
        mark_due(connection, worker_of(provider, clock, "killed").lease_holder, clock(), [WEBHOOK])
    clock.move(minutes=11)
    await send(context, provider, clock, name="next")
    assert sorted(receiver.done) == sorted(keys)


async def test_two_workers_send_each_event_once(context, provider, clock, receiver):
    keys = queue_events(context, 30)
    await asyncio.gather(*(send(context, provider, clock, name=name) for name in ("one", "two")))
    assert sorted(receiver.tried) == sorted(keys)
