"""What a changed policy is said to do at the next run is what that run does."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from models.enums import Channel, RemedyKind
from models.policy.messaging import ContactPolicy, GuardrailPolicy
from models.policy.policy import BudgetPolicy, CalendarPolicy, DayCount, Policy
from models.tables.column_types import SCALE
from rules.delays.working_days import Calendar
from tasks.db.counters import get_counter
from tasks.db.sql import read_only
from tasks.policy.due_orders import find_due_orders_of_both
from tasks.policy.effect import compare_policies
from tasks.runs.records import LATE_ORDERS, latest_run
from tests.support.builders import day, line
from tests.support.shop_driver import customer, noon

pytestmark = pytest.mark.sqlite_suffices(
    "what two policies decide of the same rows; all that is read for it is read on both databases by a few"
)

BOTH = (Channel.EMAIL, Channel.SMS)
GUARDRAILS = GuardrailPolicy(min_orders=5, max_late_share=0.6, max_data_age_hours=0)
TODAY = Policy(guardrails=GUARDRAILS)


def rows(**changes):
    """Return the table of days late with other values of a row, by its name."""
    return tuple(one.model_copy(update=changes.get(one.name, {})) for one in TODAY.bucket)


KINDS = {
    "nothing": {},
    "an earlier threshold": {"bucket": rows(week={"from_days": 2})},
    "a later threshold": {"bucket": rows(week={"from_days": 6})},
    "nobody told of a week": {"bucket": rows(week={"notify": False})},
    "other channels": {"bucket": rows(week={"channels": BOTH}, long={"channels": (Channel.SMS,)})},
    "another offer": {"bucket": rows(week={"remedies": (RemedyKind.FUTURE_DISCOUNT,)})},
    "one row less": {"bucket": TODAY.bucket[:3]},
    "a smaller budget": {
        "bucket": rows(week={"remedies": (RemedyKind.FUTURE_DISCOUNT,)}),
        "budget": BudgetPolicy(per_run={"EUR": Decimal(10)}, per_month={"EUR": Decimal(100)}),
    },
    "a longer gap": {"contact": ContactPolicy(minimum_gap_days=9)},
    "no gap": {"contact": ContactPolicy(minimum_gap_days=0)},
    "a lower limit": {"guardrails": GUARDRAILS.model_copy(update={"max_late_share": 0.1})},
    "working days": {"days": CalendarPolicy(count=DayCount.WORKING)},
}


UNLIMITED = GuardrailPolicy(min_orders=1_000)


def fill(driver):
    """Place orders that are late by all numbers of days, and by none: some were told, some will be."""
    driver.context = replace(driver.context, policy=TODAY.model_copy(update={"guardrails": UNLIMITED}))
    place(driver, range(48))
    driver.evaluate(0, limit=15)
    driver.deliver(0)
    driver.evaluate(1)
    driver.deliver(1)
    driver.context = replace(driver.context, policy=TODAY)
    driver.evaluate(1, at=noon(1) + timedelta(hours=1))
    # What the next run finds by itself: dates that moved, and orders that are new.
    for n in range(0, 48, 3):
        driver.change(f"{1000 + n}", expected_on=day(20 - n % 4), on=2)
    place(driver, range(48, 60))


def place(driver, numbers):
    for n in numbers:
        who = replace(customer(f"c{n}", phone=f"+4915112345{n:03}", sms_consent=n % 3 > 0))
        expected = (None, 3, 12)[n % 3]
        driver.order(f"{1000 + n}", line(promised=4 - n % 24, expected=expected), customer=who)


def spent(driver):
    with read_only(driver.context.engine) as connection:
        return Decimal(get_counter(connection, f"offered:{day(2):%Y-%m}:EUR")) / SCALE


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_run_does_what_was_foreseen_of_a_changed_policy(driver, kind):
    fill(driver)
    changed = TODAY.model_copy(update=KINDS[kind])
    now = replace(driver.context, as_of=day(2), started_at=noon(2))
    then = replace(now, policy=changed, calendar=Calendar(changed.days))

    effect = compare_policies(now, then, check_data=False)
    before = spent(driver)
    driver.context = replace(driver.context, policy=changed, calendar=Calendar(changed.days))
    done = driver.evaluate(2)

    foreseen = effect.changed
    assert foreseen.told == done.notified
    assert foreseen.messages == done.notices
    assert foreseen.told_by_bucket.total() == done.notified
    assert foreseen.discounts.get("EUR", Decimal(0)) == spent(driver) - before
    assert foreseen.over_budget == done.over_cap
    assert [(one.name, one.value, one.sentence) for one in foreseen.breaches] == [
        (one.name, one.value, one.sentence) for one in driver.breaches
    ]
    assert not effect.is_sample
    if kind == "nothing":
        assert effect.now == effect.changed
        assert (effect.earlier, effect.later, effect.never) == ((), (), ())
    else:
        assert effect.now != effect.changed, "this change of the policy is one that shows"


@pytest.mark.both_databases
def test_what_is_not_told_any_more_is_told_later_or_never(with_policy):
    driver = with_policy(TODAY)
    driver.order("1041", line(promised=-5), customer=customer("c1", phone="+4915112345678", sms_consent=True))
    driver.order("1042", line(promised=-5), customer=customer("c2"))
    texts = {"channels": (Channel.SMS,)}
    bucket = rows(short=texts, week=texts | {"from_days": 7}, fortnight=texts, long=texts)
    now = replace(driver.context, as_of=day(0), started_at=noon(0))
    then = replace(now, policy=TODAY.model_copy(update={"bucket": bucket}))

    effect = compare_policies(now, then, check_data=False)

    assert (effect.now.told, effect.changed.told) == (2, 0)
    assert effect.later == ("1041",), "it goes on being late"
    assert effect.never == ("1042",), "there is no number for a text"
    back = compare_policies(then, now, check_data=False)
    assert set(back.earlier) == {"1041", "1042"}


@pytest.mark.both_databases
def test_a_sample_stands_for_all_orders_and_is_always_the_same(driver):
    for n in range(60):
        driver.order(f"{1000 + n}", line(promised=-5), customer=customer(f"c{n}"))
    now = replace(driver.context, policy=TODAY, as_of=day(0), started_at=noon(0))
    then = replace(now, policy=TODAY.model_copy(update={"bucket": rows(week={"notify": False})}))

    effect, again = (compare_policies(now, then, check_data=False, most=20) for _ in range(2))

    assert effect.is_sample
    assert (effect.orders.of, effect.orders.every) == (60, 3)
    assert effect.now.told == 3 * len(effect.orders.ids)
    assert effect.orders == again.orders


@pytest.mark.both_databases
def test_orders_on_time_are_looked_at_only_where_the_change_is_about_them(driver):
    fill(driver)
    for n in range(10):
        driver.order(f"{2000 + n}", line(promised=60), customer=customer(f"d{n}"))
    driver.evaluate(1, at=noon(1) + timedelta(hours=2))
    last = latest_run(driver.context.engine, LATE_ORDERS)["policy"]
    kinds = {"bucket": rows(week={"from_days": 2}), "days": CalendarPolicy(without_promise=20)}
    with read_only(driver.context.engine) as connection:
        looked_at = {
            section: find_due_orders_of_both(
                connection, day(2), last, (TODAY, TODAY.model_copy(update={section: value})), most=100
            ).of
            for section, value in kinds.items()
        }
    assert (looked_at["bucket"], looked_at["days"]) == (60, 70)
