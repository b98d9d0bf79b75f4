"""Alerts that do not go through: what Prefect's events tell of them, and where that is said."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from app.alert_watch import EXECUTED, TRIGGERED, record_events
from tasks.db.sql import read_only
from tasks.reporting.alert_state import alerts_failing_since, note_alert_sent
from tests.support.desk import desk_client
from tests.support.shop_driver import noon

NOW = noon(0)


def at(minutes, name):
    return name, NOW + timedelta(minutes=minutes)


def look(driver, events, minutes=0):
    record_events(SimpleNamespace(context=driver.context), events, NOW + timedelta(minutes=minutes))
    with read_only(driver.context.engine) as connection:
        return alerts_failing_since(connection)


@pytest.mark.parametrize(
    ("events", "since"),
    [
        ([], None),
        ([at(-30, TRIGGERED), at(-29, EXECUTED)], None),
        ([at(-30, TRIGGERED)], -30),
        ([at(-10, TRIGGERED), at(-30, TRIGGERED), at(-50, EXECUTED)], -30),
        ([at(-10, EXECUTED), at(-30, TRIGGERED)], None),
        ([at(-1, TRIGGERED)], None),
    ],
)
def test_alerts_fail_from_the_first_that_did_not_go_through_until_one_did(driver, events, since):
    assert look(driver, events) == (None if since is None else NOW + timedelta(minutes=since))


def test_a_failure_is_remembered_when_prefect_has_forgotten_it_until_a_test_goes_through(driver):
    failed = [at(-30, TRIGGERED)]
    assert look(driver, failed)
    assert look(driver, [], minutes=9000)
    with driver.context.engine.begin() as connection:
        note_alert_sent(connection, NOW)
    assert look(driver, failed) is None
    assert look(driver, [at(20, TRIGGERED), *failed], minutes=30) == NOW + timedelta(minutes=20)


def test_an_alert_that_goes_through_within_its_second_does_not_fail_at_the_next_look(driver):
    due = NOW - timedelta(minutes=30) + timedelta(milliseconds=500)
    events = [(EXECUTED, due + timedelta(milliseconds=200)), (TRIGGERED, due)]
    assert look(driver, events) is None
    assert look(driver, events, minutes=10) is None


def test_today_says_that_nobody_is_alerted_and_what_to_do(driver):
    agent = desk_client(driver.context, "service", now=NOW, name="Mara")
    assert "Alerts" not in agent.get("/desk").text
    look(driver, [at(-30, TRIGGERED)])
    assert "None went through since 11:30: do not count on being alerted" in agent.get("/desk").text
