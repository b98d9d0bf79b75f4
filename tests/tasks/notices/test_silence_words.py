"""What notices say about silence, what the ledger keeps of it, and what the order page says."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from models.customers import Act
from models.promise_clock import NO_CHANGE, ClockState, Silence, Statement
from tasks.customers.record_choice import ChoiceRequest, record_choice
from tasks.db.sql import read_only
from tasks.promise_clock.facts import load_line_clocks
from tasks.tables import ORDER_LINES
from templates.rendering.sms import count_segments
from tests.support.builders import DAY, day, line
from tests.support.choosing import page_of
from tests.support.clock_days import clock_of
from tests.support.shop_driver import customer, noon
from tests.support.supply import execute

pytestmark = pytest.mark.sqlite_suffices(
    "words; their notices are recorded on both databases in test_record_notices.py"
)

AFTERNOON = timedelta(hours=7)
"""From noon in Berlin until texts may reach every zone of the United States."""
ADA = customer("c2", country="US")
RUI = customer("c3", country="US", locale="pt_BR")
AGREES = "If we do not hear from you, you agree to the new date, and we send the late item by {}."
CANCELS = "If the late item has not left by {}, and you have not told us by then that you want to wait, we cancel"
OPEN = "If you agree to wait without a date, you can still cancel at any time until it leaves."
NOTHING = "If you do nothing, your order stays as it is."


def told(driver, expected, who=ADA, promised=0):
    """Return the mail about an order that is expected so many days after DAY."""
    driver.order("1041", line(promised=promised, expected=expected), customer=who, placed=-20)
    (mail,) = [message for message in driver.run_day() if message.channel == "email"]
    return mail


def kept(driver):
    """Return the statements of the mails in the ledger, the oldest first."""
    return [row["statements"] for row in driver.notices if row["channel"] == "email"]


@pytest.mark.parametrize(
    ("expected", "sentence", "meaning", "by"),
    [
        (30, AGREES.format("Wednesday, July 15"), Statement.CONSENTS, day(30)),
        (31, CANCELS.format("Wednesday, July 15"), Statement.CANCELS, day(30)),
    ],
)
def test_a_first_notice_to_the_united_states_says_what_silence_means(driver, expected, sentence, meaning, by):
    mail = told(driver, expected)
    assert sentence in mail.text
    assert sentence in mail.html
    assert OPEN not in mail.text
    assert kept(driver) == [[Statement.CANCEL, meaning]]
    silence = page_of(driver, on=1).silence
    assert (silence.meaning, silence.by) == (meaning, by)


def test_a_renewed_notice_says_that_silence_cancels(driver):
    told(driver, 20)
    driver.change("1041", on=10, expected_on=day(28))
    driver.run_day(10)
    assert CANCELS.format("Sunday, July 5") in driver.transport.taken[-1].text
    assert kept(driver)[-1] == [Statement.CANCEL, Statement.CANCELS]


def test_a_renewed_notice_without_a_date_says_that_an_open_delay_can_be_cancelled_at_any_time(driver):
    told(driver, 20)
    driver.change("1041", on=10, expected_on=None)
    driver.run_day(10)
    mail = driver.transport.taken[-1].text
    assert CANCELS.format("Sunday, July 5") in mail
    assert OPEN in mail


def test_a_notice_that_comes_after_the_promise_passed_can_say_nothing(driver):
    mail = told(driver, 20, promised=-1)
    assert "hear from you" not in mail.text
    assert kept(driver) == [[]]
    assert page_of(driver, on=1).silence is None


def test_elsewhere_a_notice_says_that_silence_changes_nothing(driver):
    mail = told(driver, 20, customer("c2"))
    assert NOTHING in mail.text
    assert kept(driver) == [[Statement.NOTHING]]
    assert page_of(driver).silence == NO_CHANGE


def test_it_is_said_in_portuguese(driver):
    mail = told(driver, 30, RUI)
    assert "Se não tivermos resposta, entendemos que você aceita a nova data, e enviamos o item atrasado" in mail.text
    assert kept(driver) == [[Statement.CANCEL, Statement.CONSENTS]]


@pytest.mark.both_databases
def test_the_clock_counts_the_mail_of_a_notice_and_not_the_text_beside_it(driver):
    who = customer("c2", country="US", phone="+12025550123", sms_consent=True)
    told(driver, 20, who)
    assert {row["channel"]: row["statements"] for row in driver.notices}.keys() >= {"email"}
    with read_only(driver.context.engine) as connection:
        (clock,) = load_line_clocks(driver.context, connection, ["1041"], day(1))["1041"]
    assert [notice.counts for notice in clock.facts.notices] == [True]


def test_who_agreed_to_wait_is_told_that_silence_changes_nothing(driver):
    told(driver, 31)
    page = page_of(driver)
    record_choice(driver.context, ChoiceRequest("1041", Act.WAIT, "form", page.version), driver.context.started_at)
    assert page_of(driver, on=1).silence == NO_CHANGE


@pytest.mark.both_databases
def test_a_notice_that_waits_beyond_the_promise_is_written_again_before_it_leaves(driver):
    driver.order("1041", line(promised=0, expected=20), customer=ADA, placed=-20)
    driver.evaluate()
    (waiting,) = [row for row in driver.notices if row["channel"] == "email"]
    assert waiting["holds_through"] == DAY
    driver.deliver(1)
    assert not any("hear from you" in message.text for message in driver.transport.taken)


@pytest.mark.both_databases
def test_the_silence_of_an_order_names_the_first_day_on_which_something_ends(driver):
    driver.order(
        "1041", line("1", promised=0, expected=20), line("2", promised=5, expected=50), customer=ADA, placed=-20
    )
    driver.run_day()
    silence = page_of(driver, on=1).silence
    assert silence == Silence(Statement.CANCELS, day(35))


def texted(driver, expected, **facts):
    """Return the text to a customer in the United States who has no address for mail."""
    who = customer("c2", country="US", email=None, phone="+12025550123", sms_consent=True, **facts)
    driver.order("1041", line(promised=0, expected=expected), customer=who, placed=-20)
    execute(driver, update(ORDER_LINES).values(delay_reason="customs"))
    driver.evaluate()
    driver.deliver(at=noon(0) + AFTERNOON)
    (notice,) = driver.notices
    return notice


@pytest.mark.parametrize(
    ("expected", "sentence", "says"),
    [
        (20, "If you do not answer, you agree to wait until July 5.", [Statement.CANCEL, Statement.CONSENTS]),
        (40, "Unless it leaves or you agree to wait by July 15, we cancel.", [Statement.CANCEL, Statement.CANCELS]),
    ],
)
def test_a_text_alone_says_briefly_what_silence_means_and_how_to_cancel(driver, expected, sentence, says):
    notice = texted(driver, expected)
    assert sentence in notice["text"]
    assert "Until it leaves you can cancel for a full refund" in notice["text"]
    assert "View or cancel: https://lamps.example.com/orders/1041" in notice["text"]
    assert notice["statements"] == says
    assert clock_of(driver, 1).facts.notices[0].counts


def test_a_text_without_a_date_has_its_reason(driver):
    texted(driver, 20)
    driver.change("1041", on=10, expected_on=None)
    driver.evaluate(10)
    notice = driver.notices[-1]
    assert "No new date yet. Reason: customs has not released" in notice["text"]
    assert notice["statements"] == [Statement.CANCEL, Statement.CANCELS, Statement.REASON]


@pytest.mark.parametrize("locale", ["pt_BR", "de", "es", "fr"])
def test_a_text_says_so_in_other_languages_with_or_without_their_accents(driver, locale):
    notice = texted(driver, 20, locale=locale)
    assert notice["statements"] == [Statement.CANCEL, Statement.CONSENTS]


@pytest.mark.parametrize("locale", ["de", "es", "fr"])
def test_a_text_without_a_date_has_room_for_the_reason_and_for_silence_that_cancels(driver, locale):
    texted(driver, 20, locale=locale)
    driver.change("1041", on=10, expected_on=None)
    driver.evaluate(10)
    notice = driver.notices[-1]
    assert notice["statements"] == [Statement.CANCEL, Statement.CANCELS, Statement.REASON]
    assert count_segments(notice["text"]).parts == 2


def test_a_text_elsewhere_has_no_room_for_silence_that_changes_nothing(driver):
    who = customer("c2", email=None, phone="+4915550123456", sms_consent=True)
    driver.order("1041", line(promised=0, expected=20), customer=who, placed=-20)
    driver.evaluate()
    (notice,) = driver.notices
    assert "answer" not in notice["text"]
    assert notice["statements"] == []


@pytest.mark.parametrize(("reason", "counts"), [("customs", True), (None, False)])
def test_a_notice_without_a_date_counts_only_with_its_reason(driver, reason, counts):
    told(driver, 20)
    driver.change("1041", on=10, expected_on=None, delay_reason=reason)
    driver.run_day(10)
    _, renewed = clock_of(driver, 11).facts.notices
    assert (renewed.revised_on, renewed.counts) == (None, counts)
    assert (clock_of(driver, 11).standing.state is ClockState.SILENCE_CANCELS) is counts


@pytest.mark.parametrize(("second", "says"), [(None, False), (day(28), True)])
def test_every_item_without_a_date_needs_a_reason(driver, second, says):
    lines = (line("1", promised=0, expected=20), line("2", promised=0, expected=20))
    driver.order("1041", *lines, customer=ADA, placed=-20)
    driver.run_day()
    execute(driver, update(ORDER_LINES).where(ORDER_LINES.c.number == "2").values(expected_on=second))
    first = update(ORDER_LINES).where(ORDER_LINES.c.number == "1")
    execute(driver, first.values(expected_on=None, delay_reason="customs"))
    with driver.context.engine.begin() as connection:
        driver.mark_due(connection, "1041", 10)
    driver.run_day(10)
    assert (Statement.REASON in kept(driver)[-1]) is says


def test_the_brazilian_choices_and_refund_are_said_in_mails_and_on_the_page(driver):
    mail = told(driver, 20, customer("c3", country="BR", locale="pt_BR"))
    for words in (
        "exigir a entrega, aceitar um produto equivalente ou cancelar",
        "imediatamente, com correção monetária",
    ):
        assert words in mail.text
        assert words in mail.html
    assert kept(driver) == [[Statement.NOTHING, Statement.THREE_CHOICES, Statement.REFUND]]
    assert page_of(driver).rights.three_choices


@pytest.mark.parametrize(("country", "days"), [("FR", "within 14 days"), ("CA", ""), ("US", ""), ("DE", "")])
def test_only_a_refund_whose_days_a_law_gives_is_promised_within_them(driver, country, days):
    mail = told(driver, 20, customer("c2", country=country))
    assert (f"you get back what you paid {days}" in mail.text) is bool(days)
