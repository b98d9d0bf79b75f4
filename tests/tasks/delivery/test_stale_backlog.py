"""A backlog of which most must not leave is looked at page by page, and what may leave of it leaves."""

from datetime import timedelta

import pytest

from models.enums import Channel, State
from models.policy.messaging import GuardrailPolicy, SendingPolicy
from models.policy.policy import Policy
from tasks.delivery.kinds import Notices
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.turn import Turns
from tests.support.shop_driver import FakeTransport, customer, noon

STALE, TRUE = 60, 5


@pytest.fixture
def backlog(driver, with_policy):
    """Return a driver whose oldest notices are no longer so."""
    lenient = GuardrailPolicy(min_orders=1000)
    with_policy(Policy(guardrails=lenient, sending=SendingPolicy(per_second={Channel.EMAIL: 2})))
    for n in range(STALE):
        driver.order(f"stale{n}", customer=customer(f"s{n}"))
    driver.evaluate(at=noon(0) - timedelta(hours=1))
    for n in range(TRUE):
        driver.order(f"true{n}", customer=customer(f"t{n}"))
    driver.evaluate()
    for n in range(STALE):
        driver.change(f"stale{n}", shipped_at=noon(-1))
    return driver


class Counted:
    """A kind of message that counts how often messages are prepared."""

    def __init__(self, kind):
        self.kind, self.pages = kind, []

    def __getattr__(self, name):
        return getattr(self.kind, name)

    def prepare(self, connection, rows, as_of, now):
        self.pages.append(len(rows))
        return self.kind.prepare(connection, rows, as_of, now)


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_a_turn_with_room_for_one_loads_stale_notices_by_the_page(backlog):
    kind = Counted(Notices(backlog.context, Channel.EMAIL, FakeTransport()))
    result = Turns(backlog.context, LeaseHolder("test", timedelta(minutes=10)), kind).take([], 1, noon(0))
    assert len(result.outgoing) == 1
    assert len(result.recorded) == STALE
    assert len(kind.pages) < 5


@pytest.mark.parametrize("parallel", [1, 4])
def test_what_may_leave_of_a_stale_backlog_leaves(backlog, parallel):
    clock = (noon(0) + timedelta(seconds=n) for n in range(300))
    done = backlog.deliver(parallel=parallel, clock=clock.__next__)
    assert (done.sent, done.skipped) == ({"email": TRUE}, {"shipped": STALE})
    assert {row["state"] for row in backlog.notices} == {State.SENT, State.SKIPPED}
