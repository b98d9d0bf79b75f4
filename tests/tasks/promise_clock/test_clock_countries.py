"""An order to each country, lived from its notice to the refund, and its evidence read at the end."""

from dataclasses import dataclass

import pytest
from sqlalchemy import update

from models.customers import Act
from models.enums import Promise
from models.policy.promise_clock import PromiseClockPolicy
from models.promise_clock import AnswerKind, ClockAnswer, ClockState, Duty, Statement
from tasks.customers.record_choice import ChoiceRequest, record_choice
from tasks.customers.staff_cancellations import cancel_lines
from tasks.db.sql import read_only
from tasks.promise_clock.evidence import load_evidence
from tasks.promise_clock.staff_records import record_letter, record_refund
from tasks.tables import ORDERS
from tests.support.builders import day, line
from tests.support.choosing import page_of
from tests.support.clock_days import clock_of, context_on, live, open_duties, state
from tests.support.ledgers import sqlite_ledger
from tests.support.shop_driver import customer
from tests.support.supply import execute
from web.evidence.page import evidence_page

REPAID = "you get back what you paid"
THREE = "have it delivered, take an equivalent product, or cancel"


@dataclass(frozen=True)
class Life:
    """What becomes of an order that was promised to arrive on DAY, and that nobody brings."""

    rules: str
    country: str
    place: str
    """The country as the evidence names it."""
    late: ClockState
    """A day after its date."""
    ends: tuple[int, str]
    """On which day its customer ends it, and how: by `page`, `letter` or `withdrawal`."""
    refund_by: int
    said: tuple[str, ...] = ()
    """What the mail says beside the rest."""
    postcode: str | None = None
    extra_time: tuple[int, int] | None = None
    """On which day the customer sets a further period, and its last day."""
    last_day: int | None = None
    """The last day on which the customer cannot end it yet."""
    overdue: tuple[Duty, str] = (Duty.CANCEL_AND_REFUND, "")
    """What is due the day after the refund was."""


BY_LETTER = {"extra_time": (2, 15), "last_day": 15, "ends": (16, "letter"), "refund_by": 30}
CANADIAN = {"late": ClockState.LATE, "last_day": 30, "ends": (31, "page"), "refund_by": 46}
SURCHARGE = (Duty.REFUND_WITH_SURCHARGE, "10 % more until 14 days beyond the deadline")
LIVES = [
    Life("EU", "IT", "Italy", ClockState.LATE, ends=(4, "withdrawal"), refund_by=18),
    Life("DE", "DE", "Germany", ClockState.LATE, **BY_LETTER),
    Life("FR", "FR", "France", ClockState.LATE, **BY_LETTER, said=(f"{REPAID} within 14 days",), overdue=SURCHARGE),
    Life("GB", "GB", "United Kingdom", ClockState.LATE, **BY_LETTER),
    Life("CA-ON", "CA", "Canada (ON)", **CANADIAN, postcode="M5V 2T6", said=(f"{REPAID} within 15 days",)),
    Life("CA-QC", "CA", "Canada (QC)", **CANADIAN, postcode="H2X 1Y4", said=(f"{REPAID} within 15 days",)),
    Life("AU", "AU", "Australia", ClockState.MAY_END, ends=(1, "page"), refund_by=15),
    Life(
        "BR",
        "BR",
        "Brazil",
        ClockState.MAY_END,
        ends=(1, "page"),
        refund_by=1,
        said=(THREE, f"{REPAID} at once, corrected"),
    ),
    Life("default", "JP", "Japan", ClockState.LATE, **BY_LETTER),
]


@pytest.fixture
def ledger(tmp_path):
    """Return one of SQLite alone: what databases do differently is tested where they are asked."""
    return sqlite_ledger(tmp_path / "ledger.db")


def end(driver, on, how):
    """Let the customer end the contract."""
    if how == "letter":
        context = context_on(driver, on)
        lines = record_letter(context, "1041", [], ClockAnswer(AnswerKind.END, day(on)), "ben", "by letter")
        assert cancel_lines(context, "1041", lines, "ben") == []
        return
    act, option = (Act.WITHDRAW, "") if how == "withdrawal" else (Act.CANCEL, "all")
    request = ChoiceRequest("1041", act, "form", page_of(driver, on=on).version, option)
    record_choice(driver.context, request, context_on(driver, on).started_at)


def test_every_country_of_the_rules_has_its_life():
    assert {life.rules for life in LIVES} | {"US"} == PromiseClockPolicy().country.keys()


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.rules)
def test_an_order_lives_from_its_notice_to_its_refund(driver, life):
    late_line = line(promised=0, expected=10, promise=Promise.DELIVER)
    driver.order("1041", late_line, customer=customer("c2", country=life.country), placed=-10)
    execute(driver, update(ORDERS).values(postcode=life.postcode))

    assert live(driver, 0) == []
    (mail,) = [message for message in driver.transport.taken if message.channel == "email"]
    assert [words for words in ("If you do nothing, your order stays", *life.said) if words not in mail.text] == []
    assert (THREE in mail.text) is (life.country == "BR")
    assert Statement.NOTHING in driver.notices[0]["statements"]
    assert live(driver, 1) == [f"deliver it by {day(0)}"]
    assert state(driver, 1)[0] is life.late

    if life.extra_time is not None:
        on, until = life.extra_time
        answer = ClockAnswer(AnswerKind.EXTRA_TIME, day(on), day(until))
        record_letter(context_on(driver, on), "1041", [], answer, "ben", "by letter")
        live(driver, on)
        assert state(driver, on) == (ClockState.EXTRA_TIME, day(until))
    if life.last_day is not None:
        assert state(driver, life.last_day)[0] is not ClockState.MAY_END
        assert state(driver, life.last_day + 1)[0] is ClockState.MAY_END

    on, how = life.ends
    end(driver, on, how)
    told = len([notice for notice in driver.notices if notice["channel"] == "email"])
    live(driver, on)
    assert state(driver, on) == (ClockState.CANCELLED, day(life.refund_by))
    assert open_duties(driver) == [Duty.CANCEL_AND_REFUND]
    overdue = live(driver, life.refund_by + 1)
    assert f"refund it by {day(life.refund_by)}" in overdue
    standing = clock_of(driver, life.refund_by + 1).standing
    assert standing.duty is life.overdue[0]
    assert life.overdue[1] in standing.rule
    assert len([notice for notice in driver.notices if notice["channel"] == "email"]) == told, "it is over"

    paid_on = life.refund_by + 2
    record_refund(context_on(driver, paid_on), "1041", [], day(paid_on), "ben", "40.00 EUR by card")
    live(driver, paid_on)
    assert (state(driver, paid_on)[0], open_duties(driver)) == (ClockState.CLOSED, [])
    with read_only(driver.context.engine) as connection:
        evidence = load_evidence(context_on(driver, paid_on), connection, "1041")
    whats = " ".join(entry["what"] for entry in evidence["lines"][0]["timeline"])
    parts = ("promised to arrive by", "Told: expected to arrive by", "The customer", "The money went back.")
    places = [whats.index(part) for part in parts]
    assert places == sorted(places)
    assert f"By the rules of {life.place}." in evidence_page(evidence)
