"""The clock on dates of our own, both sides of each boundary. An order of Monday, 3 May 2027 falls due on 2 June."""

from datetime import date
from decimal import Decimal

import holidays
import pytest

from models.policy.promise_clock import PromiseClockPolicy
from models.promise_clock import AnswerKind, ClockAnswer, ClockFacts, ClockNotice
from rules.promise_clock.clock import stand

POLICY = PromiseClockPolicy()


def on(text):
    """Return a day of 2027, given as MM-DD."""
    return date.fromisoformat(f"2027-{text}") if text else None


def told(given, revised=None, **facts):
    return ClockNotice(on(given), on(revised), **facts)


def answered(kind, day, until=None):
    return ClockAnswer(AnswerKind(kind), on(day), on(until))


def sold(*happened, **days):
    """Return the facts of an order of 3 May; days are given as MM-DD, other facts as they are."""
    facts = {name: on(value) if name.endswith("_on") else value for name, value in days.items()}
    return ClockFacts(
        received_on=on("05-03"),
        notices=tuple(each for each in happened if isinstance(each, ClockNotice)),
        answers=tuple(each for each in happened if isinstance(each, ClockAnswer)),
        **facts,
    )


def standing(country, facts, today):
    code, _, region = country.partition("-")
    rules = POLICY.rules_of(code, region)
    free = holidays.country_holidays(rules.holidays) if rules.holidays else ()
    found = stand(facts, rules, on(today), lambda day: day in free)
    return found.state.value, found.duty.value, found.deadline


WITHIN, BEYOND, UNDATED = told("05-28", "07-02"), told("05-28", "07-03"), told("05-28")
"""First notices with a date 30 days after the due day, 31 days after it, and without one."""
SHORT, AGAIN = told("05-28", "06-20"), told("06-20", "06-25")
PERIOD = answered("extra_time", "06-04", "06-18")

UNITED_STATES = [
    (sold(), "06-02", "running", "perform", "06-02"),
    (sold(), "06-03", "cancelled", "cancel_and_refund", "06-11"),
    (sold(cannot_meet=True), "06-02", "notice_due", "give_option_notice", "06-02"),
    (sold(cannot_meet=True), "06-03", "cancelled", "cancel_and_refund", "06-11"),
    (sold(WITHIN), "06-20", "silence_consents", "perform", "07-02"),
    (sold(WITHIN), "07-02", "silence_consents", "perform", "07-02"),
    (sold(WITHIN), "07-03", "cancelled", "cancel_and_refund", "07-14"),
    (sold(BEYOND), "06-20", "silence_cancels", "perform_or_get_consent", "07-02"),
    (sold(BEYOND), "07-02", "silence_cancels", "perform_or_get_consent", "07-02"),
    (sold(BEYOND), "07-03", "cancelled", "cancel_and_refund", "07-14"),
    (sold(UNDATED), "06-20", "silence_cancels", "perform_or_get_consent", "07-02"),
    (sold(told("06-02", "06-20")), "06-03", "silence_consents", "perform", "06-20"),
    (sold(told("06-03", "06-20")), "06-03", "cancelled", "cancel_and_refund", "06-11"),
    (sold(told("05-28", "06-20", delivered=False)), "06-03", "cancelled", "cancel_and_refund", "06-11"),
    (sold(told("05-28", "06-20", adequate=False)), "06-03", "cancelled", "cancel_and_refund", "06-11"),
    (sold(BEYOND, answered("consent", "07-02", "07-20")), "07-03", "extended", "perform", "07-20"),
    (sold(BEYOND, answered("consent", "07-03", "07-20")), "07-03", "cancelled", "cancel_and_refund", "07-14"),
    (sold(UNDATED, answered("consent", "07-02")), "09-01", "open_ended", "keep_open", None),
    (
        sold(UNDATED, answered("consent", "07-02"), answered("cancel", "08-02")),
        "08-02",
        "cancelled",
        "cancel_and_refund",
        "08-11",
    ),
    (sold(SHORT, answered("cancel", "06-18")), "06-18", "cancelled", "cancel_and_refund", "06-29"),
    (sold(SHORT, answered("cancel", "06-18")), "06-17", "silence_consents", "perform", "06-20"),
    (sold(SHORT, shipped_on="06-20"), "06-21", "done", "none", None),
    (sold(SHORT, shipped_on="06-21"), "06-21", "done", "staff_review", None),
    (sold(SHORT, answered("cancel", "06-18"), shipped_on="06-19"), "06-21", "cancelled", "staff_review", None),
    (sold(SHORT, cannot_meet=True), "06-15", "notice_due", "give_renewed_notice", "06-20"),
    (sold(SHORT, AGAIN), "06-20", "silence_cancels", "perform_or_get_consent", "06-20"),
    (sold(SHORT, AGAIN), "06-21", "cancelled", "cancel_and_refund", "06-29"),
    (sold(SHORT, AGAIN, answered("consent", "06-20", "06-25")), "06-21", "extended", "perform", "06-25"),
    (sold(SHORT, AGAIN, answered("consent", "06-21", "06-25")), "06-21", "cancelled", "cancel_and_refund", "06-29"),
    (sold(seller_credit=True), "06-22", "running", "perform", "06-22"),
    (sold(seller_credit=True, payment="seller_credit"), "06-23", "cancelled", "cancel_and_refund", None),
    (sold(payment_good_on="05-10"), "06-09", "running", "perform", "06-09"),
    (sold(promised_on="05-12"), "05-12", "running", "perform", "05-12"),
    (sold(promised_on="05-12"), "05-13", "cancelled", "cancel_and_refund", "05-21"),
    (sold(gave_up_on="05-20"), "05-20", "cancelled", "cancel_and_refund", "06-01"),
    (sold(gave_up_on="06-15"), "06-15", "cancelled", "cancel_and_refund", "06-11"),
    (sold(SHORT, answered("cancel", "06-18"), gave_up_on="06-21"), "06-22", "cancelled", "cancel_and_refund", "06-29"),
    (sold(refunded_on="06-08"), "06-08", "closed", "none", None),
    (sold(refunded_on="06-08"), "06-07", "cancelled", "cancel_and_refund", "06-11"),
    (sold(exclusion="cod"), "08-01", "exempt", "none", None),
]

ELSEWHERE = [
    ("DE", sold(), "06-02", "running", "perform", "06-02"),
    ("DE", sold(cannot_meet=True), "06-02", "running", "tell_customer", "06-02"),
    ("DE", sold(exclusion="cod"), "06-03", "late", "tell_customer", None),
    ("DE", sold(PERIOD), "06-18", "extra_time", "perform", "06-18"),
    ("DE", sold(PERIOD), "06-19", "may_end", "accept_ending", None),
    ("DE", sold(PERIOD, answered("end", "06-18")), "06-18", "late", "staff_review", None),
    ("DE", sold(PERIOD, answered("end", "06-19")), "06-19", "cancelled", "cancel_and_refund", "07-03"),
    ("DE", sold(promised_on="05-14", essential=True), "05-14", "running", "perform", "05-14"),
    ("DE", sold(promised_on="05-14", essential=True), "05-15", "may_end", "accept_ending", None),
    ("DE", sold(answered("withdraw", "05-20")), "05-20", "cancelled", "cancel_and_refund", "06-03"),
    ("DE", sold(answered("cancel", "05-20")), "05-20", "cancelled", "cancel_and_refund", "06-03"),
    ("DE", sold(delivered_on="06-01"), "06-15", "done", "honour_withdrawal", "06-15"),
    ("DE", sold(delivered_on="06-01"), "06-16", "done", "none", None),
    (
        "DE",
        sold(answered("withdraw", "06-15"), delivered_on="06-01"),
        "06-16",
        "cancelled",
        "cancel_and_refund",
        "06-29",
    ),
    ("DE", sold(answered("withdraw", "06-16"), delivered_on="06-01"), "06-16", "done", "none", None),
    ("PL", sold(delivered_on="05-29"), "06-13", "done", "honour_withdrawal", "06-14"),
    ("GB", sold(delivered_on="05-29"), "06-12", "done", "honour_withdrawal", "06-12"),
    ("GB", sold(delivered_on="05-29"), "06-13", "done", "none", None),
    ("FR", sold(delivered_on="06-30"), "07-14", "done", "honour_withdrawal", "07-15"),
    ("DE", sold(delivered_on="06-30"), "07-14", "done", "honour_withdrawal", "07-14"),
    ("FR", sold(PERIOD, answered("end", "06-19")), "07-03", "cancelled", "cancel_and_refund", "07-03"),
    ("FR", sold(PERIOD, answered("end", "06-19")), "07-04", "cancelled", "refund_with_surcharge", "07-17"),
    ("FR", sold(PERIOD, answered("end", "06-19")), "07-18", "cancelled", "refund_with_surcharge", "08-02"),
    ("FR", sold(PERIOD, answered("end", "06-19")), "08-03", "cancelled", "refund_with_surcharge", None),
    ("CA-ON", sold(promised_on="05-14"), "06-13", "late", "tell_customer", "06-13"),
    ("CA-ON", sold(promised_on="05-14"), "06-14", "may_end", "accept_ending", None),
    ("CA-ON", sold(answered("end", "06-13"), promised_on="05-14"), "06-14", "late", "staff_review", None),
    (
        "CA-ON",
        sold(answered("end", "06-14"), promised_on="05-14"),
        "06-14",
        "cancelled",
        "cancel_and_refund",
        "06-29",
    ),
    (
        "CA-ON",
        sold(answered("consent", "05-13", "05-31"), promised_on="05-14"),
        "06-30",
        "late",
        "tell_customer",
        "06-30",
    ),
    (
        "CA-ON",
        sold(answered("consent", "05-13", "05-31"), promised_on="05-14"),
        "07-01",
        "may_end",
        "accept_ending",
        None,
    ),
    (
        "CA-ON",
        sold(answered("cancel", "06-01"), promised_on="05-14", gave_up_on="06-02"),
        "06-02",
        "cancelled",
        "cancel_and_refund",
        "06-17",
    ),
    ("CA-ON", sold(total=Decimal(50)), "08-01", "exempt", "none", None),
    ("CA-ON", sold(total=Decimal("50.01")), "08-01", "may_end", "accept_ending", None),
    ("CA-QC", sold(), "06-02", "running", "perform", "06-02"),
    ("CA-QC", sold(), "06-03", "may_end", "accept_ending", None),
    ("AU", sold(promised_on="05-14"), "05-15", "may_end", "accept_ending", None),
    (
        "AU",
        sold(answered("end", "05-17"), promised_on="05-14"),
        "05-17",
        "cancelled",
        "cancel_and_refund",
        "05-31",
    ),
    (
        "BR",
        sold(answered("end", "05-15"), promised_on="05-14"),
        "05-15",
        "cancelled",
        "cancel_and_refund",
        "05-15",
    ),
    ("BR", sold(delivered_on="05-12"), "05-19", "done", "honour_withdrawal", "05-19"),
    (
        "BR",
        sold(answered("withdraw", "05-19"), delivered_on="05-12"),
        "05-19",
        "cancelled",
        "cancel_and_refund",
        "05-19",
    ),
    ("BR", sold(answered("withdraw", "05-20"), delivered_on="05-12"), "05-20", "done", "none", None),
    ("JP", sold(), "06-03", "late", "tell_customer", None),
    ("CA-BC", sold(PERIOD), "06-19", "may_end", "accept_ending", None),
]


@pytest.mark.parametrize(("facts", "today", "state", "duty", "deadline"), UNITED_STATES)
def test_in_the_united_states_a_line_stands_by_its_notices_and_answers(facts, today, state, duty, deadline):
    assert standing("US", facts, today) == (state, duty, on(deadline))


@pytest.mark.parametrize(("country", "facts", "today", "state", "duty", "deadline"), ELSEWHERE)
def test_elsewhere_silence_changes_nothing_and_the_customer_may_end(country, facts, today, state, duty, deadline):
    assert standing(country, facts, today) == (state, duty, on(deadline))


def test_who_ended_the_contract_does_not_revive_it_by_agreeing_to_a_date_afterwards():
    ended = sold(PERIOD, answered("end", "06-19"), answered("consent", "06-21", "07-30"))
    assert standing("DE", ended, "06-22") == ("cancelled", "cancel_and_refund", on("07-03"))


def test_a_notice_that_reached_nobody_starts_no_clock_but_the_next_one_does():
    facts = sold(told("05-20", "06-20", delivered=False), told("06-01", "06-20"))
    assert standing("US", facts, "06-03") == ("silence_consents", "perform", on("06-20"))
