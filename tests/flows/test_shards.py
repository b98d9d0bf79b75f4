"""One run, cut into shards: each does its part, and together they do what one run does."""

import asyncio
from collections import Counter
from datetime import date
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import select

from app.composition import open_app
from app.evaluation import ShardResult, evaluate_in_shards
from app.ledger import CreateLedger
from flows.late_orders import run_late_orders
from flows.late_orders_shard import late_orders_shard
from models.enums import State
from models.errors import ForewarnError
from models.policy.messaging import GuardrailPolicy
from models.policy.policy import BudgetPolicy, Policy
from models.tables.column_types import SCALE
from sources.sample import write_sample
from tasks.db.counters import get_counter
from tasks.db.sharding import Shard, shard_slot
from tasks.db.sql import read_only
from tasks.guardrails.check import check_run
from tasks.notices.evaluate import evaluate_page
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.queries import find_due_orders
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.reporting.status import load_status
from tasks.runs.records import LATE_ORDERS, finish_run, finish_shard, join_run_as_shard, shard_reports, start_run
from tasks.tables import NOTICES, OUTBOX, WATCHES
from tests.support.builders import DAY, day
from tests.support.shop_driver import customer, noon

OFF = GuardrailPolicy(max_late_share=1, max_discount_multiple=0)
LIVED = date(2026, 6, 15)
ORDERS = 60
"""Numbers as shops give them, one after the other."""


@pytest.fixture
def late(driver):
    """Return a driver with many late orders."""
    for n in range(ORDERS):
        driver.order(f"10{n:03}", customer=customer(f"c{n}"))
    return driver


def begun(driver):
    return start_run(driver.context, LATE_ORDERS, DAY, noon(0))


def part(context, shard, *, batch=7, limit=None):
    """Look at every page of a shard's orders."""
    found, after = Counter(), None
    while (page := evaluate_page(context, SubstituteStock(), after, batch=batch, limit=limit, shard=shard)).last:
        found += page.summary.changes
        after = page.last
    return found.total()


@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_every_order_belongs_to_one_shard_the_same_on_both_databases(late, of):
    with read_only(late.context.engine) as connection:
        found = {
            number: [
                one.order.id for one in find_due_orders(late.context, connection, DAY, None, ORDERS, Shard(number, of))
            ]
            for number in range(1, of + 1)
        }
    assert found == {
        number: [order for order in late_orders_of(late) if shard_slot(order) % of == number - 1] for number in found
    }


def late_orders_of(driver):
    with read_only(driver.context.engine) as connection:
        return list(connection.execute(select(WATCHES.c.order_id).order_by(WATCHES.c.order_id)).scalars())


@pytest.mark.parametrize("of", [2, 5, 64])
def test_each_shard_has_about_its_part_of_the_orders_whatever_their_numbers_look_like(of):
    for pattern in ("{}", "DE-{:08}", "2026/{}-01", "ü{}"):
        found = Counter(shard_slot(pattern.format(n)) % of for n in range(20_000))
        assert max(found.values()) < 1.25 * 20_000 / of
        assert min(found.values()) > 0.75 * 20_000 / of


@pytest.mark.parametrize("limit", [None, 0, 1, 2, 10, 11])
def test_the_shards_of_a_limit_add_up_to_it(limit):
    found = [Shard(number, 4).share_of_limit(limit) for number in range(1, 5)]
    assert found == [None] * 4 if limit is None else (sum(found) == limit and max(found) - min(found) < 2)


def test_shards_record_together_what_one_run_records_and_are_checked_as_one(late):
    context = begun(late)
    told = [part(context, Shard(number, 3)) for number in (1, 2, 3)]
    assert sum(told) == ORDERS
    assert min(told) > 0
    assert {row["state"] for row in late.notices} == {State.HELD}
    assert {row["run_id"] for row in late.notices} == {context.run_id}
    assert check_run(context) != (), "to tell all of a shop at once is for a person to allow"
    assert len(late.notices) == ORDERS


def test_shards_share_the_caps_of_their_run(late, with_policy):
    with_policy(
        Policy(budget=BudgetPolicy(per_run={"EUR": Decimal(25)}, per_month={"EUR": Decimal(1000)}), guardrails=OFF)
    )
    for key in range(ORDERS):
        late.change(f"10{key:03}", expected_on=day(9))
    context = begun(late)
    for number in (1, 2):
        part(context, Shard(number, 2))
    with read_only(late.context.engine) as connection:
        assert 0 < get_counter(connection, f"offered:{context.run_id}:EUR") <= 25 * SCALE


def test_a_shard_that_comes_after_the_end_of_its_run_does_nothing(late):
    context = begun(late)
    finish_run(context, noon(0), "failed", {})
    for run in (context.run_id, "nobody's"):
        with pytest.raises(ForewarnError, match=r"no run .* is under way"):
            join_run_as_shard(late.context, run, 1)


def test_a_shard_tried_again_reports_once_and_status_shows_its_run_alone(late):
    context = begun(late)
    for told in (1, 2):
        assert join_run_as_shard(late.context, context.run_id, 1) == context
        finish_shard(context, 1, noon(0), "done", {"told": told})
    join_run_as_shard(late.context, context.run_id, 2)
    assert shard_reports(late.context.engine, context.run_id) == [{"told": 2}]
    with read_only(late.context.engine) as connection:
        assert [row["flow"] for row in load_status(connection).runs] == [LATE_ORDERS]


@pytest.fixture
def shop(ledger, tmp_path, monkeypatch):
    """Return the folder of a sample shop; every house opened here has the same ledger."""
    monkeypatch.setenv("FOREWARN_DATABASE_URL", ledger)
    write_sample(tmp_path / "shop", orders=400, seed=7, as_of=LIVED)
    new_ledger(tmp_path / "shop")
    return tmp_path / "shop"


def new_ledger(shop):
    """Begin the ledger, as an operator does before the schedule runs."""
    with open_app(shop, create=CreateLedger.ANYWHERE):
        pass


def live(shop, shards, start, **how):
    """Live the day in shards, and return what was reported and what was owed."""
    decide = partial(evaluate_in_shards, shop=str(shop), shards=shards, start=start)
    with open_app(shop) as app:
        return asyncio.run(run_late_orders(app, LIVED, evaluate=decide, **how))


def owed(shop):
    names = ("order_id", "revision", "channel", "bucket", "state", "reason", "message", "expected_on", "why")
    with open_app(shop) as app, read_only(app.context.engine) as connection:
        columns = ((NOTICES if name in NOTICES.c else OUTBOX).c[name] for name in names)
        rows = connection.execute(select(*columns).select_from(NOTICES_WITH_STATE))
        return sorted(tuple(map(str, row)) for row in rows)


async def here(asked):
    """Run a shard in this process, as a worker would in its own."""
    await late_orders_shard.fn(**asked | {"policy": Policy.model_validate(asked["policy"])})
    return ShardResult(completed=True)


async def second_dies(asked):
    return (
        await here(asked)
        if asked["shard"] != 2
        else ShardResult(completed=False, reason="ended as Crashed: no sign of life")
    )


def test_a_run_in_shards_reports_and_records_what_an_undivided_run_does(shop, tmp_path, monkeypatch):
    cut = live(shop, 3, here, import_first=True)
    found = owed(shop)
    monkeypatch.setenv("FOREWARN_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    new_ledger(shop)
    with open_app(shop) as app:
        whole = asyncio.run(run_late_orders(app, LIVED, import_first=True))
    assert found == owed(shop)
    assert {State.QUEUED} < {row[4] for row in found}
    assert cut == whole.model_copy(update={"run": cut.run, "fallbacks": cut.fallbacks, "rejects": cut.rejects})


def test_of_a_run_with_a_shard_that_died_nothing_is_sent_until_the_next_run_has_checked_it(shop):
    with pytest.raises(ForewarnError, match=r"^shard 2 of 3 ended as Crashed: no sign of life\. Its notices stay held"):
        live(shop, 3, second_dies, import_first=True)
    held = [row for row in owed(shop) if row[4] != State.SKIPPED]
    assert {row[4] for row in held} == {State.HELD}
    again = live(shop, 3, here)
    done = [row for row in owed(shop) if row[4] != State.SKIPPED]
    assert {row[4] for row in done} == {State.QUEUED}
    assert len(done) == len(held) + sum(again.notices.values())
    assert again.notices


def test_a_limit_holds_for_all_shards_together(shop):
    assert sum(live(shop, 3, here, import_first=True, limit=5).changes.values()) == 5


def test_two_runs_in_shards_at_once_record_nothing_twice(shop):
    with open_app(shop) as app:
        asyncio.run(run_late_orders(app, LIVED, import_first=True, limit=0))

    async def both_at_once():
        decide = partial(evaluate_in_shards, shop=str(shop), shards=2, start=here)
        with open_app(shop) as app:
            return await asyncio.gather(*(run_late_orders(app, LIVED, evaluate=decide) for _ in range(2)))

    found = asyncio.run(both_at_once())
    mails = [row for row in owed(shop) if row[2] == "email"]
    assert len({row[0] for row in mails}) == len(mails)
    assert sum(report.notices.get("email", 0) for report in found) == sum(row[4] != State.SKIPPED for row in mails)
