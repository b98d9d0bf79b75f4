"""What the ledger's check finds: each rule broken by hand, and nothing in a shop that lived some days."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, update

from models.customers import Act, ChoiceState
from models.enums import State
from tasks.db.sql import read_only
from tasks.reporting.check_ledger import INVARIANTS, check_ledger
from tasks.tables import COUNTERS, CUSTOMER_CHOICES, NOTICES, ORDER_INSTRUCTIONS, OUTBOX, WATCHES, WEBHOOK_EVENTS
from tests.support.builders import line
from tests.support.shop_driver import noon


@pytest.fixture
def shop(driver):
    """Return a shop with an order that was told on two days."""
    driver.order("1041", line(promised=-9))
    driver.run_day()
    driver.order("1042", line(promised=-2))
    driver.run_day(3)
    return driver


def broken(shop):
    with read_only(shop.context.engine) as connection:
        return {violation.rule: violation for violation in check_ledger(connection)}


def execute(shop, *statements):
    with shop.context.engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)


def choice(number=1, act=Act.CANCEL, state=ChoiceState.REQUESTED, **columns):
    blank = {"lines": ["1"], "made_at": noon(0), "made_by": "customer", "currency": "EUR", "why": ""}
    key = f"1041-C{number}"
    names = {"id": key, "order_id": "1041", "number": number, "form_id": key, "act": act, "state": state}
    return insert(CUSTOMER_CHOICES).values(**blank | names | columns)


def test_a_shop_that_lived_some_days_keeps_every_rule(shop):
    assert broken(shop) == {}


BREAKS = {
    "a message has its state in the outbox": [delete(OUTBOX)],
    "a row of the outbox belongs to a message": [delete(NOTICES)],
    "a message is settled exactly when its state is final": [update(OUTBOX).values(state=State.QUEUED)],
    "a settled message has no lease": [update(OUTBOX).values(lease_holder="somebody")],
    "a message being sent has a lease, and the moment when it began": [
        update(OUTBOX).values(state=State.SENDING, settled_at=None, lease_holder=None)
    ],
    "only a failed message waits for the next channel": [update(OUTBOX).values(awaits_fallback=True)],
    "a notice is in the outbox of its own channel": [update(OUTBOX).values(channel="sms")],
    "a message of an order that staff hold waits": [
        insert(ORDER_INSTRUCTIONS).values(order_id="1041", held_at=noon(0), held_by="Mara"),
        update(OUTBOX).values(state=State.QUEUED, settled_at=None),
    ],
    "a message waits for a release only while its order is held": [update(OUTBOX).values(on_hold=True)],
    "a note of staff goes with one message": [
        update(NOTICES).values(note_id="n"),
        update(NOTICES).where(NOTICES.c.order_id == "1042").values(revision=2),
    ],
    "a channel is known": [update(OUTBOX).values(channel="fax")],
    "the watch of an order knows its highest revision": [update(WATCHES).values(revision=0)],
    "the link in a notice is known": [update(NOTICES).values(link_id="nobody's")],
    "the choices of an order are numbered without gaps": [choice(2)],
    "a choice has a known act, a known state and no refund below 0": [choice(act="dance"), choice(2, refund=-1)],
    "a choice that does not stand any more says since when": [choice(state=ChoiceState.UNDONE)],
    "an accepted offer belongs to its order": [choice(act=Act.OFFER, offer_id="1042/discount", lines=[])],
    "an order waits for one date at most": [choice(act=Act.WAIT), choice(2, act=Act.WAIT)],
    "a webhook event belongs to a choice": [
        insert(WEBHOOK_EVENTS).values(id="e", choice_id="?", kind="choice.done", payload={}, created_at=noon(0))
    ],
    "the counter of a bucket equals its orders": [update(COUNTERS).values(value=7)],
    "an order line is cancelled or swapped by one choice at most": [choice(), choice(2, act=Act.SWAP)],
}


@pytest.mark.parametrize("rule", BREAKS)
def test_a_broken_rule_is_found_and_says_where(shop, rule):
    execute(shop, *BREAKS[rule])
    assert rule in broken(shop)
    assert broken(shop)[rule].examples


def test_the_same_words_twice_in_a_row_are_found(shop):
    first = next(row for row in shop.notices if row["order_id"] == "1041")
    again = first | {"id": "again", "revision": first["revision"] + 1}
    columns = {name: value for name, value in again.items() if name in NOTICES.c}
    state = {"channel": "email", "state": State.SENT, "queued_at": noon(1), "not_before": noon(1), "attempts": 1}
    moments = {"settled_at": noon(1) + timedelta(minutes=1), "trial": False, "awaits_fallback": False}
    execute(
        shop,
        insert(NOTICES).values(**columns),
        insert(OUTBOX).values(id="again", **state, **moments),
        update(WATCHES).values(revision=9),
    )
    assert broken(shop).keys() == {"no customer gets the same words twice in a row"}


def test_every_rule_has_a_test():
    by_hand = {"no customer gets the same words twice in a row"}
    assert {invariant.rule for invariant in INVARIANTS} <= BREAKS.keys() | by_hand
