"""Each act on an order: what its page says, what happens then, its form sent twice, and its undo."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from channels.transport import PermanentFailure
from models.config.shop import OrderPages
from models.enums import State
from tasks.callbacks.people import STOPPED
from tasks.customers.links import list_links, revoke_links
from tasks.db.sql import read_only
from tasks.delivery.fallback import send_fallbacks
from tasks.delivery.queue import LeaseHolder
from tasks.notices.suppressions import suppress
from tasks.orders.instructions import hold_order, release_order
from tasks.reporting.check_ledger import check_ledger
from tasks.staff.audit import entries
from tasks.tables import (
    AUDIT_ENTRIES,
    CUSTOMER_ANSWERS,
    CUSTOMER_CHOICES,
    CUSTOMER_MAILS,
    NOTICES,
    OFFERS,
    ORDER_INSTRUCTIONS,
    ORDER_NOTES,
    OUTBOX,
    SUPPRESSIONS,
)
from tests.support.builders import ANNA, day, line
from tests.support.delivery import mark_due
from tests.support.desk import desk_client
from tests.support.shop_driver import SHOP, FakeTransport, noon, renderer_of, with_renderer

pytestmark = pytest.mark.sqlite_suffices(
    "its queries run on both databases in test_every_route.py and in the tests of what it calls"
)

PAGES = SHOP.model_copy(update={"order_pages": OrderPages(url="https://orders.lamps.example.com")})
PHONE = replace(ANNA, phone="+4915112345678", sms_consent=True)
ACTS = ("answer", "date", "again", "note", "hold", "mute", "critical", "shipment", "link", "show")


@pytest.fixture
def shop(driver):
    """Return a driver with order pages, and an order of two items of which one is late."""
    driver.context = with_renderer(replace(driver.context, shop=PAGES, link_key=b"k" * 32), renderer_of(PAGES))
    driver.order("1041", line("1", promised=-6, expected=5), line("2", promised=6), customer=PHONE)
    yield driver
    with read_only(driver.context.engine) as connection:
        assert check_ledger(connection) == []


@pytest.fixture
def told(shop):
    shop.run_day()
    assert [message.to for message in shop.transport.taken] == [PHONE.email, PHONE.phone]
    return shop


@pytest.fixture
def mara(shop):
    return desk_client(shop.context, "service", name="Mara", now=noon(0))


def act(client, name, data=None, query=""):
    """Ask and do; return the page after it."""
    path = f"/desk/orders/1041/{name}"
    return client.send(client.form(f"{path}{query}", path), data)


def done(client, name, data=None, query=""):
    answer = act(client, name, data, query)
    assert answer.status == 303, answer.text
    assert answer.location.startswith("/desk/orders/1041?done=")
    return int(answer.location.partition("done=")[2])


def undo(client, number):
    return client.post(f"/desk/log/{number}/undo")


def log(shop):
    with read_only(shop.context.engine) as connection:
        return [f"{entry.who} {entry.what}" for entry in entries(connection)][::-1]


@pytest.mark.parametrize("name", ACTS)
def test_each_act_asks_before_it_does_anything(told, mara, name):
    page = mara.get(f"/desk/orders/1041/{name}")
    assert page.status == 200, page.text
    assert "?" in page.text
    assert told.rows(AUDIT_ENTRIES) == []


@pytest.mark.parametrize("name", ACTS)
def test_an_unknown_order_is_not_found(shop, mara, name):
    assert mara.get(f"/desk/orders/1%2F4/{name}").status == 404


@pytest.mark.parametrize("name", ACTS)
def test_who_may_only_read_cannot_act(told, name):
    assert desk_client(told.context, "read", now=noon(0)).get(f"/desk/orders/1041/{name}").status == 403


# Hold.


def test_nothing_about_a_held_order_is_decided(shop, mara):
    done(mara, "hold", {"why": "the warehouse looks for it"})
    assert log(shop) == ["Mara held order 1041: nothing about it leaves until it is released"]
    says = mara.get("/desk/orders/1041").text
    assert "Nobody was told: the order is 11 days late, and it is held. Mara holds this order since 15 June." in says
    shop.run_day()
    shop.run_day(1)
    assert shop.transport.taken == []
    assert shop.notices == []
    assert shop.watch()["bucket"] == "fortnight"


def test_what_waits_stays_while_the_order_is_held_and_leaves_once_it_is_released(shop, mara):
    shop.evaluate()
    assert "2 messages wait and stay." in mara.get("/desk/orders/1041/hold").text
    number = done(mara, "hold")
    shop.deliver()
    assert shop.transport.taken == []
    assert undo(mara, number).status == 303
    shop.deliver()
    assert len(shop.transport.taken) == 2
    assert log(shop)[-1] == "Mara released order 1041"
    assert shop.rows(ORDER_INSTRUCTIONS) == []


@pytest.mark.both_databases
def test_an_order_is_held_once(shop, mara):
    form = mara.form("/desk/orders/1041/hold")
    first, second = mara.send(form), mara.send(form)
    assert first.location == second.location
    page = mara.get("/desk/orders/1041/hold")
    assert page.status == 409
    assert "Mara holds this order since Mon 15 Jun, 12:00." in page.text
    assert "Release this order" in page.text
    number = first.location.partition("done=")[2]
    assert f"/desk/log/{number}/undo" in page.html
    assert len(log(shop)) == 1


def test_a_failed_message_of_a_held_order_gets_no_second_way_before_its_release(shop, mara):
    shop.customer(PHONE.id, prefers="email")
    shop.evaluate()
    held = []

    def fails(message):
        with shop.context.engine.begin() as connection:
            held.append(hold_order(connection, "1041", noon(0), "Mara"))
        return PermanentFailure("no such mailbox")

    shop.deliver(transport=FakeTransport(fails))
    assert held == [0]
    while send_fallbacks(shop.context, "test", batch=10):
        pass
    assert [row["state"] for row in shop.notices] == [State.REJECTED]
    with shop.context.engine.begin() as connection:
        release_order(connection, "1041", day(0))
    send_fallbacks(shop.context, "test", batch=10)
    assert [row["channel"] for row in shop.notices if row["state"] == State.QUEUED] == ["sms"]


# Time-critical.


def test_a_time_critical_order_is_told_from_the_first_day_late_on(driver):
    driver.order("1041", line(promised=0, expected=2))
    driver.run_day()
    assert driver.transport.taken == []
    mara = desk_client(driver.context, "service", name="Mara", now=noon(0) - timedelta(minutes=5))
    says = mara.get("/desk/orders/1041/critical").text
    assert "Anna Keller gets a mail at the next run, because the customer does not know of the delay." in says
    number = done(mara, "critical")
    assert len(driver.run_day()) == 1
    assert driver.run_day(1) == []
    refused = undo(mara, number)
    assert refused.status == 409
    assert "A message has left since." in refused.text


def test_an_order_that_is_not_time_critical_any_more_waits_for_the_threshold(driver):
    driver.order("1041", line(promised=0, expected=2))
    mara = desk_client(driver.context, "service", name="Mara", now=noon(0))
    assert undo(mara, done(mara, "critical")).status == 303
    assert driver.run_day() == []


# A note.


@pytest.mark.both_databases
def test_a_note_goes_with_the_next_message_by_each_of_its_ways_and_with_no_other_one(shop, mara):
    assert "gets a mail and a text at the next run, with your note." in mara.get("/desk/orders/1041/note").text
    done(mara, "note", {"note": "Your <lamp> is packed first. Mara"})
    mail, text = shop.run_day()
    assert "<p>Your &lt;lamp&gt; is packed first. Mara</p>" in mail.html
    assert "Your <lamp> is packed first. Mara" in mail.text
    assert text.text.endswith("Your <lamp> is packed first. Mara")
    shop.change("1041", expected_on=day(30))
    later = [message for n in range(1, 9) for message in shop.run_day(n)]
    assert later
    assert not any("packed first" in message.text for message in later)


def test_a_note_is_shown_in_the_message_before_it_is_kept(shop, mara):
    page = act(mara, "note", {"note": "Dear 😀 Anna", "step": "show"})
    assert page.status == 200
    assert "Text of 1 part, 11 characters." in page.text
    assert shop.rows(ORDER_NOTES) == []


def test_a_message_that_waits_is_written_again_with_the_note(shop, mara):
    shop.evaluate()
    assert "A message waits. It is written again with your note" in mara.get("/desk/orders/1041/note").text
    done(mara, "note", {"note": "We look into it."})
    shop.deliver()
    shop.evaluate()
    shop.deliver()
    assert ["We look into it." in message.text for message in shop.transport.taken] == [True, True]


def test_a_note_is_taken_back_until_it_has_left(shop, mara):
    number = done(mara, "note", {"note": "We look into it."})
    assert mara.get("/desk/orders/1041/note").status == 409
    assert undo(mara, number).status == 303
    assert not any("look into" in message.text for message in shop.run_day())


def test_a_note_that_has_left_stays(shop, mara):
    number = done(mara, "note", {"note": "We look into it."})
    shop.run_day()
    refused = undo(mara, number)
    assert refused.status == 409
    assert "has left" in refused.text


def test_a_note_leaves_by_itself_where_no_message_is_due(told, mara):
    assert "No message to Anna Keller is due now." in mara.get("/desk/orders/1041/note").text
    done(mara, "note", {"note": "I called the vendor for you.", "step": "now"})
    told.deliver()
    mail = told.transport.taken[-1]
    assert (mail.to, mail.category) == (PHONE.email, "staff_note")
    assert "I called the vendor for you." in mail.text
    assert "I called the vendor for you." in mail.html
    told.change("1041", expected_on=day(30))
    assert not any("vendor for you" in message.text for n in range(1, 9) for message in told.run_day(n))


@pytest.mark.parametrize(("note", "wrong"), [("", "Write the note."), ("x" * 301, "The note has 301 characters")])
def test_a_note_has_words_and_a_limit(shop, mara, note, wrong):
    page = act(mara, "note", {"note": note})
    assert page.status == 422
    assert wrong in page.text


# Again.


def test_the_last_message_is_sent_again_to_a_new_address_once(told, mara):
    form = mara.form("/desk/orders/1041/again?by=email", "/desk/orders/1041/again")
    first = mara.send(form, {"address": "Anna.New@Example.com"})
    assert first.status == 303, first.text
    assert mara.send(form, {"address": "Anna.New@Example.com"}).location == first.location
    told.deliver()
    original, _, again = told.transport.taken
    assert again.to == "anna.new@example.com"
    assert (again.subject, again.category) == (original.subject, "again")
    assert log(told)[-1].startswith("Mara asked for the last message about order 1041 again, as a mail to a…@example")
    (row,) = told.rows(CUSTOMER_MAILS)
    assert (row["asked_by"], row["repeats"]) == ("Mara", told.notices[0]["id"])
    assert told.run_day(1) == []


def test_the_same_message_does_not_go_to_the_same_address_again(told, mara):
    page = act(mara, "again", {}, "?by=email")
    assert page.status == 422
    assert "It went to this mail address already." in page.text


def test_a_message_that_came_back_is_sent_again_by_text(driver):
    driver.context = with_renderer(replace(driver.context, shop=PAGES, link_key=b"k" * 32), renderer_of(PAGES))
    driver.order("1041", line(promised=-4, expected=1), customer=PHONE)
    driver.run_day()
    mara = desk_client(driver.context, "service", name="Mara", now=noon(0))
    page = mara.get("/desk/orders/1041/again?by=sms")
    assert "Text of 1 part" in page.text
    done(mara, "again", {}, "?by=sms")
    driver.deliver()
    assert [message.channel for message in driver.transport.taken] == ["email", "sms"]
    assert driver.transport.taken[1].to == PHONE.phone


@pytest.mark.parametrize(
    ("facts", "by", "says"),
    [
        ({"sms_consent": False}, "sms", "no consent to texts"),
        ({"opted_out": True}, "email", "wants no messages about orders"),
    ],
)
def test_consent_and_opting_out_hold_for_what_is_sent_again(told, mara, facts, by, says):
    told.customer(PHONE.id, **facts)
    page = act(mara, "again", {"address": "+49 151 99999999" if by == "sms" else "new@example.com"}, f"?by={by}")
    assert page.status == 422
    assert says in page.text


def test_who_opts_out_after_all_does_not_get_it(told, mara):
    done(mara, "again", {"address": "new@example.com"}, "?by=email")
    told.customer(PHONE.id, opted_out=True)
    told.deliver()
    assert len(told.transport.taken) == 2


def test_a_message_that_is_not_true_any_more_is_not_sent_again(told, mara):
    form = mara.form("/desk/orders/1041/again?by=email", "/desk/orders/1041/again")
    told.change("1041", expected_on=day(30))
    refused, page = mara.send(form, {"address": "new@example.com"}), mara.get("/desk/orders/1041/again")
    assert (refused.status, page.status) == (422, 200)
    assert all("is not so any more" in each.text for each in (refused, page))
    assert "New mail address" not in page.text


@pytest.mark.both_databases
def test_any_message_of_the_order_is_sent_again_from_its_own_page(told, mara):
    text = next(row for row in told.notices if row["channel"] == "sms")
    number = 1 + [row["id"] for row in sorted(told.notices, key=lambda row: row["channel"])].index(text["id"])
    assert f"again?message={number}&amp;to=other" in mara.get(f"/desk/orders/1041/messages/{number}").html
    page = mara.get(f"/desk/orders/1041/again?message={number}&to=other")
    assert f'value="{text["id"]}" checked' in page.html
    done(mara, "again", {"address": "+49 151 23456780"}, f"?message={number}&to=other")
    told.deliver()
    again = told.transport.taken[-1]
    assert (again.channel, again.to, again.text) == ("sms", "+4915123456780", told.transport.taken[1].text)
    assert told.rows(CUSTOMER_MAILS)[0]["repeats"] == text["id"]


def test_a_message_older_than_those_that_are_listed_is_sent_again_too(told, mara):
    first = told.notices[0]
    with told.context.engine.begin() as connection:
        notice, state = (
            dict(connection.execute(select(table).where(table.c.id == first["id"])).mappings().one())
            for table in (NOTICES, OUTBOX)
        )
        for n in range(25):
            connection.execute(insert(NOTICES).values(notice | {"id": f"later-{n}", "revision": 100 + n}))
            connection.execute(insert(OUTBOX).values(state | {"id": f"later-{n}"}))
    page = mara.get(f"/desk/orders/1041/again?message={first['id']}&to=other")
    assert "Send this message again?" in page.text
    done(mara, "again", {"address": "anna.new@example.com"}, f"?message={first['id']}&to=other")
    with told.context.engine.begin() as connection:
        for table in (OUTBOX, NOTICES):
            connection.execute(delete(table).where(table.c.id.startswith("later-")))


def test_an_earlier_message_that_is_so_again_can_be_sent_and_one_that_is_not_cannot(told, mara):
    first = told.notices[0]["id"]
    told.change("1041", expected_on=day(40))
    told.run_day(4)
    last = next(row["id"] for row in told.notices if row["revision"] == 2)
    mara = desk_client(told.context, "service", name="Mara", now=noon(4))
    refused = mara.get(f"/desk/orders/1041/again?message={first}")
    assert "is not so any more" in refused.text
    assert f'value="{last}"' in refused.html
    assert "Not so any more: " in refused.text
    told.change("1041", expected_on=day(5))
    page = mara.get("/desk/orders/1041/again?by=email").text
    assert "Send this message again?" in page
    assert "got other messages about this order after it." in page
    assert "What is sent to a new address" in page
    done(mara, "again", {"address": "new@example.com"}, "?by=email")
    assert "Mara asked for the message of " in log(told)[-1]
    told.deliver(4)
    assert told.transport.taken[-1].to == "new@example.com"


def test_a_message_is_sent_again_with_a_link_that_works(told, mara):
    (old,) = {row["link_id"] for row in told.notices if row["link_id"]}
    with told.context.engine.begin() as connection:
        revoke_links(connection, ["1041"], noon(0), "Mara", "it went to a stranger")
    done(mara, "again", {"address": "new@example.com"}, "?by=email")
    new = told.rows(CUSTOMER_MAILS)[0]["link_id"]
    with read_only(told.context.engine) as connection:
        works = {link["id"]: link["works"] for link in list_links(told.context, connection, "1041", noon(0))}
    assert works == {old: False, new: True}


def test_a_message_whose_discount_has_ended_is_not_sent_again(told, mara):
    (mail,) = [row for row in told.notices if row["channel"] == "email"]
    (code,) = [row["code"] for row in told.rows(OFFERS)]
    assert code in mail["text"]
    page = f"/desk/orders/1041/again?message={mail['id']}"
    assert "is not so any more" not in mara.get(page).text
    with told.context.engine.begin() as connection:
        connection.execute(update(OFFERS).values(expires_on=day(-1)))
    assert "What this message says is not so any more." in mara.get(page).text


def test_a_message_of_another_order_is_not_sent_again(told, mara):
    assert mara.get("/desk/orders/1041/again?message=9").status == 409
    assert mara.get("/desk/orders/1041/again?message=elsewhere").status == 409


@pytest.mark.both_databases
def test_it_is_sent_again_to_an_address_once_whoever_asks(told, mara):
    jan = desk_client(told.context, "service", name="Jan", now=noon(0))
    form = jan.form("/desk/orders/1041/again?by=email", "/desk/orders/1041/again")
    done(mara, "again", {"address": "new@example.com"}, "?by=email")
    page = jan.send(form, {"address": "New@example.com"})
    assert page.status == 422
    assert "It was sent again to this mail address already." in page.text


def test_what_waits_or_went_by_the_other_channel_is_not_sent_again_by_it(told, mara):
    page = act(mara, "again", {}, "?by=sms")
    assert page.status == 422
    assert "It went to this number already." in page.text
    with told.context.engine.begin() as connection:
        text = (OUTBOX.c.channel == "sms",)
        connection.execute(update(OUTBOX).where(*text).values(state=State.QUEUED, settled_at=None))
    page = act(mara, "again", {}, "?by=sms")
    assert "A text that says it waits already" in page.text
    with told.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).where(*text).values(state=State.SENT, settled_at=noon(0)))


def test_what_a_second_way_is_tried_for_is_not_sent_again(shop, mara):
    shop.customer(PHONE.id, prefers="email")
    shop.evaluate()
    shop.deliver(transport=FakeTransport(lambda _: PermanentFailure("no such mailbox")))
    page = act(mara, "again", {}, "?by=sms")
    assert page.status == 422
    assert "Another way is tried by itself" in page.text


def test_what_is_sent_again_does_not_leave_once_it_is_not_so_any_more(told, mara):
    done(mara, "again", {"address": "new@example.com"}, "?by=email")
    told.change("1041", expected_on=day(30))
    told.deliver()
    assert len(told.transport.taken) == 2
    (row,) = [one for one in told.rows(OUTBOX) if one["id"] == told.rows(CUSTOMER_MAILS)[0]["id"]]
    assert (row["state"], row["reason"]) == ("skipped", "changed")


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("name", "data", "query"),
    [
        ("again", {"address": "new@example.com"}, "?by=email"),
        ("note", {"note": "I called for you.", "step": "now"}, ""),
        ("link", {}, ""),
    ],
)
def test_nothing_is_queued_beside_somebody_who_holds_the_order(told, mara, name, data, query):
    path = f"/desk/orders/1041/{name}"
    form = mara.form(f"{path}{query}", path)
    with ThreadPoolExecutor() as pool:
        with told.context.engine.begin() as connection:
            hold_order(connection, "1041", noon(0), "Jan")
            sent = pool.submit(mara.send, form, data)
            with pytest.raises(TimeoutError):
                sent.result(timeout=1)
        refused = sent.result(timeout=30)
    assert refused.status == 409
    assert "Jan holds this order." in refused.text
    assert told.rows(CUSTOMER_MAILS) == []


def test_what_was_sent_again_is_taken_back_until_it_leaves(told, mara):
    number = done(mara, "again", {"address": "new@example.com"}, "?by=email")
    assert undo(mara, number).status == 303
    told.deliver()
    assert len(told.transport.taken) == 2
    number = done(mara, "again", {"address": "newer@example.com"}, "?by=email")
    told.deliver()
    assert undo(mara, number).status == 409


# Stop writing.


def test_a_person_is_not_written_to_until_it_is_undone(shop, mara):
    shop.order("1042", line(promised=-6, expected=5), customer=PHONE)
    assert "1 other open order will be silent too." in mara.get("/desk/orders/1041/mute").text
    shop.evaluate()
    number = done(mara, "mute", {"what": "both", "why": "asked by phone"})
    shop.deliver()
    shop.run_day(1)
    assert shop.transport.taken == []
    assert undo(mara, number).status == 303
    assert shop.rows(SUPPRESSIONS) == []
    assert {message.to for message in shop.run_day(2)} == {PHONE.email, PHONE.phone}


def test_only_texts_can_be_stopped(shop, mara):
    done(mara, "mute", {"what": "texts"})
    assert [message.channel for message in shop.run_day()] == ["email"]
    page = mara.get("/desk/orders/1041/mute").text
    assert "Mails only" in page
    assert "Texts only" not in page
    assert "Texts are stopped already." in page
    assert "Let messages go again" in page
    story = mara.get("/desk/orders/1041").text
    assert "the number is on the do-not-write list" in story.lower()
    assert "Consented to texts" not in story
    assert "Stopped writing to somebody" in mara.get("/desk/log").text


def test_undoing_gives_back_nothing_that_the_customer_stopped_since(shop, mara):
    number = done(mara, "mute", {"what": "texts"})
    with shop.context.engine.begin() as connection:
        suppress(connection, {PHONE.phone: STOPPED}, noon(0), "callbacks")
    refused = undo(mara, number)
    assert refused.status == 409
    assert [row["reason"] for row in shop.rows(SUPPRESSIONS)] == [STOPPED]


# A date.


def test_a_date_says_who_gets_a_message_and_so_it_is(told, mara):
    page = mara.get(f"/desk/orders/1041/date?line=1&day={day(7)}")
    assert "Set the expected date to Mon 22 Jun?" in page.text
    assert "Anna Keller gets" in page.text
    number = done(mara, "date", {"why": "the vendor rang"}, f"?line=1&day={day(7)}")
    assert log(told) == ["Mara set the expected date of order 1041, Lamp 1, from Sat 20 Jun to Mon 22 Jun"]
    assert told.run_day(5)
    assert told.told().lines[0].expected_on == day(7)
    late = desk_client(told.context, "service", now=noon(5))
    refused = undo(late, number)
    assert refused.status == 409
    assert "A message has left" in refused.text


@pytest.mark.both_databases
def test_a_date_is_taken_back_while_nothing_has_left(shop, mara):
    shop.run_day()
    number = done(mara, "date", {}, f"?line=1&day={day(20)}")
    assert undo(mara, number).status == 303
    assert [message for n in range(1, 5) for message in shop.run_day(n)] == []


@pytest.mark.both_databases
@pytest.mark.parametrize(("name", "query"), [("date", f"?line=1&day={day(20)}"), ("critical", "")])
def test_nothing_is_taken_back_beside_a_worker_that_takes_a_message(shop, mara, name, query):
    shop.evaluate()
    number = done(mara, name, {}, query)
    with ThreadPoolExecutor() as pool:
        with shop.context.engine.begin() as connection:
            mark_due(connection, LeaseHolder("w", timedelta(minutes=10)), noon(0) + timedelta(minutes=1), ["email"])
            waiting = pool.submit(undo, mara, number)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=1)
        refused = waiting.result(timeout=30)
    assert refused.status == 409
    assert "A message has left" in refused.text


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (f"?line=1&day={day(-1)}", "has passed"),
        ("?line=1&day=soon", "Enter a date"),
        (f"?day={day(3)}", "Choose the item."),
        (f"?line=9&day={day(3)}", "not open any more"),
    ],
)
def test_a_date_that_cannot_be_is_refused_before_anything_is_set(told, mara, query, says):
    assert says in mara.get(f"/desk/orders/1041/date{query}").text


# An answer.


@pytest.mark.both_databases
def test_an_answer_given_on_the_phone_is_recorded_with_its_amount_and_taken_back(told, mara):
    form = mara.form("/desk/orders/1041/answer")
    (value,) = [one for one in form.options["choice"] if one.startswith("cancel|") and one.endswith("|late")]
    assert "Anna Keller gets €40.00 back." in mara.get("/desk/orders/1041/answer").text
    first = mara.send(form, {"choice": value})
    assert first.status == 303, first.text
    assert mara.send(form, {"choice": value}).location == first.location
    (choice,) = told.rows(CUSTOMER_CHOICES)
    assert (choice["made_by"], choice["lines"]) == ("Mara", ["1"])
    assert "€40.00 back" in log(told)[-1]
    assert undo(mara, int(first.location.partition("done=")[2])).status == 303
    assert [row["state"] for row in told.rows(CUSTOMER_CHOICES)] == ["undone"]


def test_an_answer_needs_a_choice(told, mara):
    page = act(mara, "answer", {})
    assert page.status == 422
    assert "Choose what Anna Keller said." in page.text


def test_an_answer_after_another_one_is_refused(told, mara):
    form, again = mara.form("/desk/orders/1041/answer"), mara.form("/desk/orders/1041/answer")
    value = next(one for one in form.options["choice"] if one.startswith("wait|"))
    mara.send(form, {"choice": value})
    refused = mara.send(again, {"choice": value})
    assert refused.status == 409
    assert "answered meanwhile" in refused.text


# How it is sent, the link, the doubt, the addresses.


@pytest.mark.both_databases
def test_how_an_order_is_sent_is_saved_and_taken_back(told, mara):
    number = done(mara, "shipment", {"how": "complete"})
    assert [row["value"] for row in told.rows(CUSTOMER_ANSWERS)] == ["complete"]
    assert "Now it is sent all together" in mara.get("/desk/orders/1041/shipment").text
    assert undo(mara, number).status == 303
    assert told.rows(CUSTOMER_ANSWERS) == []


def test_a_new_link_is_mailed_and_counted(told, mara):
    assert "0 of 3 links were mailed" in mara.get("/desk/orders/1041/link").text
    for _ in range(3):
        done(mara, "link")
    assert mara.get("/desk/orders/1041/link").status == 409
    told.deliver()
    assert [message.category for message in told.transport.taken[2:]] == ["new_link"] * 3


@pytest.mark.both_databases
@pytest.mark.parametrize(("left", "state"), [("yes", State.SENT), ("no", State.QUEUED)])
def test_a_message_in_doubt_is_settled(told, mara, left, state):
    key = told.notices[0]["id"]
    with told.context.engine.begin() as connection:
        in_doubt = {"state": State.IN_DOUBT, "settled_at": None, "lease_holder": "people"}
        connection.execute(update(OUTBOX).where(OUTBOX.c.id == key).values(**in_doubt))
    form = mara.form("/desk/orders/1041/doubt")
    assert "left" not in form.fields
    assert mara.send(form, {}).status == 422
    assert mara.send(mara.form("/desk/orders/1041/doubt"), {"left": left}).status == 303
    assert {row["id"]: row["state"] for row in told.notices}[key] == state
    assert mara.get("/desk/orders/1041/doubt").status == 409


def test_addresses_are_shown_once_and_the_log_keeps_it(told, mara):
    form = mara.form("/desk/orders/1041/show")
    page = mara.send(form, {"why": "she cannot log in"})
    assert PHONE.email in page.text
    assert PHONE.phone in page.text
    assert PHONE.email not in mara.get("/desk/orders/1041").html
    again = mara.send(form)
    assert again.status == 303
    assert log(told) == ["Mara looked at the mail address and the number of the customer of order 1041"]


def test_the_log_has_no_address(told, mara):
    done(mara, "again", {"address": "secret@example.org"}, "?by=email")
    done(mara, "mute", {"what": "both"})
    with read_only(told.context.engine) as connection:
        texts = [str(tuple(row)) for row in connection.execute(select(AUDIT_ENTRIES))]
    assert not any("secret@" in text or PHONE.email in text or PHONE.phone in text for text in texts)
