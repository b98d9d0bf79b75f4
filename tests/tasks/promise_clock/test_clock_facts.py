from datetime import timedelta

import pytest
from sqlalchemy import update

from models.enums import Promise, State
from models.errors import ForewarnError
from models.promise_clock import AnswerKind, ClockAnswer, ClockState, Duty, Statement
from tasks.customers.choice_tasks import close_choice
from tasks.db.events import record_events
from tasks.db.sql import read_only
from tasks.promise_clock.facts import load_line_clocks
from tasks.promise_clock.staff_records import REFUNDED, record_letter, take_letters_back
from tasks.promise_clock.timeline import line_timeline, silence_words
from tasks.tables import CUSTOMER_CHOICES, NOTICES, ORDER_LINES, ORDERS, OUTBOX
from tests.support.builders import DAY, day, line
from tests.support.choices import choice_row, insert_choices
from tests.support.choosing import page_of
from tests.support.shop_driver import customer, noon
from tests.support.supply import execute

ADA = customer("c2", country="US")
ADEQUATE = [Statement.CANCEL, Statement.CONSENTS]


def clock_of(driver, key="1041", on=0):
    with read_only(driver.context.engine) as connection:
        (clock,) = load_line_clocks(driver.context, connection, [key], day(on))[key]
    return clock


def told(driver, statements=ADEQUATE, on=0):
    """Run a day, and have the notice say what the law asks for."""
    driver.run_day(on)
    execute(driver, update(NOTICES).values(statements=statements))


@pytest.fixture
def american(driver):
    """Return a driver with an order to the United States, promised for DAY and expected 20 days later."""
    driver.order("1041", line(promised=0, expected=20), customer=ADA, placed=-20)
    return driver


def test_an_order_is_judged_by_the_country_that_it_goes_to(driver):
    driver.order("1041", line(promised=-9))
    assert clock_of(driver).country == "DE"
    execute(driver, update(ORDERS).values(country="CA", postcode="H2X 1Y4"))
    assert clock_of(driver).country == "CA-QC"
    execute(driver, update(ORDERS).values(postcode="V5K 0A1"))
    assert (clock_of(driver).country, clock_of(driver).rules.extra_period) == ("CA", True)


@pytest.mark.parametrize(("currency", "state"), [("CAD", ClockState.EXEMPT), ("EUR", ClockState.LATE)])
def test_a_small_order_is_exempt_where_the_limit_is_in_its_currency(driver, currency, state):
    driver.order("1041", line(promised=-9), currency=currency)
    execute(driver, update(ORDERS).values(country="CA", postcode="M5V 2T6"))
    assert clock_of(driver).standing.state is state


def test_a_notice_that_must_go_out_is_known_before_the_promise_passes(american):
    assert clock_of(american).standing.duty is Duty.GIVE_OPTION_NOTICE
    assert clock_of(american).standing.deadline == DAY


def test_before_a_notice_there_is_nothing_to_answer(american):
    assert silence_words(clock_of(american)) == ""
    american.order("1042", line(promised=-9))
    assert silence_words(clock_of(american, "1042")) == "Silence changes nothing."


def test_a_notice_that_says_what_the_law_asks_for_lets_silence_agree(american):
    told(american)
    clock = clock_of(american, on=1)
    assert (clock.standing.state, clock.standing.deadline) == (ClockState.SILENCE_CONSENTS, day(20))
    assert silence_words(clock) == f"Without an answer the customer agrees to {day(20)}."


@pytest.mark.parametrize("statements", [None, [], [Statement.CANCEL], [Statement.CONSENTS]])
def test_a_notice_that_leaves_out_what_the_law_asks_for_counts_as_none(american, statements):
    told(american, statements)
    assert clock_of(american, on=1).standing.state is ClockState.CANCELLED
    entries = [entry.what for entry in line_timeline(clock_of(american, on=1), day(1))]
    assert any("does not say all that the law asks for" in what for what in entries)


@pytest.mark.parametrize(
    ("state", "counts"),
    [(State.SENT, True), (State.DELIVERED, True), (State.BOUNCED, False), (State.IN_DOUBT, False)],
)
def test_a_notice_is_given_where_it_reached_the_customer(american, state, counts):
    told(american)
    execute(american, update(OUTBOX).values(state=state))
    (notice,) = clock_of(american, on=1).facts.notices
    assert notice.counts is counts


def test_a_notice_of_a_trial_was_given_to_nobody(american):
    told(american)
    execute(american, update(OUTBOX).values(trial=True))
    assert clock_of(american, on=1).facts.notices == ()


def test_a_date_that_slips_again_asks_for_a_renewed_notice_by_the_date_told(american):
    told(american)
    american.change("1041", on=5, expected_on=day(28))
    standing = clock_of(american, on=5).standing
    assert (standing.duty, standing.deadline) == (Duty.GIVE_RENEWED_NOTICE, day(20))
    told(american, [Statement.CANCEL, Statement.CANCELS], on=6)
    standing = clock_of(american, on=6).standing
    assert (standing.state, standing.deadline) == (ClockState.SILENCE_CANCELS, day(20))


def test_waiting_cancelling_and_what_was_taken_back(american):
    told(american)
    insert_choices(american.context, choice_row(act="wait", state="done", expected_on=day(28), made_at=noon(2)))
    (answer,) = clock_of(american, on=3).facts.answers
    assert answer == ClockAnswer(AnswerKind.CONSENT, day(2), day(28))
    execute(american, update(CUSTOMER_CHOICES).values(state="undone"))
    assert clock_of(american, on=3).facts.answers == ()
    execute(american, update(CUSTOMER_CHOICES).values(act="cancel", state="requested"))
    assert clock_of(american, on=3).standing.state is ClockState.CANCELLED


def test_a_cancellation_that_the_shop_refused_was_received_all_the_same(american):
    told(american)
    insert_choices(american.context, choice_row(state="refused", made_at=noon(2)))
    assert clock_of(american, on=3).standing.state is ClockState.CANCELLED


def test_a_choice_about_another_line_answers_nothing_for_this_one(american):
    insert_choices(american.context, choice_row(lines=["2"], made_at=noon(-2)))
    assert clock_of(american).facts.answers == ()


def test_a_swapped_line_has_no_clock(american):
    insert_choices(american.context, choice_row(act="swap", state="done"))
    with read_only(american.context.engine) as connection:
        assert load_line_clocks(american.context, connection, ["1041"], DAY) == {"1041": ()}


def test_a_cancellation_marked_as_done_was_refunded(driver):
    driver.order("1041", line(promised=-9))
    insert_choices(driver.context, choice_row(made_at=noon(0)))
    assert clock_of(driver).standing.deadline == day(14)
    close_choice(driver.context, "1041-C1", "done", "ben", "", noon(3))
    assert clock_of(driver, on=3).standing.state is ClockState.CLOSED
    assert clock_of(driver, on=2).standing.state is ClockState.CANCELLED


def test_a_refund_recorded_by_hand_ends_the_clock(driver):
    driver.order("1041", line(promised=-9))
    insert_choices(driver.context, choice_row(made_at=noon(0)))
    with driver.context.engine.begin() as connection:
        record_events(connection, [(REFUNDED, "1041/1", f"{day(2)} by card")], noon(4), "ben")
    assert clock_of(driver, on=2).facts.refunded_on == day(2)
    assert clock_of(driver, on=2).standing.state is ClockState.CLOSED


def test_in_europe_a_promise_to_ship_is_counted_to_its_arrival(driver):
    driver.order("1041", line(promised=0), placed=-20)
    # Two working days of transit from a Monday.
    assert clock_of(driver).due_on == day(2)


def test_in_the_united_states_a_promise_to_deliver_is_counted_to_its_departure(driver):
    driver.order("1041", line(promised=0, promise=Promise.DELIVER), customer=ADA, placed=-20)
    # Two working days before a Monday.
    assert clock_of(driver).due_on == day(-4)


def test_without_a_promise_the_law_says_by_when(driver):
    driver.order("1041", line(promised=0), placed=-20)
    execute(driver, update(ORDER_LINES).values(promised_on=None))
    clock = clock_of(driver)
    assert (clock.stated, clock.due_on) == (False, day(10))
    assert "the law of DE asks for it" in line_timeline(clock, DAY)[0].what


def test_the_american_clock_counts_from_the_payment(driver):
    driver.order("1041", line(promised=0), customer=ADA, placed=-20)
    execute(driver, update(ORDER_LINES).values(promised_on=None))
    execute(driver, update(ORDERS).values(paid_at=noon(-15)))
    assert clock_of(driver).due_on == day(15)


def test_an_unpaid_order_has_no_clock(driver):
    driver.order("1041", line(promised=-9))
    execute(driver, update(ORDERS).values(unpaid=True))
    with read_only(driver.context.engine) as connection:
        assert load_line_clocks(driver.context, connection, ["1041"], DAY) == {"1041": ()}


def test_a_time_critical_line_may_be_ended_at_once(driver):
    driver.order("1041", line(promised=-9, promise=Promise.DELIVER))
    assert clock_of(driver).standing.state is ClockState.LATE
    execute(driver, update(ORDER_LINES).values(time_critical=True))
    assert clock_of(driver).standing.state is ClockState.MAY_END


def test_a_line_that_arrived_may_be_withdrawn_from_for_14_days(driver):
    driver.order("1041", line(promised=-9, promise=Promise.DELIVER, shipped=-12, delivered=-10))
    assert clock_of(driver).standing.duty is Duty.HONOUR_WITHDRAWAL
    assert clock_of(driver).standing.deadline == day(4)


def test_the_timeline_tells_the_order_of_what_happened(american):
    told(american)
    insert_choices(american.context, choice_row(made_at=noon(2)))
    days = [(entry.on - DAY) // timedelta(days=1) for entry in line_timeline(clock_of(american, on=3), day(3))]
    assert days == [-20, 0, 2, 3]
    whats = [entry.what for entry in line_timeline(clock_of(american, on=3), day(3))]
    assert whats[0] == f"Ordered, promised to ship by {DAY}."
    assert whats[1] == f"Told: expected to ship by {day(20)}."
    assert whats[2] == "The customer cancelled."
    assert whats[3].startswith("It counts as cancelled: refund it by ")


def test_credit_by_the_shop_gives_more_days_and_another_refund_in_the_united_states(driver):
    driver.order("1041", line(promised=0), customer=ADA, placed=-20)
    execute(driver, update(ORDER_LINES).values(promised_on=None))
    execute(driver, update(ORDERS).values(seller_credit=True))
    assert clock_of(driver).due_on == day(30)
    standing = clock_of(driver, on=31).standing
    assert (standing.state, standing.deadline, standing.rule) == (
        ClockState.CANCELLED,
        None,
        "one billing cycle after vesting",
    )


@pytest.mark.parametrize(("kind", "state"), [("cod", ClockState.EXEMPT), ("custom_made", ClockState.CANCELLED)])
def test_a_kind_of_sale_that_the_rule_leaves_out_is_exempt(driver, kind, state):
    driver.order("1041", line(promised=-9), customer=ADA, placed=-20)
    execute(driver, update(ORDER_LINES).values(exclusion=kind))
    assert clock_of(driver).standing.state is state


def test_what_is_made_to_order_cannot_be_withdrawn_from(driver):
    driver.order("1041", line(promised=-9, promise=Promise.DELIVER, shipped=-12, delivered=-10))
    execute(driver, update(ORDER_LINES).values(exclusion="custom_made"))
    assert clock_of(driver).standing.duty is Duty.NONE
    assert page_of(driver).open.withdraw is None


def test_a_letter_counts_until_it_is_taken_back(driver):
    driver.order("1041", line(promised=-9, promise=Promise.DELIVER))
    context = driver.context
    record_letter(context, "1041", ["1"], ClockAnswer(AnswerKind.EXTRA_TIME, day(-5), day(-1)), "ben", "by letter")
    assert clock_of(driver).standing.state is ClockState.MAY_END
    assert clock_of(driver, on=-2).standing.state is ClockState.EXTRA_TIME
    record_letter(context, "1041", [], ClockAnswer(AnswerKind.END, DAY), "ben")
    assert clock_of(driver).standing.deadline == day(14)
    take_letters_back(context, "1041", [], "ben", "she agreed to wait")
    assert clock_of(driver).standing.state is ClockState.LATE


@pytest.mark.parametrize(
    ("on", "until", "says"), [(1, 5, "in the future"), (0, -1, "ends on that day or later"), (0, None, "or later")]
)
def test_a_period_that_cannot_be_is_not_recorded(driver, on, until, says):
    driver.order("1041", line(promised=-9))
    answer = ClockAnswer(AnswerKind.EXTRA_TIME, day(on), None if until is None else day(until))
    with pytest.raises(ForewarnError, match=says):
        record_letter(driver.context, "1041", [], answer, "ben")
