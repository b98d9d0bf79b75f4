from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import stamina
from sqlalchemy import update

from models.enums import Channel, State
from models.errors import ForewarnError
from models.orders import ProductFacts
from models.policy.policy import Bucket, BudgetPolicy, Policy
from tasks.db.counters import count_orders_by_bucket
from tasks.db.sharding import ALL, Shard
from tasks.db.sql import read_only
from tasks.notices.evaluate import MAX_ATTEMPTS, evaluate_page
from tasks.offers.budget import WriteConflict
from tasks.offers.substitute_stock import SubstituteStock
from tasks.orders.queries import get_orders, select_due_page
from tasks.tables import OFFERS, ORDER_LINES, PRODUCTS, WATCHES
from templates.rendering.messages import Renderer
from tests.support.builders import DAY, day, line
from tests.support.shop_driver import SHOP, customer, euros, noon, renderer_of, with_renderer
from tests.support.supply import allocate, execute

pytestmark = pytest.mark.sqlite_suffices(
    "what is decided and said; each statement of a run, and its conflicts, run on both databases"
)

LAMP = ProductFacts("p1", "Reading lamp", "lamps", Decimal(40))
OTHER = ProductFacts("p7", "Context lamp", "lamps", Decimal(44))


def test_a_newly_late_order_gets_one_notice_and_a_second_run_records_none(driver):
    driver.order()
    assert driver.evaluate().notices == {"email": 1}
    assert driver.evaluate().notices == {}
    (notice,) = driver.notices
    assert (notice["order_id"], notice["bucket"], notice["revision"]) == ("1041", "fortnight", 1)
    assert notice["state"] == State.QUEUED
    assert "1041" in notice["subject"]


def test_an_order_is_told_again_when_its_delay_grows_into_a_worse_bucket(driver):
    driver.order("1041", line(promised=-4))
    said = [(n, message.category) for n in range(40) for message in driver.run_day(n)]
    assert said == [(0, "week"), (4, "fortnight"), (11, "long")]


def test_a_date_told_that_slips_or_passes_is_told_again_with_its_own_words(driver):
    driver.order("1041", line(promised=-9, expected=3))
    said = [(n, message.category) for n in range(6) for message in driver.run_day(n)]
    assert said == [(0, "fortnight"), (4, "late_again")]
    driver.change("1041", on=8, expected_on=day(30))
    assert [message.category for message in driver.run_day(8)] == ["long"]
    driver.change("1041", on=12, expected_on=day(40))
    assert [message.category for message in driver.run_day(12)] == ["late_again"]


@pytest.mark.both_databases
def test_an_order_that_shipped_is_told_nothing(driver):
    driver.order("1041", line(promised=-9, shipped=-1))
    assert driver.run_day() == []
    assert driver.watch()["bucket"] == "closed"


def test_an_order_that_opens_again_remembers_what_was_told(driver):
    driver.order("1041", line(promised=-9))
    driver.run_day()
    driver.change("1041", on=1, shipped_at=noon(1))
    driver.run_day(1)
    driver.change("1041", on=2, shipped_at=None)
    assert driver.run_day(2) == []
    assert len(driver.notices) == 1


@pytest.mark.both_databases
def test_the_figures_of_a_run_come_without_counting_orders(driver):
    driver.order("1", line(promised=-2))
    driver.order("2", line(promised=-9))
    driver.order("3", line(promised=9))
    driver.evaluate()
    with read_only(driver.context.engine) as connection:
        assert count_orders_by_bucket(connection) == {"short": 1, "fortnight": 1, "on_time": 1}
    driver.change("2", on=1, shipped_at=noon(1))
    driver.evaluate(20)
    with read_only(driver.context.engine) as connection:
        assert count_orders_by_bucket(connection) == {"long": 1, "fortnight": 1}


def test_a_limit_leaves_the_other_orders_due(driver):
    for key in "12345":
        driver.order(key)
    assert sum(driver.evaluate(limit=2).changes.values()) == 2
    assert sum(driver.evaluate().changes.values()) == 3


def test_a_limit_takes_nothing_from_the_caps_for_orders_it_leaves(driver, with_policy):
    with_policy(Policy(budget=BudgetPolicy(per_month={"EUR": 100}, per_run={"EUR": 100})))
    for key in range(5):
        driver.order(str(key), line(promised=-16), customer=customer(f"c{key}"))
    for _ in range(5):
        driver.evaluate(limit=1)
    assert len(driver.rows(OFFERS)) == 5


def test_a_preference_that_cannot_be_used_leaves_the_other_channels(driver):
    driver.order("1", customer=customer("c1", prefers="sms"))
    driver.order("2", customer=customer("c2", prefers="sms", phone="12", sms_consent=True))
    driver.evaluate()
    found = sorted((row["order_id"], row["channel"], row["state"]) for row in driver.notices)
    assert found == [("1", "email", "queued"), ("2", "email", "queued"), ("2", "sms", "skipped")]


@pytest.mark.both_databases
def test_a_line_without_a_promise_is_late_thirty_days_after_its_order(driver):
    driver.order("1", line(promised=0), placed=-40)
    with driver.context.engine.begin() as connection:
        connection.execute(ORDER_LINES.update().values(promised_on=None))
    assert driver.evaluate().changes == {"fortnight": 1}


def test_a_day_run_again_sees_an_order_close_on_its_own_day(driver):
    driver.order("1", line(promised=-9, shipped=2))
    driver.evaluate(0)
    driver.evaluate(2)
    with read_only(driver.context.engine) as connection:
        assert count_orders_by_bucket(connection) == {}


@pytest.mark.both_databases
def test_small_batches_reach_every_order_once(driver):
    for key in range(7):
        driver.order(str(key), customer=customer(f"c{key}"))
    assert driver.evaluate(batch=2).changes == {"fortnight": 7}
    assert len(driver.notices) == 7


@pytest.mark.both_databases
def test_a_changed_policy_looks_at_every_order_once(driver, with_policy):
    driver.order("1", line(promised=-2))
    assert driver.evaluate().changes == {}
    with_policy(Policy(bucket=(Bucket(name="short", from_days=1), *Policy().bucket[1:])))
    assert driver.evaluate().changes == {"short": 1}
    assert driver.evaluate().orders == 0


def test_a_day_before_the_last_run_cannot_be_run(driver):
    driver.order()
    driver.evaluate(1)
    with pytest.raises(ForewarnError, match="--dry-run"):
        driver.evaluate(0)


@pytest.mark.both_databases
def test_facts_that_change_while_deciding_make_the_decision_void(driver, context):
    driver.order()
    seen = []

    class Interrupted(Renderer):
        def render_message(self, plan, contact, *, id):
            if not seen:
                seen.append(plan)
                driver.change("1041", expected_on=day(20))
            return super().render_message(plan, contact, id=id)

    driver.context = with_renderer(context, Interrupted(SHOP))
    driver.evaluate()
    (notice,) = driver.notices
    assert notice["expected_on"] == day(20)


@pytest.mark.both_databases
def test_a_worker_that_always_comes_second_gives_up_without_a_trace(driver, context):
    driver.order()
    tries = 0

    class AlwaysInterrupted(Renderer):
        def render_message(self, plan, contact, *, id):
            nonlocal tries
            tries += 1
            with driver.context.engine.begin() as connection:
                driver.mark_due(connection, "1041")
            return super().render_message(plan, contact, id=id)

    driver.context = with_renderer(context, AlwaysInterrupted(SHOP))
    without_pauses = stamina.set_testing(True, attempts=2 * MAX_ATTEMPTS, cap=True)
    with without_pauses, pytest.raises(WriteConflict, match=f"all {MAX_ATTEMPTS} attempts; the next run"):
        evaluate_page(driver.context.with_run("r", DAY, noon(0)), SubstituteStock(), None, batch=10)
    assert tries == MAX_ATTEMPTS
    assert driver.notices == []
    assert driver.rows(OFFERS) == []


def test_words_that_fail_for_one_order_are_named_and_stop_no_other(driver, tmp_path):
    own = tmp_path / "templates"
    (own / "fortnight").mkdir(parents=True)
    (own / "fortnight" / "subject.en.txt").write_text("{{ order.nummer }}\n")
    driver.context = with_renderer(driver.context, Renderer(SHOP, own))
    driver.order("1", line(promised=-9))
    driver.order("2", line(promised=-5))
    found = driver.evaluate()
    (problem,) = found.problems
    assert "fortnight/subject.en.txt" in problem
    assert "nummer" in problem
    assert found.changes == {"week": 1}
    assert [notice["order_id"] for notice in driver.notices] == ["2"]
    driver.context = with_renderer(driver.context, renderer_of(SHOP))
    assert driver.evaluate().changes == {"fortnight": 1}


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"opted_out": True}, "opted_out"),
        ({"email": None}, "no_address"),
        ({"email": "anna@example"}, "bad_address"),
        ({"email": "two@@example.com"}, "bad_address"),
    ],
)
def test_a_customer_who_cannot_be_written_to_is_a_skipped_notice_with_its_reason(driver, facts, reason):
    driver.order("1", customer=customer("c9", **facts))
    driver.order("2", customer=customer("c8"))
    found = driver.evaluate()
    assert found.skipped == {reason: 1}
    assert found.notices == {"email": 1}
    assert {notice["state"] for notice in driver.notices} == {State.SKIPPED, State.QUEUED}
    assert len(driver.run_day()) == 1


@pytest.mark.both_databases
def test_who_could_not_be_reached_is_told_once_an_address_is_known(driver):
    driver.order("1", customer=customer("c9", email=None))
    assert driver.run_day() == []
    driver.customer("c9", email="c9@example.com")
    with driver.context.engine.begin() as connection:
        driver.mark_due(connection, "1")
    assert len(driver.run_day()) == 1


def test_a_late_customer_with_consent_hears_by_mail_and_text_and_a_preference_wins(driver):
    both = {"phone": "+4915112345678", "sms_consent": True}
    driver.order("1", customer=customer("c1", **both))
    driver.order("2", customer=customer("c2", **both, prefers="sms"))
    driver.evaluate()
    channels = sorted((notice["order_id"], notice["channel"]) for notice in driver.notices)
    assert channels == [("1", Channel.EMAIL), ("1", Channel.SMS), ("2", Channel.SMS)]


def test_a_text_recorded_at_night_waits_for_the_morning(driver):
    driver.order(customer=customer("c1", phone="+4915112345678", sms_consent=True, prefers="sms"))
    context = driver.context.with_run("r", DAY, datetime(2026, 6, 15, 20, 30, tzinfo=UTC))
    evaluate_page(context, SubstituteStock(), None, batch=10)
    (notice,) = driver.notices
    assert notice["not_before"] == datetime(2026, 6, 16, 6, 0, tzinfo=UTC)
    assert notice["valid_until"] == datetime(2026, 6, 16, 19, 0, tzinfo=UTC)


@pytest.mark.both_databases
def test_a_substitute_in_stock_comes_before_any_money(driver):
    driver.order("1", line(promised=-9, product=LAMP), shipping_fee=euros(5))
    driver.stock(OTHER, on_hand=3)
    driver.evaluate()
    (offer,) = driver.rows(OFFERS)
    assert (offer["kind"], offer["products"]) == ("substitute", ["p7"])
    assert "Context lamp" in driver.notices[0]["text"]


@pytest.mark.parametrize(("on_hand", "allocated", "offered"), [(2, 0, True), (2, 1, False), (1, 0, False)])
def test_a_substitute_covers_the_whole_quantity_after_what_is_allocated(driver, on_hand, allocated, offered):
    driver.order("1", line(promised=-9, product=LAMP, quantity=2), shipping_fee=euros(5))
    driver.stock(OTHER, on_hand=on_hand, allocated=allocated)
    driver.evaluate()
    assert (driver.rows(OFFERS)[0]["kind"] == "substitute") is offered


def test_open_lines_count_as_allocated_where_the_source_does_not_say(driver):
    driver.order("1", line(promised=-9, product=LAMP), shipping_fee=euros(5))
    driver.order("2", line(promised=9, product=OTHER, quantity=3))
    driver.stock(OTHER, on_hand=3, allocated=None)
    driver.evaluate()
    assert [offer["kind"] for offer in driver.rows(OFFERS)] == ["shipping_discount"]


@pytest.mark.both_databases
@pytest.mark.parametrize(("safety", "ordered", "offered"), [(2, 0, True), (3, 0, False), (0, 2, True), (0, 3, False)])
def test_a_substitute_is_what_a_new_order_would_get_where_stock_was_allocated(driver, safety, ordered, offered):
    driver.order("1", line(promised=-9, product=LAMP), shipping_fee=euros(5))
    driver.stock(OTHER, on_hand=3)
    execute(driver, update(PRODUCTS).where(PRODUCTS.c.id == OTHER.id).values(safety_stock=safety))
    if ordered:
        driver.order("2", line(promised=9, product=OTHER, quantity=ordered))
    allocate(driver.context)
    driver.evaluate()
    assert (driver.rows(OFFERS)[0]["kind"] == "substitute") is offered


@pytest.mark.both_databases
@pytest.mark.parametrize(("currency", "offered"), [("EUR", ["substitute"]), ("JPY", [])])
def test_what_a_line_costs_says_nothing_of_prices_in_another_currency(driver, currency, offered):
    driver.order("1", line(promised=-9, product=replace(LAMP, price=None)), currency=currency)
    execute(driver, update(ORDER_LINES).values(price=44))
    driver.stock(OTHER, on_hand=3)
    driver.evaluate()
    assert [offer["kind"] for offer in driver.rows(OFFERS) if offer["kind"] == "substitute"] == offered


def test_a_product_that_is_late_itself_is_no_substitute(driver):
    driver.order("1", line(promised=-9, product=LAMP), shipping_fee=euros(5))
    driver.order("2", line(promised=-2, product=OTHER))
    driver.stock(OTHER, on_hand=30)
    driver.evaluate()
    assert [offer["kind"] for offer in driver.rows(OFFERS)] == ["shipping_discount"]


def test_a_discount_keeps_its_code_when_it_is_said_again(driver):
    driver.order("1", line(promised=-16, expected=3))
    driver.run_day()
    (offer,) = driver.rows(OFFERS)
    assert offer["kind"] == "future_discount"
    driver.change("1", on=2, expected_on=day(9))
    (again,) = driver.run_day(2)
    assert again.category == "late_again"
    assert offer["code"] in again.text
    assert driver.rows(OFFERS) == [offer]


def test_a_worse_bucket_brings_its_own_discount_with_a_code_of_its_own(driver):
    driver.order("1", line(promised=-9), shipping_fee=euros("4.90"))
    driver.run_day()
    driver.run_day(6)
    found = {offer["kind"]: offer for offer in driver.rows(OFFERS)}
    assert set(found) == {"shipping_discount", "future_discount"}
    assert found["shipping_discount"]["value"] == euros("4.90")
    assert found["shipping_discount"]["code"] != found["future_discount"]["code"]


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("caps", "given"),
    [
        ({"EUR": 100}, 5),
        ({"EUR": 60}, 3),
        ({"EUR": "59.99"}, 2),
        ({"USD": 100}, 0),
    ],
)
@pytest.mark.parametrize("which", ["per_run", "per_month"])
def test_the_caps_hold_to_the_cent_and_everybody_gets_a_notice_all_the_same(driver, with_policy, caps, given, which):
    with_policy(Policy(budget=BudgetPolicy(**{which: caps})))
    for key in range(5):
        driver.order(str(key), line(promised=-16), customer=customer(f"c{key}"))
    found = driver.evaluate(batch=2)
    assert len(driver.rows(OFFERS)) == given
    assert found.over_cap == 5 - given
    assert found.notices == {"email": 5}


def test_the_month_has_one_cap_for_all_its_runs(driver, with_policy):
    with_policy(Policy(budget=BudgetPolicy(per_month={"EUR": 40})))
    for key in range(3):
        driver.order(str(key), line(promised=-16), customer=customer(f"c{key}"))
        driver.evaluate()
    assert len(driver.rows(OFFERS)) == 2


def test_a_european_without_marketing_consent_finds_the_offer_on_the_order_page_alone(driver):
    driver.order("1", line(promised=-16), customer=customer("c5", marketing_consent=False))
    driver.evaluate()
    (offer,) = driver.rows(OFFERS)
    assert offer["code"] not in driver.notices[0]["text"]
    assert offer["code"] not in driver.notices[0]["html"]


@pytest.mark.both_databases
@pytest.mark.parametrize("shard", [ALL, Shard(2, 3)], ids=str)
def test_finding_due_orders_reads_the_index_of_due_orders_and_sorts_nothing(driver, shard):
    driver.order()
    with read_only(driver.context.engine) as connection:
        (after,) = get_orders(driver.context, connection, ["1041"])
        page = select_due_page(DAY, replace(after, next_check_on=DAY - timedelta(days=14)), 500, shard)
        query = page.compile(connection, compile_kwargs={"literal_binds": True})
        if connection.dialect.name == "sqlite":
            plan = " ".join(str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}"))
            assert "SEARCH watch USING INDEX ix_watch_next_check" in plan
            assert "TEMP B-TREE" not in plan
        else:
            # An empty table is read whole whatever its indexes; what counts is what PostgreSQL does with a large one.
            for setting in ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "sort"):
                connection.exec_driver_sql(f"SET LOCAL enable_{setting} = off")
            plan = " ".join(row[0] for row in connection.exec_driver_sql(f"EXPLAIN {query}"))
            assert "Index Scan using ix_watch_next_check" in plan
            assert "Sort" not in plan
            assert "Anti Join" not in plan, "each due order would be compared with every notice that is held"


def test_watches_are_never_removed(driver):
    driver.order("1", line(promised=-9, shipped=-1))
    driver.evaluate()
    driver.evaluate(400)
    assert len(driver.rows(WATCHES)) == 1


def test_a_told_day_is_the_shops_day(driver):
    driver.order()
    driver.evaluate()
    assert driver.notices[0]["told_on"] == DAY

    assert driver.notices[0]["created_at"] - noon(0) == timedelta(0)
