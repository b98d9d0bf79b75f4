"""One channel's trouble is its own: the others tell the customer."""

from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import insert

from channels.transport import PermanentFailure
from models.enums import Channel
from models.policy.policy import Bucket, BudgetPolicy, Policy
from tasks.db.sql import read_only
from tasks.delivery.fallback import FallbackSummary, send_fallbacks
from tasks.notices.suppressions import suppress
from tasks.reporting.dry_run import dry_run
from tasks.reporting.explain_order import explain_order
from tasks.reporting.message_preview import preview_messages
from tasks.tables import OFFERS, OPT_OUTS, SUPPRESSIONS
from templates.rendering.messages import Renderer
from tests.support.builders import DAY, line
from tests.support.shop_driver import SHOP, FakeTransport, customer, noon, renderer_of, with_renderer

pytestmark = pytest.mark.sqlite_suffices(
    "which channel goes; all that is read and written for it is so on both databases by a few"
)

TEXTING = {"phone": "+4915112345678", "sms_consent": True}
BROKEN = "{{ order.nummer }}\n"
TEXT, MAIL = "sms.en.txt", "subject.en.txt"


@pytest.fixture
def breaking(driver, tmp_path):
    """Return a function that breaks parts of the message of a fortnight's delay."""

    def broken(*parts):
        own = tmp_path / "templates"
        for part in parts:
            (own / "fortnight").mkdir(parents=True, exist_ok=True)
            (own / "fortnight" / part).write_text(BROKEN)
        driver.context = with_renderer(driver.context, Renderer(SHOP, own))

    return broken


def told(driver):
    return {(row["order_id"], row["channel"]): row["reason"] or str(row["state"]) for row in driver.notices}


def seen(driver, order="1041"):
    """Return what explain, a dry run and a preview say of an order: its channels, what is owed, what would be read."""
    with read_only(driver.context.engine) as connection:
        now = explain_order(driver.context.with_run("r", DAY, noon(0)), connection, order)["now"]
        messages, problems = preview_messages(driver.context.with_run("r", DAY, noon(0)), connection, order)
    dry = dry_run(driver.context.with_run("r", DAY, noon(0)), batch=10).summary
    assert dry.problems == now["problems"] == problems
    return now["channels"], dict(dry.notices), dict(dry.skipped), [message.channel for _, message in messages]


@pytest.mark.parametrize(
    ("broken", "goes", "fails"), [(TEXT, Channel.EMAIL, Channel.SMS), (MAIL, Channel.SMS, Channel.EMAIL)]
)
def test_a_channel_whose_words_fail_is_skipped_and_named_and_the_other_goes(driver, breaking, broken, goes, fails):
    breaking(broken)
    driver.order(customer=customer("c1", **TEXTING))
    before = seen(driver)
    found = driver.evaluate()
    assert (found.notified, found.notices, found.skipped) == (1, {goes: 1}, {"render_failed": 1})
    assert before == ({goes: "would be sent", fails: "render_failed"}, dict(found.notices), dict(found.skipped), [goes])
    (problem,) = found.problems
    assert f"fortnight/{broken}, line 1" in problem
    assert "has no attribute 'nummer'" in problem
    assert "(order 1041)" in problem
    assert told(driver) == {("1041", goes): "queued", ("1041", fails): "render_failed"}
    assert [message.channel for message in driver.run_day()] == [goes]
    assert driver.told_revision() == 1
    assert driver.run_day(1) == []


@pytest.mark.parametrize(
    ("broken", "prefers", "goes"), [(TEXT, Channel.SMS, Channel.EMAIL), (MAIL, Channel.EMAIL, Channel.SMS)]
)
def test_who_prefers_a_channel_whose_words_fail_is_told_by_the_other(driver, breaking, broken, prefers, goes):
    breaking(broken)
    driver.order(customer=customer("c1", **TEXTING, prefers=prefers))
    before = seen(driver)
    found = driver.evaluate()
    assert before == ({prefers: "render_failed", goes: "would be sent"}, {goes: 1}, {"render_failed": 1}, [goes])
    assert (found.notices, len(found.problems)) == ({goes: 1}, 1)
    assert [message.channel for message in driver.run_day()] == [goes]


@pytest.mark.both_databases
def test_an_order_of_which_no_words_work_stays_untold_and_is_named_for_each_channel(driver, breaking):
    breaking(TEXT, MAIL)
    driver.order(customer=customer("c1", **TEXTING))
    with read_only(driver.context.engine) as connection:
        now = explain_order(driver.context.with_run("r", DAY, noon(0)), connection, "1041")["now"]
    assert now["channels"] == {"email": "render_failed", "sms": "render_failed"}
    dry = dry_run(driver.context.with_run("r", DAY, noon(0)), batch=10).summary
    found = driver.evaluate()
    assert len(found.problems) == len(dry.problems) == len(now["problems"]) == 2
    assert (found.changes, found.notices, dry.notices, driver.notices) == ({}, {}, {}, [])
    driver.context = with_renderer(driver.context, renderer_of(SHOP))
    assert driver.evaluate().notices == {"email": 1, "sms": 1}


@pytest.mark.both_databases
def test_a_discount_is_given_once_where_one_channel_goes_and_not_where_none_does(driver, breaking, tmp_path):
    caps = BudgetPolicy(per_run={"EUR": Decimal(5)}, per_month={"EUR": Decimal(5)})
    driver.context = replace(driver.context, policy=Policy(budget=caps))
    fee = {"shipping_fee": Decimal(5)}
    breaking(TEXT, MAIL)
    driver.order("1", customer=customer("c1", **TEXTING), **fee)
    assert driver.evaluate().offers == {}
    assert driver.rows(OFFERS) == []
    (tmp_path / "templates" / "fortnight" / MAIL).unlink()
    driver.context = with_renderer(driver.context, Renderer(SHOP, tmp_path / "templates"))
    assert driver.evaluate().offers == {"shipping_discount": 1}
    assert [row["value"] for row in driver.rows(OFFERS)] == [Decimal(5)]


def test_a_fallback_whose_words_fail_reaches_nobody_and_staff_hear_of_it(driver, breaking):
    policy = Policy(bucket=(Bucket(name="fortnight", from_days=8, channels=("email",)),))
    driver.context = replace(driver.context, policy=policy)
    driver.order(customer=customer("c1", **TEXTING))
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: PermanentFailure("no such mailbox")))
    breaking(TEXT)
    assert send_fallbacks(driver.context.with_run("r", DAY, noon(0)), "test", batch=50) == FallbackSummary(0, 1)


def test_a_fallback_never_waits_for_a_channel_that_was_skipped_for_its_words(driver, breaking):
    breaking(TEXT)
    driver.order(customer=customer("c1", **TEXTING))
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: PermanentFailure("no such mailbox")))
    assert send_fallbacks(driver.context.with_run("r", DAY, noon(0)), "test", batch=50) == FallbackSummary(0, 1)
    assert told(driver) == {("1041", "email"): "no such mailbox", ("1041", "sms"): "render_failed"}


@pytest.mark.parametrize("number", ["030 23125000", "+44 20 7946 0018", "+44 56 1234 5678"])
def test_a_number_that_takes_no_texts_gets_none_and_the_mail_goes_instead(driver, number):
    driver.order(customer=customer("c1", phone=number, sms_consent=True, prefers="sms"))
    assert seen(driver)[0] == {"email": "would be sent", "sms": "not_mobile"}
    assert driver.evaluate().skipped == {"not_mobile": 1}
    assert [message.channel for message in driver.run_day()] == [Channel.EMAIL]


@pytest.mark.both_databases
def test_a_text_to_a_number_that_became_a_landline_is_not_sent_and_the_order_is_looked_at_again(driver):
    driver.order(customer=customer("c1", **TEXTING, prefers="sms"))
    driver.evaluate()
    driver.customer("c1", phone="030 23125000")
    assert driver.deliver().skipped == {"not_mobile": 1}
    assert [message.channel for message in driver.run_day()] == [Channel.EMAIL]


def opt_out(driver, *addresses, who="c4"):
    with driver.context.engine.begin() as connection:
        connection.execute(insert(OPT_OUTS), [{"customer_id": who, "address": one} for one in addresses])


def test_an_opt_out_silences_the_address_of_every_customer_who_has_it(driver):
    driver.order("1", customer=customer("c5", email="Opt@Example.com", **TEXTING))
    driver.order("2", customer=customer("c6", email="c6@example.com", **TEXTING | {"phone": "0151 99999999"}))
    opt_out(driver, "opt@example.com", "+4915199999999")
    driver.evaluate()
    assert told(driver) == {
        ("1", "email"): "opted_out",
        ("1", "sms"): "queued",
        ("2", "email"): "queued",
        ("2", "sms"): "opted_out",
    }


def test_an_opt_out_under_another_name_holds_for_what_waits_already(driver):
    driver.order("1", customer=customer("c5", email="Opt@Example.com"))
    driver.evaluate()
    opt_out(driver, "opt@example.com")
    assert driver.deliver().skipped == {"opted_out": 1}
    assert driver.transport.taken == []


@pytest.mark.both_databases
def test_a_fallback_respects_the_opt_out_of_another_customer_with_the_number(driver):
    driver.order(customer=customer("c1", **TEXTING, prefers="email"))
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: PermanentFailure("no such mailbox")))
    opt_out(driver, "+4915112345678")
    assert send_fallbacks(driver.context.with_run("r", DAY, noon(0)), "test", batch=50) == FallbackSummary(0, 1)


@pytest.mark.both_databases
def test_a_suppression_holds_for_an_address_in_any_spelling(driver):
    driver.order("1", customer=customer("c5", email="Opt@Example.com"))
    with driver.context.engine.begin() as connection:
        suppress(connection, {"opt@example.com": "asked"}, noon(0), "mara")
    assert len(driver.rows(SUPPRESSIONS)) == 1
    assert driver.evaluate().skipped == {"suppressed": 1}


@pytest.mark.both_databases
def test_staff_see_addresses_masked_as_they_were_read(driver):
    driver.order("1", customer=customer("c1", email="ANNA@Example.com", phone="0151 12345634", country="DE"))
    driver.order("2", customer=customer("c2", email="anna at example", phone="0171"))
    with read_only(driver.context.engine) as connection:
        context = driver.context.with_run("r", DAY, noon(0))
        first, second = (explain_order(context, connection, key)["customer"] for key in ("1", "2"))
    assert (first["email"], first["phone"]) == ("a…@example.com", "+49…34")
    assert (second["email"], second["phone"]) == ("ann…le", "…")


def test_a_customer_without_a_name_is_greeted_without_one(driver):
    for key, locale in (("1", "en"), ("2", "pt_BR")):
        driver.order(key, line(promised=-9), customer=replace(customer(f"c{key}", locale=locale), name=""))
    english, portuguese = sorted(driver.run_day(), key=lambda message: message.locale)
    assert (english.to_name, portuguese.to_name) == ("", "")
    assert english.text.startswith("Hello,\n")
    assert portuguese.text.startswith("Olá!\n")
    assert "<p>Hello,</p>" in english.html
    assert "<p>Olá!</p>" in portuguese.html
