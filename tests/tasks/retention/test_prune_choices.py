"""A choice is kept with its order; words, addresses, links and what the webhook was told are deleted in time."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from models.enums import State
from models.policy.policy import Policy
from models.policy.retention import RetentionPolicy
from rules.retention import cutoff_days
from tasks.db.outbox import outbox_row
from tasks.db.settled_counts import count_messages, count_settled
from tasks.db.sql import read_only
from tasks.reporting.check_ledger import check_ledger
from tasks.retention.prune import count_prunable, prune_records
from tasks.retention.records import PRUNABLE
from tasks.tables import CALLBACK_EVENTS, CUSTOMER_CHOICES, CUSTOMER_MAILS, ORDER_LINKS, OUTBOX, WEBHOOK_EVENTS
from tests.support.builders import day, line
from tests.support.choices import choice_row, insert_choices
from tests.support.shop_driver import customer, noon
from tests.support.webhooks import WAIT, queue_events

KEPT = RetentionPolicy(message_days=30, evidence_days=100, event_days=50)
WORDS = {"subject": "", "text": "Thank you, Anna", "html": "", "address": "anna@example.com", "locale": "en"}


@pytest.fixture
def chosen(with_policy):
    """Return a shop whose orders `closed` and `open` each have a choice, a mail about it, an event and a link."""
    driver = with_policy(Policy(retention=KEPT))
    for key in ("closed", "open"):
        driver.order(key, line(promised=6), customer=customer(key))
        insert_choices(driver.context, choice_row(key, act="wait", state="done", why="I cannot wait, Anna"))
        queue_events(driver.context, at=noon(0), choice=replace(WAIT, order_id=key))
        mail(driver, key)
        link(driver, key, "", noon(1))
    driver.evaluate()
    driver.change("closed", shipped_at=noon(0))
    driver.evaluate(1)
    with driver.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(state=State.SENT, settled_at=noon(0)))
    assert [driver.watch(key)["bucket"] for key in ("closed", "open")] == ["closed", "on_time"]
    return driver


def mail(driver, order):
    row = {"id": f"mail-{order}", "order_id": order, "customer_id": order, "kind": "choice_received"}
    with driver.context.engine.begin() as connection:
        connection.execute(insert(CUSTOMER_MAILS).values(row | WORDS | {"created_at": noon(0), "to_name": "Anna"}))
        connection.execute(insert(OUTBOX).values(outbox_row(row["id"], "email", State.QUEUED, noon(0))))


def link(driver, order, name, expires_at):
    key = f"link-{order}{name}"
    row = {"id": key, "token_hash": key, "order_id": order, "customer_id": order, "created_at": noon(0)}
    with driver.context.engine.begin() as connection:
        connection.execute(insert(ORDER_LINKS).values(row | {"expires_at": expires_at}))


def prune(driver, on):
    context = driver.context.with_run("", day(on), noon(on))
    cutoffs = cutoff_days(context.policy.retention, context.as_of)
    foreseen = count_prunable(context, cutoffs)
    deleted = {kind.name: prune_records(context, cutoffs, kind) for kind in PRUNABLE}
    assert deleted == foreseen
    with read_only(driver.context.engine) as connection:
        assert list(check_ledger(connection)) == []
    return {name: n for name, n in deleted.items() if n}


def left(driver, column):
    with read_only(driver.context.engine) as connection:
        return set(connection.execute(select(column)).scalars())


def test_a_customers_words_and_address_go_and_the_choice_stays(chosen):
    assert prune(chosen, 30) == {}
    assert prune(chosen, 31) == {"mails": 1, "reasons": 1}
    assert left(chosen, CUSTOMER_MAILS.c.order_id) == {"open"}
    assert "mail-closed" not in left(chosen, OUTBOX.c.id)
    assert left(chosen, CUSTOMER_CHOICES.c.id) == {"closed-C1", "open-C1"}
    assert left(chosen, CUSTOMER_CHOICES.c.why) == {"", "I cannot wait, Anna"}


def test_what_the_webhook_was_told_goes_with_its_outbox_row_and_out_of_the_counts(chosen):
    count_settled(chosen.context.engine, noon(5))
    assert prune(chosen, 51)["webhook_events"] == 2
    assert left(chosen, WEBHOOK_EVENTS.c.id) == set()
    with read_only(chosen.context.engine) as connection:
        assert count_messages(connection)["webhook", State.SENT, False] == 0


def test_what_providers_told_goes_once_it_was_worked_off(chosen):
    for key, handled_at in (("done", noon(0)), ("open", None)):
        row = {"key": key, "source": "sendgrid", "kind": "delivered", "reference": "r", "message_id": "m"}
        row |= {"address": "anna@example.com", "payload": {"email": "anna@example.com"}, "received_at": noon(0)}
        with chosen.context.engine.begin() as connection:
            connection.execute(insert(CALLBACK_EVENTS).values(row | {"handled_at": handled_at, "for_staff": False}))
    assert "callbacks" not in prune(chosen, 30)
    assert prune(chosen, 31)["callbacks"] == 1
    assert left(chosen, CALLBACK_EVENTS.c.key) == {"open"}


@pytest.mark.parametrize("state", [State.QUEUED, State.SENDING])
def test_an_event_that_has_not_left_is_kept(chosen, state):
    lease = {"lease_holder": "w", "lease_until": noon(0), "sending_at": noon(0)} if state is State.SENDING else {}
    with chosen.context.engine.begin() as connection:
        unsettled = update(OUTBOX).where(OUTBOX.c.channel == "webhook")
        connection.execute(unsettled.values(state=state, settled_at=None, **lease))
    assert "webhook_events" not in prune(chosen, 2000)


def test_a_link_goes_long_after_it_expired_unless_a_choice_or_a_message_names_it(chosen):
    link(chosen, "closed", "-chosen", noon(1))
    link(chosen, "closed", "-new", noon(1) + timedelta(days=1))
    with chosen.context.engine.begin() as connection:
        of_closed = update(CUSTOMER_CHOICES).where(CUSTOMER_CHOICES.c.order_id == "closed")
        connection.execute(of_closed.values(link_id="link-closed-chosen"))
    assert "links" not in prune(chosen, 101)
    assert prune(chosen, 102)["links"] == 2
    assert left(chosen, ORDER_LINKS.c.id) == {"link-closed-chosen", "link-closed-new"}
