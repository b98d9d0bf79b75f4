from datetime import date

import pytest

from models.policy.promise_clock import PromiseClockPolicy
from models.promise_clock import AnswerKind, ClockAnswer, ClockFacts, ClockNotice
from rules.promise_clock.missed import missed_deadlines
from rules.promise_clock.public_holidays import public_holidays


def day(month, number):
    return date(2027, month, number)


def missed(country, today, **facts):
    """Return what an order of 3 May, promised for 2 June, has missed."""
    rules = PromiseClockPolicy().rules_of(country)
    sold = ClockFacts(day(5, 3), promised_on=day(6, 2), **facts)
    return [one.sentence for one in missed_deadlines(sold, rules, today, public_holidays(rules.holidays))]


SHIP = "ship it, or offer to wait or to cancel by {}"
NOTICE = (ClockNotice(day(5, 28), day(6, 20)),)
BEYOND = (ClockNotice(day(5, 28), day(7, 20)),)
CANCEL = (ClockAnswer(AnswerKind.CANCEL, day(6, 1)),)


@pytest.mark.parametrize(
    ("today", "facts", "found"),
    [
        (day(6, 2), {}, []),
        (day(6, 3), {}, [SHIP.format("2027-06-02")]),
        (day(6, 11), {}, [SHIP.format("2027-06-02")]),
        (day(6, 12), {}, [SHIP.format("2027-06-02"), "refund it by 2027-06-11"]),
        (day(6, 12), {"refunded_on": day(6, 11)}, [SHIP.format("2027-06-02")]),
        (day(6, 12), {"shipped_on": day(6, 2)}, []),
        (day(6, 20), {"notices": NOTICE}, []),
        (day(6, 21), {"notices": NOTICE}, [SHIP.format("2027-06-20")]),
        (day(6, 21), {"notices": NOTICE, "cannot_meet": True}, [SHIP.format("2027-06-20")]),
        (day(7, 3), {"notices": BEYOND}, []),
        (day(7, 15), {"notices": BEYOND}, ["refund it by 2027-07-14"]),
        (day(6, 11), {"answers": CANCEL}, ["refund it by 2027-06-10"]),
        (day(6, 10), {"answers": CANCEL}, []),
    ],
)
def test_what_was_missed_in_the_united_states(today, facts, found):
    assert missed("US", today, **facts) == found


@pytest.mark.parametrize(
    ("country", "today", "facts", "found"),
    [
        ("DE", day(6, 2), {}, []),
        ("DE", day(6, 3), {}, ["deliver it by 2027-06-02"]),
        (
            "DE",
            day(6, 9),
            {"answers": (ClockAnswer(AnswerKind.CONSENT, day(6, 1), day(6, 8)),)},
            ["deliver it by 2027-06-08"],
        ),
        ("DE", day(6, 9), {"delivered_on": day(6, 2)}, []),
        ("DE", day(6, 15), {"answers": CANCEL}, []),
        ("DE", day(6, 16), {"answers": CANCEL}, ["refund it by 2027-06-15"]),
        (
            "FR",
            day(7, 30),
            {"answers": CANCEL},
            [
                "refund it by 2027-06-15",
                "refund it with the surcharge by 2027-06-29",
                "refund it with the surcharge by 2027-07-15",
            ],
        ),
        ("AU", day(6, 3), {}, ["deliver it by 2027-06-02"]),
    ],
)
def test_what_was_missed_elsewhere(country, today, facts, found):
    assert missed(country, today, **facts) == found
