"""The words that a customer reads fit what happened: a first date, goods that came, no date, a long list."""

import json
from dataclasses import replace
from datetime import date
from email import message_from_bytes
from email.policy import default

import pytest

from channels.local.outbox import LocalOutbox
from models.enums import ChangeKind
from models.errors import ForewarnError
from models.inventory import MAX_DAYS_AHEAD, known_day
from models.policy.messaging import ContactPolicy
from models.policy.policy import GOOD_NEWS, LATE_AGAIN, NEW_DATE, CalendarPolicy, DayCount, Policy
from models.policy.supply import RestockPolicy
from models.shipments import Parcel
from rules.delays.assess import assess_order, last_notice_after
from rules.delays.line_order import natural_key
from rules.delays.schedule import next_check_date
from rules.delays.working_days import Calendar
from tasks.inventory.overrides import set_override
from tasks.posts.compose import late_products
from tasks.reporting.explain_order import explain_order
from templates.rendering import sms
from templates.rendering.fitting import MAX_MAIL_BYTES
from templates.rendering.messages import Renderer
from templates.rendering.names import greeting_name, strip_control_chars
from tests.support.builders import CALENDAR, DAY, POLICY, day, heard, line, order, told
from tests.support.shop_driver import SHOP, noon
from tests.templates.test_messages import mail, sample, text

NO_GAP = Policy(contact=ContactPolicy(minimum_gap_days=0))
SENTINEL = date(2099, 12, 31)


def news(*lines, before, policy=POLICY):
    plan = assess_order(order(*lines, told=told(*before)), DAY, policy, CALENDAR).plan
    return (plan.change, plan.message) if plan else None


# A first date


@pytest.mark.parametrize("expected", [1, 20, 100])
@pytest.mark.parametrize("good_news", [True, False])
def test_a_first_date_is_told_plainly_whether_or_not_the_shop_tells_good_news(expected, good_news):
    policy = Policy(restock=RestockPolicy(good_news=good_news))
    before = [heard("long", promised=-20)]
    assert news(line(promised=-20, expected=expected), before=before, policy=policy) == (ChangeKind.DATED, NEW_DATE)


def test_a_first_date_so_late_that_the_bucket_is_worse_is_told_with_that_buckets_words_and_remedies():
    assert news(line(promised=-5, expected=40), before=[heard("week", promised=-5)]) == (ChangeKind.WORSE, "long")


def test_a_first_date_of_one_line_outweighs_an_earlier_one_of_another():
    lines = line(promised=-20, expected=9), line("2", promised=-20, expected=2)
    before = [heard("long", promised=-20), heard("long", "2", promised=-20, expected=30)]
    assert news(*lines, before=before) == (ChangeKind.DATED, NEW_DATE)


def test_a_first_date_waits_for_the_minimum_gap_and_is_told_once():
    facts = order(line(promised=-20, expected=9), told=told(heard("long", promised=-20), on=-1))
    assert assess_order(facts, DAY, POLICY, CALENDAR).plan is None
    plan = assess_order(facts, day(1), POLICY, CALENDAR).plan
    assert assess_order(replace(facts, told=last_notice_after(plan, POLICY)), day(5), POLICY, CALENDAR).plan is None


def test_a_customer_told_of_no_date_hears_the_first_one_without_a_word_of_sooner_or_a_second_offer(driver):
    driver.order("1041", line(promised=-16))
    (first,) = driver.run_day()
    assert "no new date yet" in first.subject
    driver.change("1041", on=5, expected_on=day(90))
    (second,) = driver.run_day(5)
    assert second.subject == "New date: now expected September 13 (order 1041)"
    for part in (second.subject, second.text, second.html):
        assert "sooner" not in part.lower()
        assert "good news" not in part.lower()
        assert "SORRY" not in part
        assert "Your code" not in part
    assert "Now we have one: we expect it to ship by September 13, 2026." in second.text
    assert driver.notices[-1]["change"] == ChangeKind.DATED


@pytest.mark.parametrize(
    ("locale", "whole", "part"),
    [
        ("en", "New date: now expected June 23 (order 10427)", "New date for part of it (order 10427)"),
        ("pt_BR", "Nova data: previsão 23 de junho (pedido 10427)", "Nova data para uma parte (pedido 10427)"),
        ("de", "Neuer Termin: 23. Juni (Bestellung 10427)", "Neuer Termin für einen Teil (Bestellung 10427)"),
        ("es", "Nueva fecha: el 23 de junio (pedido 10427)", "Nueva fecha para una parte (pedido 10427)"),
        ("fr", "Nouvelle date : le 23 juin (commande 10427)", "Nouvelle date pour une partie (commande 10427)"),
    ],
)
def test_a_first_date_of_a_part_alone_is_not_told_as_that_of_all(locale, whole, part):
    renderer, plan = Renderer(SHOP), sample("date known · none", NEW_DATE, locale)
    late = tuple(replace(late_line, expected_on=date(2026, 6, 23)) for late_line in plan.delay.late)
    plan = replace(plan, delay=replace(plan.delay, late=late, expected_on=date(2026, 6, 23)))
    assert mail(renderer, plan).subject == whole
    undated = replace(
        plan, delay=replace(plan.delay, late=(late[0], replace(late[1], expected_on=None)), expected_on=None)
    )
    assert mail(renderer, undated).subject == part
    assert {"de": "ein Teil"}.get(locale, "part") in text(renderer, undated)


def test_a_part_that_comes_sooner_is_not_told_as_the_whole_order():
    renderer, plan = Renderer(SHOP), sample("earlier date · none", GOOD_NEWS)
    known = told(heard("long", "1", promised=-20, expected=20), heard("long", "2", promised=-20, expected=-11))
    plan = replace(plan, delay=replace(plan.delay, order=replace(plan.delay.order, told=known), expected_on=day(20)))
    assert mail(renderer, plan).subject == "Good news: part of it comes sooner (order 10427)"
    assert "part of it will ship sooner than we told you" in mail(renderer, plan).text


# Goods that came


@pytest.mark.parametrize("before", [heard("week", promised=-8), heard("week", promised=-8, expected=-1)])
def test_goods_that_came_are_told_as_such_though_the_bucket_worsened_or_the_date_passed(before):
    assert news(line(promised=-8, expected=1, ready=True), before=[before]) == (ChangeKind.READY, GOOD_NEWS)


def test_goods_that_came_while_others_are_still_late_as_told_are_good_news_of_a_part():
    lines = line(promised=-8, expected=1, ready=True), line("2", promised=-5, expected=1)
    before = [heard("week", promised=-8), heard("week", "2", promised=-5, expected=1)]
    assert news(*lines, before=before) == (ChangeKind.READY, GOOD_NEWS)


def test_what_others_that_did_not_come_have_of_bad_news_goes_first_and_offers_nothing_for_what_lies_ready():
    lines = line(promised=-8, expected=1, ready=True), line("2", promised=-5, expected=20)
    before = [heard("week", promised=-8), heard("week", "2", promised=-5, expected=3)]
    assert news(*lines, before=before) == (ChangeKind.WORSE, "long")


def test_what_lies_ready_and_did_not_leave_in_time_is_not_told_as_come_again():
    before = [heard("week", promised=-8, expected=-1, ready=True)]
    assert news(line(promised=-8, ready=True), before=before) == (ChangeKind.WORSE, "fortnight")
    before = [heard("fortnight", promised=-8, expected=-1, ready=True)]
    assert news(line(promised=-8, ready=True), before=before) == (ChangeKind.PASSED, LATE_AGAIN)


def test_stock_that_went_and_came_back_is_told_as_here_with_the_date_that_was_not_kept():
    facts = order(
        line(promised=-8, expected=1, ready=True), told=told(heard("week", promised=-8, expected=-1, ready=True))
    )
    plan = assess_order(facts, DAY, NO_GAP, CALENDAR).plan
    assert (plan.change, plan.told_date) == (ChangeKind.READY, day(-1))
    assert assess_order(replace(facts, told=last_notice_after(plan, POLICY)), DAY, NO_GAP, CALENDAR).plan is None
    written = mail(Renderer(SHOP), replace(sample("goods there · none", GOOD_NEWS), told_date=day(-1)))
    assert "We had told you June 14, 2026, and we are sorry that we did not keep that date." in written.text
    assert "delayed again" not in written.text.lower()


# A date that is none


@pytest.mark.parametrize(
    ("given", "known"),
    [(None, None), (day(MAX_DAYS_AHEAD), day(MAX_DAYS_AHEAD)), (day(MAX_DAYS_AHEAD + 1), None), (SENTINEL, None)],
)
def test_a_date_over_two_years_after_the_order_is_a_placeholder(given, known):
    assert known_day(given, DAY) == known


def test_a_placeholder_is_told_as_no_date_and_makes_no_line_late(driver):
    driver.order("1041", line(promised=-9), placed=-20)
    driver.order("1042", line(promised=9), placed=-20)
    for key in ("1041", "1042"):
        driver.change(key, expected_on=SENTINEL)
    (only,) = driver.run_day()
    assert only.subject == "Delayed: no new date yet (order 1041)"
    assert "2099" not in only.text + only.html
    with driver.context.engine.connect() as connection:
        context = replace(driver.context, policy=Policy.model_validate({"posts": {"orders": 1}}))
        (post,) = late_products(context, connection, DAY)
    assert (post.orders, post.expected_on) == (1, None)


def test_a_line_promised_for_a_placeholder_counts_from_its_order_as_one_without_a_promise(driver):
    driver.order("1041", line(), placed=-40)
    driver.change("1041", promised_on=SENTINEL)
    (only,) = driver.run_day()
    assert "promised to ship by June 5, 2026" in only.text
    with driver.context.engine.connect() as connection:
        context = replace(driver.context, policy=Policy.model_validate({"posts": {"orders": 1}}))
        assert [product.days for product in late_products(context, connection, DAY)] == [10]


def test_staff_cannot_say_a_placeholder(driver):
    driver.order()
    context = driver.context.with_run("test", DAY, noon(0))
    with pytest.raises(ForewarnError, match=rf"2099-12-31 is too far ahead.*{day(MAX_DAYS_AHEAD)} or sooner"):
        set_override(context, "1041", "1", SENTINEL, "Kim")


# The order's own order


@pytest.mark.parametrize(
    ("numbers", "listed"),
    [
        (["10", "2", "1", "100"], ["1", "2", "10", "100"]),
        (["L10", "L9", "b", "7"], ["7", "L9", "L10", "b"]),
        (["1.10", "1.9", "1"], ["1", "1.9", "1.10"]),
    ],
)
def test_lines_are_sorted_as_people_count(numbers, listed):
    assert sorted(numbers, key=natural_key) == listed


def test_mail_and_explain_list_lines_as_the_order_does(driver):
    driver.order("1041", *(line(str(n), promised=-9 - n) for n in (10, 2, 1)))
    (only,) = driver.run_day()
    places = [only.text.index(f"Lamp {n}\n") for n in (1, 2, 10)]
    assert places == sorted(places)
    with driver.context.engine.connect() as connection:
        story = explain_order(driver.context.with_run("test", DAY, noon(0)), connection, "1041")
    assert [entry["line"] for entry in story["lines"]] == ["1", "2", "10"]


# Names


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("محمد علی\u200cرضا", "محمد علی\u200cرضا"),
        ("👨\u200d👩\u200d👧\u200d👦 set", "👨\u200d👩\u200d👧\u200d👦 set"),
        ("❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"),
        ("👩🏽\u200d💻", "👩🏽\u200d💻"),
        ("ക\u0d4d\u200d", "ക\u0d4d\u200d"),
        (
            "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
            "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        ),
        ("An\u200dna \u200cK\u200b", "Anna K"),
        ("\u200dA\u00ad\ufeff\u202eB\u2066", "AB"),
        ("x\U000e0041\U000e0042", "x"),
        ("علی\u200c\u200c\u200cرضا", "علی\u200cرضا"),
    ],
)
def test_joiners_stay_where_spelling_or_an_emoji_needs_them_and_nothing_else_unseen_does(name, kept):
    assert strip_control_chars(name) == kept


def test_a_text_keeps_the_joiners_of_a_name_that_is_no_cheaper_without_them():
    assert sms.plain_punctuation("علی\u200cرضا") == "علی\u200cرضا"
    assert sms.plain_punctuation("Mug\u200d \ufe0f!") == "Mug !"


HELLO = [("en", "Hello,"), ("pt_BR", "Olá!"), ("de", "Guten Tag,"), ("es", "Hola:"), ("fr", "Bonjour,")]


@pytest.mark.parametrize(
    "name",
    [
        "http://evil.example",
        "Win EUR 500 at https://evil.example/x now",
        "www.evil",
        "evil.example/x",
        "See EVIL.COM!",
        "evil．com",
        "evil。com",
        "a@b",
        "10.0.0.1/x",
        "пример.рф",
        "evil.\u200bcom",
    ],
)
@pytest.mark.parametrize(("locale", "hello"), HELLO)
def test_a_name_that_is_an_address_is_neither_greeted_nor_written_to(name, locale, hello):
    plan = sample("date known · none", locale=locale)
    customer = replace(plan.delay.order.customer, name=name)
    plan = replace(plan, delay=replace(plan.delay, order=replace(plan.delay.order, customer=customer)))
    renderer = Renderer(SHOP)
    written = mail(renderer, plan)
    assert written.to_name == ""
    assert written.text.startswith(f"{hello}\n")
    assert "evil" not in (written.text + written.html + text(renderer, plan)).lower()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("J.R.R. Tolkien", "J.R.R. Tolkien"),
        ("Anna K. Keller", "Anna K. Keller"),
        ("Müller GmbH & Co. KG", "Müller GmbH & Co. KG"),
        ("Dr. Eva Stein, c/o Novak", "Dr. Eva Stein, c/o Novak"),
        ("Long " * 30, "Long " * 10 + "Long…"),
    ],
)
def test_any_other_name_is_greeted_and_ends_after_sixty_characters(name, shown):
    assert greeting_name(name) == shown
    assert len(greeting_name(name)) <= 60


# Long orders, long words


def many(count: int, message="long", locale="en", *, on_time=0):
    """Return a plan of so many late lines, each with a long name, a picture and links."""
    plan = sample("date known · substitute", message, locale)
    late_line = plan.delay.late[0]
    lines = [
        replace(
            late_line.line,
            number=str(n),
            product=replace(
                late_line.line.product, id=f"p{n}", name=f"Thing {n} " + "w" * 60, image="https://a.example/" + "i" * 90
            ),
        )
        for n in range(1, count + on_time + 1)
    ]
    late = tuple(replace(late_line, line=line) for line in lines[:count])
    facts = replace(plan.delay.order, lines=tuple(lines))
    delay = replace(plan.delay, order=facts, late=late, on_time=tuple(lines[count:]))
    return replace(
        plan, delay=delay, substitutes=tuple(replace(plan.substitutes[0], line=line) for line in lines[:count])
    )


@pytest.mark.parametrize(
    ("locale", "rest"),
    [
        ("en", "and 276 more items. See them all on "),
        ("pt_BR", "e mais 276 itens. Veja todos na "),
        ("de", "und 276 weitere Artikel. Sie sehen alle auf "),
        ("es", "y 276 artículos más. Puede verlos todos en "),
        ("fr", "et 276 autres articles, tous à voir sur "),
    ],
)
@pytest.mark.parametrize("message", ["long", LATE_AGAIN, NEW_DATE, GOOD_NEWS])
def test_a_mail_of_three_hundred_late_lines_names_the_first_and_says_how_many_more_there_are(message, locale, rest):
    written = mail(Renderer(SHOP), many(300, message, locale) if message != GOOD_NEWS else replace(
        many(300, "long", locale), message=GOOD_NEWS, change=ChangeKind.READY
    ))  # fmt: skip
    for part in (written.text, written.html):
        assert len(part.encode()) <= MAX_MAIL_BYTES
        assert rest in part
        assert "Thing 24 " in part
        assert "Thing 25 " not in part
        assert "https://lamps.example.com/orders/10427" in part


def test_a_mail_that_is_too_long_all_the_same_shows_fewer():
    plan = many(300, on_time=300)
    plan = replace(plan, parcels=tuple(Parcel(tuple(str(n) for n in range(1, 301)), None) for _ in range(9)))
    written = mail(Renderer(SHOP), plan)
    assert len(written.html.encode()) <= MAX_MAIL_BYTES
    assert "more items. See them all on " in written.html


def test_a_shops_own_words_that_list_all_are_cut_rather_than_refused(tmp_path):
    (tmp_path / "long").mkdir()
    (tmp_path / "long" / "body.en.html").write_text("{% for item in late %}<p>{{ item.product.name }}</p>{% endfor %}")
    written = mail(Renderer(SHOP, tmp_path), many(3_000))
    assert "Thing 2 " in written.html
    assert "Thing 3 " not in written.html
    assert len(written.html.encode()) <= MAX_MAIL_BYTES


@pytest.mark.parametrize("message", ["short", "week", "fortnight", "long", LATE_AGAIN, NEW_DATE])
def test_the_subject_has_the_fact_before_an_id_however_long_and_the_title_ends_in_time(message):
    plan = sample("date known · none", message)
    long_id = "e481f51cbdc54678b7cc49136f2d6af7"
    plan = replace(plan, delay=replace(plan.delay, order=replace(plan.delay.order, id=long_id)))
    written = mail(Renderer(SHOP), plan)
    assert written.subject.endswith(f" (order {long_id})")
    assert "June" in written.subject.partition(long_id)[0]
    assert written.subject.partition(":")[0] in {
        "A little late", "Late", "Delayed", "Long delay", "Delayed again", "New date",
    }  # fmt: skip
    title = written.html.partition("<title>")[2].partition("</title>")[0]
    assert len(title) <= 70


def test_the_outboxs_subject_begins_on_its_own_line(tmp_path):
    import asyncio

    plan = sample("date known · none", locale="pt_BR")
    message = replace(mail(Renderer(SHOP), plan), subject="Atraso maior: pedido 10427, nova previsão 14 de junho " * 2)
    asyncio.run(LocalOutbox(tmp_path, SHOP.sender).send(message))
    (kept,) = tmp_path.rglob("*.eml")
    (head,) = [row for row in kept.read_bytes().split(b"\n") if row.startswith(b"Subject:")]
    assert head.startswith(b"Subject: =?utf-8?")
    assert message_from_bytes(kept.read_bytes(), policy=default)["Subject"].strip() == message.subject.strip()
    (record,) = tmp_path.rglob("*.json")
    assert json.loads(record.read_text())["subject"] == message.subject


# Looks


def test_what_turns_unknown_on_a_weekend_is_looked_for_there_where_working_days_count():
    policy = Policy(days=CalendarPolicy(count=DayCount.WORKING))
    calendar = Calendar(policy.days)
    friday = 4  # DAY is a Monday
    lines = line(promised=friday, expected=friday), line("2", promised=-20, expected=30)
    known = told(heard("week", promised=friday, expected=10), heard("long", "2", promised=-20, expected=30))
    facts = order(*lines, told=known)
    assert next_check_date(facts, facts.told, day(friday), policy, calendar) == day(friday + 1)
    plan = assess_order(facts, day(friday + 1), policy, calendar).plan
    assert (plan.change, day(friday + 1).strftime("%A")) == (ChangeKind.SLIPPED, "Saturday")
