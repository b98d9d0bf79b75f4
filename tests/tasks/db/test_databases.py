"""What the ledger's database must bear: writers, readers and workers at once, and a connection that breaks."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from operator import itemgetter
from pathlib import Path

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import OperationalError

from models.enums import Channel, State
from models.policy.messaging import GuardrailPolicy, PostPolicy
from models.policy.policy import BudgetPolicy, Policy
from models.tables.column_types import SCALE
from sources.connectors.queries import Select
from sources.reader import Source
from sources.rows import Row
from tasks.db.counters import count_orders_by_bucket, get_counter, try_increment
from tasks.db.engine import connect
from tasks.db.sql import read_only
from tasks.delivery.queue import LeaseHolder
from tasks.guardrails.check import check_run
from tasks.imports.load import import_table
from tasks.notices.evaluate import evaluate_page
from tasks.offers.budget import WriteConflict
from tasks.offers.substitute_stock import SubstituteStock
from tasks.runs.records import LATE_ORDERS, start_run
from tasks.tables import COUNTERS, OFFERS, WATCHES
from tests.support.builders import DAY, day, line
from tests.support.delivery import mark_due
from tests.support.shop_driver import SHOP, customer, noon

ORDERS = 60
UNBRAKED = GuardrailPolicy(max_late_share=1, max_discount_multiple=0)
"""Here every order is late."""
LEASE = timedelta(minutes=10)
STORM = 1.5
"""Seconds for which everything happens at once."""
on_postgresql = pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)


def fill(driver, orders=ORDERS):
    """Take in orders that are all due, of customers of their own; every other one is paid in dollars."""
    for key in range(orders):
        currency = "USD" if key % 2 else "EUR"
        facts = {"customer": customer(f"c{key:03}"), "currency": currency, "shipping_fee": 5}
        driver.order(f"{key:03}", line(promised=-9), **facts)
    return driver


def address_of(driver):
    return driver.context.engine.url.render_as_string(hide_password=False)


def sent(row):
    return row["state"] == State.SENT


def by_themselves(*workers):
    """Run each in a thread of its own; raise what any raised."""
    with ThreadPoolExecutor(len(workers)) as pool:
        return [running.result() for running in [pool.submit(worker) for worker in workers]]


def test_a_second_writer_waits_for_the_first_and_loses_nothing(driver):
    driver.order("1")
    holding = threading.Event()

    def first():
        with driver.context.engine.begin() as connection:
            driver.mark_due(connection, "1")
            holding.set()
            time.sleep(0.4)

    def second():
        holding.wait()
        begun = time.monotonic()
        with driver.context.engine.begin() as connection:
            driver.mark_due(connection, "1")
        return time.monotonic() - begun

    _, waited = by_themselves(first, second)
    assert waited > 0.3
    assert driver.watch("1")["version"] == 2


def test_a_reader_waits_for_no_writer_and_sees_one_moment_of_the_ledger(driver):
    driver.order("1")
    versions = select(WATCHES.c.version)
    with read_only(driver.context.engine) as reader:
        assert reader.execute(versions).scalar_one() == 0
        with driver.context.engine.begin() as writer:
            driver.mark_due(writer, "1")
            assert reader.execute(versions).scalar_one() == 0
        assert reader.execute(versions).scalar_one() == 0
    with read_only(driver.context.engine) as later:
        assert later.execute(versions).scalar_one() == 1


def test_workers_in_threads_share_what_is_due_and_mark_nothing_twice(driver):
    fill(driver).context = replace(driver.context, policy=Policy(guardrails=UNBRAKED))
    driver.evaluate()

    def worker(name):
        mine = []
        while True:
            with driver.context.engine.begin() as connection:
                taken = mark_due(connection, LeaseHolder(name, LEASE), noon(0), [Channel.EMAIL], 7)
            if not taken:
                return mine
            mine.append(taken)

    found = by_themselves(*(lambda name=name: worker(name) for name in "abcd"))
    batches = [batch for mine in found for batch in mine]
    ids = [key for batch in batches for key in batch]
    assert len(ids) == len(set(ids)) == ORDERS
    assert max(map(len, batches)) == 7


@on_postgresql
def test_a_worker_takes_messages_at_once_while_others_are_still_taking_theirs(driver):
    fill(driver, 20).evaluate()
    impatient = connect(f"{address_of(driver)}&options=-c%20lock_timeout%3D50ms")
    with impatient.begin() as one, impatient.begin() as two, impatient.begin() as three:
        taken = [
            mark_due(connection, LeaseHolder(name, LEASE), noon(0), [Channel.EMAIL], 8)
            for name, connection in {"a": one, "b": two, "c": three}.items()
        ]
    impatient.dispose()
    assert [len(ids) for ids in taken] == [8, 8, 4]
    assert len({key for ids in taken for key in ids}) == 20


class Moving:
    """Lines that are expected on another day at every reading, and come in another order."""

    def __init__(self, seed):
        self._chance = random.Random(seed)  # noqa: S311 - a shuffle

    def rows(self, select):
        for key in self._chance.sample(range(ORDERS), ORDERS):
            facts = {"order_id": f"{key:03}", "number": "1", "product_id": "p1", "quantity": 1, "price": 40}
            days = {"promised_on": day(-9), "expected_on": day(self._chance.randrange(1, 30))}
            yield Row.of(facts | days | {"promise": "ship"}, "lines.csv", None)

    def close(self):
        pass


def moving(seed):
    return Source(SHOP, {"lines": Select("lines", Path("lines.sql"), "")}, Moving(seed))


def test_concurrent_imports_make_an_order_due_for_each_change_and_lose_none(driver):
    fill(driver)
    deadline = time.monotonic() + STORM / 2

    def importing(seed):
        source, updated = moving(seed), 0
        while time.monotonic() < deadline:
            updated += import_table(driver.context.engine, source, "lines", DAY, batch=ORDERS).updated
        return updated

    updated = sum(by_themselves(*(partial(importing, seed) for seed in range(3))))
    assert sum(row["version"] for row in driver.rows(WATCHES)) == updated > 0


def test_imports_decisions_and_deliveries_at_once_neither_fail_nor_say_anything_twice(driver):
    caps = {"EUR": 900, "USD": 90}
    fill(driver).context = replace(
        driver.context, policy=Policy(guardrails=UNBRAKED, budget=BudgetPolicy(per_run=caps, per_month=caps))
    )
    engine, over = driver.context.engine, time.monotonic() + STORM

    def importing(seed):
        source = moving(seed)
        while time.monotonic() < over:
            import_table(engine, source, "lines", DAY, batch=20)

    def deciding(orders):
        while time.monotonic() < over:
            # Another policy makes every order due: the widest of all changes.
            policy = driver.context.policy.model_copy(update={"posts": PostPolicy(orders=orders)})
            context = start_run(replace(driver.context, policy=policy), LATE_ORDERS, DAY, noon(0))
            page, shelves = None, SubstituteStock()
            while page is None or page.last is not None:
                try:
                    page = evaluate_page(context, shelves, page and page.last, batch=25)
                except WriteConflict:
                    continue
            check_run(context)

    def delivering(seconds):
        while time.monotonic() < over:
            driver.deliver(at=noon(0) + timedelta(seconds=seconds))

    at_once = ((importing, 1), (importing, 2), (deciding, 5), (deciding, 6), (delivering, 1), (delivering, 2))
    by_themselves(*(partial(work, name) for work, name in at_once))
    driver.run_day()
    driver.run_day()  # a released notice that was not true any more is replaced by a new one

    notices, watches = driver.notices, driver.rows(WATCHES)
    assert len({row["order_id"] for row in notices if row["state"] == State.SENT}) == ORDERS
    assert {row["state"] for row in notices} <= {State.SENT, State.SKIPPED}
    assert sorted(message.id for message in driver.transport.taken) == sorted(
        row["id"] for row in notices if row["state"] == State.SENT
    )
    last_sent = {row["order_id"]: row["revision"] for row in sorted(notices, key=itemgetter("revision")) if sent(row)}
    assert {row["order_id"]: driver.told_revision(row["order_id"]) for row in watches} == last_sent
    with read_only(engine) as connection:
        assert count_orders_by_bucket(connection) == Counter(row["bucket"] for row in watches)
        for currency in caps:
            given = sum(row["value"] for row in driver.rows(OFFERS) if row["currency"] == currency)
            assert get_counter(connection, f"offered:{DAY:%Y-%m}:{currency}") == given * SCALE <= caps[currency] * SCALE


@on_postgresql
@pytest.mark.parametrize(
    "broken_at", ["UPDATE watch", "INSERT INTO notice", "INSERT INTO offer", "INSERT INTO counter"]
)
def test_a_connection_that_breaks_leaves_nothing_behind_and_the_next_try_does_all(driver, postgres, broken_at):
    fill(driver, 5)
    engine = driver.context.engine
    context = start_run(driver.context, LATE_ORDERS, DAY, noon(0))
    broken = []

    @event.listens_for(engine, "before_cursor_execute")
    def break_once(connection, cursor, statement, *_):
        if statement.startswith(broken_at) and not broken:
            broken.append(statement)
            postgres.run(f"SELECT pg_terminate_backend({cursor.connection.info.backend_pid}, 5000)")

    with pytest.raises(OperationalError):
        evaluate_page(context, SubstituteStock(), None, batch=50)
    assert driver.notices == driver.rows(OFFERS) == driver.rows(COUNTERS) == []
    assert {row["version"] for row in driver.rows(WATCHES)} == {0}

    assert evaluate_page(context, SubstituteStock(), None, batch=50).summary.notices == {"email": 5}
    assert len(driver.notices) == len(driver.rows(OFFERS)) == 5
    with read_only(engine) as connection:
        assert count_orders_by_bucket(connection) == {"fortnight": 5}
        assert [get_counter(connection, f"offered:{DAY:%Y-%m}:{one}") for one in ("EUR", "USD")] == [
            15 * SCALE,
            10 * SCALE,
        ]
    assert len(driver.run_day()) == 5


@on_postgresql
def test_a_connection_that_the_server_closed_while_it_was_not_used_is_replaced(driver, postgres):
    engine, process = connect(driver.context.engine.url.render_as_string(hide_password=False)), func.pg_backend_pid()
    with read_only(engine) as connection:
        first = connection.execute(select(process)).scalar_one()
    postgres.run(f"SELECT pg_terminate_backend({first}, 5000)")
    with read_only(engine) as connection:
        assert connection.execute(select(process)).scalar_one() != first
    engine.dispose()


def test_a_cap_beyond_what_32_bits_hold_is_kept_like_any_other(context):
    million = 1_000_000 * SCALE
    with context.engine.begin() as connection:
        assert try_increment(connection, "offered:a run:EUR", 2 * million, 3 * million)
        assert not try_increment(connection, "offered:a run:EUR", 2 * million, 3 * million)
        assert get_counter(connection, "offered:a run:EUR") == 2 * million
