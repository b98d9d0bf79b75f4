from datetime import date

import pytest

from models.enums import Promise
from models.policy.policy import Policy
from models.policy.promise_clock import PromiseClockPolicy
from models.promise_clock import ClockFacts, ClockNotice, ClockState, Duty, Silence, Standing, Statement
from rules.inventory.transit import TransitTimes
from rules.promise_clock.counted_days import counted_day
from rules.promise_clock.public_holidays import public_holidays
from rules.promise_clock.regions import region_of
from rules.promise_clock.sentences import duty_words, standing_sentence
from rules.promise_clock.silence import order_silence, silence_after
from rules.promise_clock.told_dates import delay_notices

US, DE = (PromiseClockPolicy().rules_of(country) for country in ("US", "DE"))
TRANSIT = TransitTimes(Policy().allocation, Policy().days)
CONSENTS, CANCELS, NOTHING = Statement.CONSENTS, Statement.CANCELS, Statement.NOTHING


def day(month, number):
    return date(2027, month, number)


def sold(*notices):
    return ClockFacts(day(5, 3), promised_on=day(6, 2), notices=notices)


FIRST = ClockNotice(day(5, 28), day(6, 20))
T, R = day(6, 2), day(6, 20)
"""The last days of the promise and of the date in that notice."""


@pytest.mark.parametrize(
    ("facts", "revised", "today", "silence"),
    [
        (sold(), day(7, 2), day(5, 28), Silence(CONSENTS, day(7, 2), T)),
        (sold(), day(7, 3), day(5, 28), Silence(CANCELS, day(7, 2), T)),
        (sold(), None, day(5, 28), Silence(CANCELS, day(7, 2), T)),
        (sold(), day(6, 20), day(6, 2), Silence(CONSENTS, day(6, 20), T)),
        (sold(), day(6, 20), day(6, 3), None),
        (sold(FIRST), day(6, 25), day(6, 15), Silence(CANCELS, day(6, 20), R)),
        (sold(FIRST), day(6, 25), day(6, 20), Silence(CANCELS, day(6, 20), R)),
        (sold(FIRST), day(6, 25), day(6, 21), None),
        (sold(FIRST), day(6, 20), day(6, 15), Silence(CONSENTS, day(6, 20), R)),
    ],
)
def test_what_silence_means_after_a_notice_in_the_united_states(facts, revised, today, silence):
    assert silence_after(facts, US, revised, today, public_holidays("US")) == silence


def test_elsewhere_silence_changes_nothing():
    assert silence_after(sold(), DE, None, day(6, 9), public_holidays("DE")) == Silence(NOTHING)


def test_an_order_says_the_most_that_silence_can_do_to_a_line():
    consents = [Silence(CONSENTS, day(6, 20)), Silence(CONSENTS, day(6, 25))]
    cancels = [Silence(CANCELS, day(7, 2)), Silence(CANCELS, day(6, 30))]
    assert order_silence([]) is None
    assert order_silence([None, Silence(NOTHING)]) == Silence(NOTHING)
    assert order_silence([*consents, None]) == Silence(CONSENTS, day(6, 25))
    assert order_silence([*consents, *cancels]) == Silence(CANCELS, day(6, 30))


def test_a_notice_that_repeats_a_date_is_no_new_delay_unless_the_first_one_did_not_count():
    again = ClockNotice(day(6, 1), day(6, 20), id="again")
    later = ClockNotice(day(6, 10), day(6, 21), id="later")
    bounced = ClockNotice(day(5, 28), day(6, 20), delivered=False)
    undated = ClockNotice(day(6, 12), None)
    assert delay_notices([again, FIRST, later]) == (FIRST, later)
    assert delay_notices([bounced, again]) == (bounced, again)
    assert delay_notices([FIRST, undated, ClockNotice(day(6, 14), day(6, 30))]) == (FIRST, undated)


@pytest.mark.parametrize(
    ("country", "postcode", "region"),
    [
        ("CA", "M5V 2T6", "ON"),
        ("CA", " h2x1y4", "QC"),
        ("CA", "V5K 0A1", ""),
        ("CA", None, ""),
        ("CA", "", ""),
        ("US", "H2X", ""),
    ],
)
def test_the_postcode_tells_a_province_with_a_law_of_its_own(country, postcode, region):
    assert region_of(country, postcode) == region


@pytest.mark.parametrize(
    ("said", "counted", "given", "found"),
    [
        (Promise.SHIP, Promise.SHIP, day(6, 2), day(6, 2)),
        (Promise.SHIP, Promise.DELIVER, day(6, 2), day(6, 4)),
        (Promise.SHIP, Promise.DELIVER, day(6, 4), day(6, 8)),
        (Promise.DELIVER, Promise.SHIP, day(6, 4), day(6, 2)),
        (Promise.DELIVER, Promise.SHIP, day(6, 7), day(6, 3)),
        (Promise.DELIVER, Promise.SHIP, None, None),
    ],
)
def test_the_carriers_working_days_lie_between_leaving_and_arriving(said, counted, given, found):
    assert counted_day(given, said, counted, TRANSIT, "DE") == found


@pytest.mark.parametrize(
    ("standing", "rules", "sentence"),
    [
        (Standing(ClockState.DONE), US, "It was performed."),
        (
            Standing(ClockState.RUNNING, Duty.PERFORM, day(6, 9)),
            US,
            "Its date has not passed: ship it by 2027-06-09.",
        ),
        (
            Standing(ClockState.RUNNING, Duty.PERFORM, day(6, 10)),
            DE,
            "Its date has not passed: deliver it by 2027-06-10.",
        ),
        (
            Standing(ClockState.CANCELLED, Duty.CANCEL_AND_REFUND, day(6, 8), "7 working days"),
            US,
            "It counts as cancelled: refund it by 2027-06-08, which has passed (7 working days).",
        ),
        (
            Standing(ClockState.CANCELLED, Duty.CANCEL_AND_REFUND, day(6, 9)),
            US,
            "It counts as cancelled: refund it by 2027-06-09.",
        ),
        (
            Standing(ClockState.CANCELLED, Duty.CANCEL_AND_REFUND, None, "one billing cycle"),
            US,
            "It counts as cancelled: refund it (one billing cycle).",
        ),
        (
            Standing(ClockState.LATE, Duty.TELL_CUSTOMER, day(7, 2)),
            DE,
            "It is late: tell the customer; after 2027-07-02 the customer may end the contract.",
        ),
        (
            Standing(ClockState.DONE, Duty.HONOUR_WITHDRAWAL, day(6, 20)),
            DE,
            "It was performed: accept a withdrawal until 2027-06-20.",
        ),
    ],
)
def test_a_standing_is_a_sentence_with_its_day(standing, rules, sentence):
    assert standing_sentence(standing, rules, day(6, 9)) == sentence


def test_every_duty_has_words():
    assert [duty for duty in Duty if duty is not Duty.NONE and not duty_words(duty, US)] == []
