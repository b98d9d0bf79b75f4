"""What messages led to, counted by hand: each message once, each answer to the message that it answers."""

from decimal import Decimal

import pytest

from models.enums import ChangeKind, Channel, RemedyKind, State
from models.policy.costs import CostPolicy
from models.policy.experiments import ExperimentPolicy
from models.results import ResultMeasure
from tasks.db.sql import read_only
from tasks.desk.results import load_daily_results, load_experiments, load_results
from tasks.orders.recount import recount_redeemed
from tasks.reporting.result_days import count_results
from tasks.reporting.result_schedule import result_days_between, result_days_to_count, result_days_to_fill
from tests.support.builders import day
from tests.support.shop_driver import noon
from tests.support.told_history import History

TRIAL = ExperimentPolicy(
    name="shorter subject", message="week", wording="week_b", begins=day(0), ends=day(30), outcome="waited"
)


class Told(History):
    """A history whose results are counted."""

    def count(self, *days):
        count_results(self.context, [day(on) for on in days], noon(max(days)))
        return self

    def results(self, first=0, last=9, message="", policy=None):
        with read_only(self.context.engine) as connection:
            return load_results(policy or self.context.policy, connection, day(first), day(last), message)

    def row(self, bucket, **which):
        (found,) = [row for row in self.results(**which).rows if row.bucket == bucket]
        return found

    def trial(self):
        with read_only(self.context.engine) as connection:
            (found,) = load_experiments(connection, [TRIAL])
        return found


@pytest.fixture
def history(context):
    return Told(context)


def test_a_message_by_mail_and_text_is_told_once_and_reached_by_one_of_them(history):
    history.message("1", state=State.BOUNCED)
    history.message("1", channel=Channel.SMS, state=State.DELIVERED)
    history.message("2", state=State.BOUNCED)
    history.message("3")
    history.message("4", trial=True)
    history.message("5", state=State.REJECTED)
    history.message("6", state=State.SKIPPED)
    history.message("7", state=State.IN_DOUBT)
    row = history.count(0).row("week")
    assert (row.told, row.reached, row.came_back, row.no_word) == (3, 1, 1, 1)


def test_a_text_that_follows_on_another_day_belongs_to_the_day_of_its_mail(history):
    history.message("1", state=State.BOUNCED)
    history.message("1", channel=Channel.SMS, on=1, state=State.DELIVERED)
    history.count(0, 1)
    assert [history.results(on, on).total.told for on in (0, 1)] == [1, 0]
    assert history.row("week").reached == 1


def test_an_answer_belongs_to_the_last_message_that_left_before_it(history):
    first = history.message("1")
    second = history.message("1", 2, on=2, bucket="long", change=ChangeKind.WORSE)
    history.message("2")
    history.choice("1", "wait", first, on=1, state="replaced", by="1-C2")
    history.choice("1", "cancel", second, number=2, on=3)
    history.choice("2", "swap", None)  # no message had left to them
    history.count(0, 2)
    assert (history.row("week").waited, history.row("week").cancelled) == (1, 0)
    assert (history.row("long").waited, history.row("long").cancelled) == (0, 1)
    assert history.results().total.answered == 2


def test_who_thinks_again_counts_once_by_the_last_word_and_what_was_undone_not_at_all(history):
    note = history.message("1")
    history.choice("1", "wait", note, state="replaced", by="1-C2")
    history.choice("1", "cancel", note, number=2)
    history.choice("1", "offer", note, number=3)
    other = history.message("2")
    history.choice("2", "withdraw", other, state="undone")
    history.choice("2", "swap", other, number=2, state="refused")
    row = history.count(0).row("week")
    assert (row.answered, row.waited, row.cancelled, row.took_discount, row.swapped) == (1, 0, 1, 1, 0)


def test_codes_cost_what_they_may_cost_and_what_was_used_of_them(history):
    history.message("1")
    history.offer("1", RemedyKind.FUTURE_DISCOUNT, value="20", expires=5)
    history.message("2", bucket="long")
    history.offer("2", RemedyKind.SHIPPING_DISCOUNT, value="10")
    history.offer("2", RemedyKind.SUBSTITUTE)
    history.message("3", state=State.SKIPPED)
    history.offer("3", RemedyKind.FUTURE_DISCOUNT, value="99")  # its message never left
    history.redemption("1", on=5, amount="7.50")
    history.redemption("1", used_for="9002", on=6, amount="8.00", currency="USD")  # again, and a day too late
    history.redemption("1", used_for="9003", on=3)
    week, long = history.count(0).row("week"), history.row("long")
    assert (week.codes, week.redeemed, week.uses, week.expired) == (1, 1, 3, 1)
    assert (long.codes, long.redeemed, long.uses) == (1, 0, 0)
    cost = history.results().total.cost
    assert cost.codes_at_most == {"EUR": Decimal(30)}
    assert cost.redeemed == {"EUR": Decimal("7.50"), "USD": Decimal(8)}
    assert cost.unknown == 1


def test_a_code_of_a_run_that_was_not_sent_belongs_to_the_message_that_brought_it(history):
    history.offer("1", RemedyKind.FUTURE_DISCOUNT, value="20")
    history.message("1", state=State.SKIPPED)
    history.message("1", 2, on=3, bucket="long", change=ChangeKind.FIRST)
    assert history.count(0, 3).row("long").codes == 1


def test_messages_cost_what_the_policy_says_of_each_channel(history):
    history.message("1")
    history.message("1", channel=Channel.SMS, state=State.BOUNCED)
    policy = replace_costs(history, email={"EUR": Decimal("0.01")})
    cost = history.count(0).results(policy=policy).total.cost
    assert (cost.messages, cost.unpriced) == ({"EUR": Decimal("0.01")}, 1)


def replace_costs(history, **prices):
    return history.context.policy.model_copy(update={"costs": CostPolicy(**prices)})


def test_weeks_say_who_was_told_before_the_promised_day(history):
    history.message("1", promised=3)
    history.message("2", promised=0)
    history.message("3", on=7, promised=9)
    history.message("3", 2, on=8, change=ChangeKind.SLIPPED)
    weeks = history.count(0, 7, 8).results(0, 13).weeks
    assert [(week.monday, week.in_time, week.first) for week in weeks] == [(day(0), 1, 2), (day(7), 1, 1)]


def test_one_message_can_be_asked_for_and_all_are_named(history):
    history.message("1")
    history.message("2", bucket="long", message="late_again")
    found = history.count(0).results(message="late_again")
    assert [row.bucket for row in found.rows] == ["long"]
    assert found.messages == ("late_again", "week")
    with read_only(history.context.engine) as connection:
        daily = load_daily_results(connection, day(0), day(0), "late_again")
    assert (day(0), "long", "late_again", "told", "", 1) in daily


def test_a_customer_counts_once_in_a_trial_with_the_first_message(history):
    first = history.message("1", wording="A", customer="ada")
    history.message("2", on=1, wording="A", customer="ada")  # the same customer again
    later = history.message("2b", on=1, wording="A", customer="ada")
    history.choice("2b", "cancel", later, on=2)
    history.choice("1", "wait", first, on=1)
    back = history.message("3", wording="B", customer="bob", state=State.BOUNCED)  # never read
    history.choice("3", "cancel", back)
    history.message("4", on=1, wording="B", customer="bob", state=State.DELIVERED)
    history.offer("4", RemedyKind.FUTURE_DISCOUNT, value="20", on=1)
    history.redemption("4", on=4)
    history.message("5", wording="B", customer="cid", trial=True)
    found = history.count(0, 1).trial()
    assert (found.kept_a, found.kept_b) == (0, 1)
    assert history.results().kept == (("week", 1),)
    assert (found.a.customers, found.a.waited, found.a.cancelled, found.a.answered) == (1, 1, 0, 1)
    assert (found.b.customers, found.b.answered, found.b.redeemed) == (1, 0, 1)
    assert history.results().total.told == 5


def test_days_are_counted_again_when_their_messages_lead_to_more(history):
    note = history.message("1", on=-40)
    history.message("2", on=-30)
    history.offer("2", RemedyKind.FUTURE_DISCOUNT, value="20", on=-30)
    today, context = day(0), history.context
    count_results(context, result_days_to_fill(context, today), noon(0))
    assert set(result_days_to_count(context, today, 1)) == {day(-1), day(0)}

    history.choice("1", "wait", note)
    with context.engine.begin() as connection:
        recount_redeemed(connection, {"CODE-2", "CODE-unknown"}, context.zone)
    assert result_days_to_count(context, today, 1) == [day(-40), day(-30), day(-1), day(0)]
    count_results(context, result_days_to_count(context, today, 1), noon(1))
    assert set(result_days_to_count(context, today, 1)) == {day(-1), day(0)}
    assert history.results(-40, 0).total.waited == 1


def test_all_days_since_the_last_count_are_counted(history):
    history.count(-4)
    assert result_days_to_count(history.context, day(0), 1) == [day(on) for on in range(-4, 1)]


def test_days_whose_messages_may_be_deleted_keep_their_numbers(history):
    context = history.context
    kept = context.policy.retention.evidence_days
    assert result_days_between(context, day(-2000), day(9), day(0))[0] == day(-kept)
    assert result_days_between(context, day(-2000), day(9), day(0))[-1] == day(0)


def test_what_was_counted_twice_is_there_once(history):
    history.message("1")
    assert history.count(0).count(0).results().total.told == 1


def test_every_number_has_a_name_and_an_empty_period_none(history):
    found = history.results()
    assert (found.days, found.rows, found.total.told) == (0, (), 0)
    assert len({measure.value for measure in ResultMeasure}) == len(ResultMeasure)
