"""A clock that is far ahead tells nobody anything, and a ledger that lived in the future comes back."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, update

from app.composition import open_app
from flows.late_orders import run_late_orders
from models.errors import ForewarnError
from models.tables.ledger import Run
from sources.sample import write_sample
from tasks.guardrails.run_days import ClockAhead, check_clock, check_data_date, discard_days_ahead
from tasks.runs.records import LATE_ORDERS, last_run_date, latest_run, start_run
from tasks.tables import NOTICES, WATCHES, table_of
from tests.support.builders import DAY, day
from tests.support.shop_driver import noon

RUNS = table_of(Run)


def at(context, on):
    return context.with_run("test", day(on), noon(on))


def test_a_run_by_a_clock_far_after_the_last_one_is_refused_with_the_way_out(driver):
    driver.order()
    driver.evaluate()
    check_clock(driver.context, day(14))
    with pytest.raises(ClockAhead, match=r"last run was for 2026-06-15; .* --as-of 2026-06-30"):
        check_clock(driver.context, day(15))


def test_a_new_ledger_knows_no_last_run(driver):
    check_clock(driver.context, day(1000))


def test_facts_far_behind_the_clock_are_refused_and_their_orders_stay_due(driver):
    driver.order(placed=-5)
    check_data_date(at(driver.context, 0))
    with driver.context.engine.begin() as connection:
        connection.execute(update(WATCHES).values(next_check_on=day(400)))
    with pytest.raises(ClockAhead, match="newest order was placed on 2026-06-10"):
        check_data_date(at(driver.context, 400))
    assert driver.watch()["next_check_on"] == day(-5)


def test_the_policy_can_switch_the_limit_off(with_policy, driver):
    from models.policy.messaging import GuardrailPolicy
    from models.policy.policy import Policy

    driver = with_policy(Policy(guardrails=GuardrailPolicy(max_days_ahead=0)))
    driver.order()
    driver.evaluate()
    check_clock(driver.context, day(4000))
    check_data_date(at(driver.context, 4000))


def test_a_ledger_that_lived_in_the_future_is_healed_by_one_command(driver):
    driver.order("1041")
    driver.run_day(400)
    with pytest.raises(ForewarnError, match="late-orders was run for"):
        start_run(driver.context, LATE_ORDERS, DAY, noon(0))

    found = discard_days_ahead(at(driver.context, 0), "mara")

    assert (found.runs, found.orders) == (1, 1)
    assert last_run_date(driver.context.engine) <= DAY
    assert driver.told().told_on == DAY
    assert {row["told_on"] for row in driver.rows(NOTICES)} == {DAY}
    # It left, whatever the clock said: nobody is told the same twice, and later news are found.
    assert driver.run_day(0) == []
    driver.change("1041", on=9, expected_on=day(60))
    assert [message.channel for message in driver.run_day(9)]


def test_what_waited_for_a_day_ahead_is_written_anew(driver):
    driver.order("1041")
    driver.evaluate(400)
    found = discard_days_ahead(at(driver.context, 0), "mara")
    assert (found.runs, found.orders) == (1, 1)
    assert {(row["state"], row["reason"]) for row in driver.rows(NOTICES)} == {("skipped", "superseded")}
    assert [message.channel for message in driver.run_day(0)]


def test_nothing_is_forgotten_where_no_day_lies_ahead(driver):
    driver.order()
    driver.run_day(0)
    assert discard_days_ahead(at(driver.context, 0), "mara").runs == 0


def test_the_run_itself_refuses_and_leaves_no_day_behind(tmp_path, monkeypatch):
    # The sample shop's newest order is of two years ago, as if the clock were two years ahead.
    then = datetime.now(UTC).date() - timedelta(days=730)
    write_sample(tmp_path / "shop", orders=30, seed=7, as_of=then)
    monkeypatch.chdir(tmp_path)
    with open_app(tmp_path / "shop") as app:
        with pytest.raises(ClockAhead, match="newest order was placed on"):
            asyncio.run(run_late_orders(app, import_first=True))
        assert latest_run(app.context.engine, LATE_ORDERS) is None
        with app.context.engine.begin() as connection:
            assert connection.execute(select(NOTICES.c.id)).first() is None
            assert connection.execute(select(RUNS.c.state)).scalars().all() == ["refused"]
            looks = set(connection.execute(select(WATCHES.c.next_check_on)).scalars())
        assert max(looks) <= then
        report = asyncio.run(run_late_orders(app, then))
    assert report.as_of == then
    assert sum(report.changes.values()) > 0
    assert isinstance(report.as_of, date)
