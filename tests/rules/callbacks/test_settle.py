"""What a report does to a message, in whatever order reports come."""

from datetime import timedelta
from itertools import permutations

import pytest

from models.callbacks import DeliveryReport, Effect, Progress, Standing
from models.enums import State
from rules.callbacks.settle import settle

TAKEN, DELIVERED, FAILED = (DeliveryReport(progress) for progress in Progress)
FOR_A_TIME = DeliveryReport(Progress.FAILED, retry_after=timedelta(minutes=30), max_retries=2)
OTHER_COPY = {"same_copy": False}


@pytest.mark.parametrize(
    ("state", "report", "becomes", "effect"),
    [
        (State.SENT, TAKEN, None, Effect.NOTHING),
        (State.SENT, DELIVERED, State.DELIVERED, Effect.DELIVERED),
        (State.SENT, FAILED, State.BOUNCED, Effect.BOUNCED),
        (State.IN_DOUBT, TAKEN, State.SENT, Effect.SENT),
        (State.IN_DOUBT, DELIVERED, State.DELIVERED, Effect.DELIVERED),
        (State.IN_DOUBT, FAILED, State.BOUNCED, Effect.BOUNCED),
        (State.QUEUED, TAKEN, State.SENT, Effect.SENT),
        (State.QUEUED, DELIVERED, State.DELIVERED, Effect.DELIVERED),
        (State.QUEUED, FAILED, None, Effect.NOTHING),
        (State.DELIVERED, TAKEN, None, Effect.NOTHING),
        (State.DELIVERED, DELIVERED, None, Effect.NOTHING),
        (State.DELIVERED, FAILED, None, Effect.CONFLICT),
        (State.BOUNCED, TAKEN, None, Effect.NOTHING),
        (State.BOUNCED, DELIVERED, None, Effect.CONFLICT),
        (State.BOUNCED, FAILED, None, Effect.NOTHING),
        (State.REJECTED, DELIVERED, None, Effect.CONFLICT),
        (State.REJECTED, FAILED, None, Effect.NOTHING),
        (State.SKIPPED, DELIVERED, None, Effect.NOTHING),
        (State.HELD, DELIVERED, None, Effect.NOTHING),
        (State.SENT, DeliveryReport(stops_marketing=True), None, Effect.NOTHING),
    ],
)
def test_a_report_moves_a_message_forward_or_not_at_all(state, report, becomes, effect):
    settled = settle(Standing(state, attempts=1), report)
    assert (settled.state, settled.effect, settled.waits) == (becomes, effect, False)


@pytest.mark.parametrize("report", [TAKEN, DELIVERED, FAILED])
def test_a_report_waits_while_the_message_is_being_sent(report):
    assert settle(Standing(State.SENDING, attempts=1), report).waits


@pytest.mark.parametrize(("attempts", "becomes"), [(1, State.QUEUED), (2, State.QUEUED), (3, State.BOUNCED)])
def test_a_failure_that_may_pass_is_tried_again_as_often_as_its_code_allows(attempts, becomes):
    assert settle(Standing(State.SENT, attempts), FOR_A_TIME).state == becomes


@pytest.mark.parametrize(
    ("state", "report", "becomes"),
    [
        (State.SENT, FAILED, None),
        (State.SENT, TAKEN, None),
        (State.SENT, DELIVERED, State.DELIVERED),
        (State.QUEUED, TAKEN, None),
        (State.QUEUED, DELIVERED, State.DELIVERED),
        (State.DELIVERED, FAILED, None),
        (State.BOUNCED, DELIVERED, None),
    ],
)
def test_of_an_earlier_copy_only_its_delivery_counts(state, report, becomes):
    settled = settle(Standing(state, attempts=2, **OTHER_COPY), report)
    assert (settled.state, settled.effect is Effect.CONFLICT) == (becomes, False)


def test_a_late_report_of_a_failed_copy_does_not_end_its_next_try():
    waiting = Standing(State.QUEUED, attempts=1, is_requeued=True)
    assert settle(waiting, TAKEN).state is None
    assert settle(waiting, FAILED).state is None
    assert settle(waiting, DELIVERED).state == State.DELIVERED


@pytest.mark.parametrize("report", [TAKEN, DELIVERED, FAILED])
def test_a_message_that_never_left_is_not_settled(report):
    assert settle(Standing(State.QUEUED), report).state is None


@pytest.mark.parametrize("final", [DELIVERED, FAILED])
@pytest.mark.parametrize("begin", [State.SENT, State.IN_DOUBT])
def test_the_order_of_arrival_does_not_matter(begin, final):
    ends = set()
    for order in permutations((TAKEN, TAKEN, final)):
        state = begin
        for report in order:
            state = settle(Standing(state, attempts=1), report).state or state
        ends.add(state)
    assert len(ends) == 1
