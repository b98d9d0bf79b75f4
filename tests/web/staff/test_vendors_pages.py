"""Purchase requests on the desk: each group, each act with its entry in the log, and each act taken back."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from models.enums import State
from tasks.db.sql import read_only
from tasks.desk.vendors import RequestGroup, load_lateness, load_request, load_requests
from tasks.staff.audit import entries
from tasks.tables import INBOUNDS, OUTBOX, PURCHASE_LINES
from tests.support.builders import day
from tests.support.buying import Buying
from tests.support.desk import desk_client
from tests.support.shop_driver import noon

pytestmark = pytest.mark.sqlite_suffices(
    "its queries run on both databases in test_every_route.py and in the tests of what it calls"
)


@pytest.fixture
def shop(context, tmp_path):
    return Buying(context, tmp_path).vendor()


@pytest.fixture
def key(shop):
    shop.order("1041").order("1042").run()
    return shop.requests[0]["id"]


def agent(shop, *roles, on=0, name="Mara"):
    context = shop.at(on)
    return desk_client(context, *(roles or ("service",)), now=context.started_at, name=name)


def group_of(shop, key, on=0):
    with read_only(shop.context.engine) as connection:
        found = {
            group
            for group in RequestGroup
            if key in {row.id for row in load_requests(shop.at(on), connection, group, 50).rows}
        }
        detail = load_request(shop.at(on), connection, key)
    assert found <= {detail.group}, "a request is in one group, and its own page names the same one"
    return detail.group if found else None


def set_state(shop, key, state, reason=None):
    unsettled = state in (State.HELD, State.IN_DOUBT, State.QUEUED)
    with shop.context.engine.begin() as connection:
        settled_at = None if unsettled else noon(0)
        outbox = update(OUTBOX).where(OUTBOX.c.id == key)
        connection.execute(outbox.values(state=state, reason=reason, settled_at=settled_at))


def state_of(shop, key):
    return next(row["state"] for row in shop.requests if row["id"] == key)


def log(shop):
    with read_only(shop.context.engine) as connection:
        return [(one.who, one.what, one.why) for one in entries(connection, subject_kind="request")]


def undo_last(client, page):
    """Follow the notice's link, and undo the act."""
    shown = client.follow(page)
    (link,) = [tag["href"] for tag in shown.tags("a") if tag.get("href", "").endswith("/undo")]
    return client.post(link, {"why": "mistake"})


def test_without_a_request_the_page_says_what_will_be_there(shop):
    page = agent(shop, "read").get("/desk/vendors")
    assert page.status == 200
    assert "No vendor was asked yet." in page.text


def test_a_request_is_listed_with_its_vendor_and_answers(shop, key):
    page = agent(shop, "read").get("/desk/vendors")
    assert "Vendor & Sons" in page.text
    assert "0 of 2 answered" in page.text
    assert "Asked" in page.text


@pytest.mark.both_databases
def test_each_request_is_in_the_group_of_what_it_waits_for(shop, key):
    assert group_of(shop, key) == RequestGroup.ASKED
    assert group_of(shop, key, on=3) == RequestGroup.OVERDUE
    set_state(shop, key, State.IN_DOUBT)
    assert group_of(shop, key) == RequestGroup.STOPPED
    set_state(shop, key, State.SENT)
    shop.respond({"request": key, "order": "1041", "line": "1", "answer": "refused", "reason": "discontinued"})
    assert group_of(shop, key) == RequestGroup.REFUSED
    shop.cancel("1041")
    assert group_of(shop, key) == RequestGroup.ASKED
    shop.respond({"request": key, "order": "1042", "line": "1", "answer": "accepted"})
    assert group_of(shop, key) == RequestGroup.ANSWERED


@pytest.mark.both_databases
def test_a_group_has_pages(shop, key):
    with read_only(shop.context.engine) as connection:
        one = load_requests(shop.context, connection, RequestGroup.ASKED, 1)
        rest = load_requests(shop.context, connection, RequestGroup.ASKED, 1, (one.rows[0].created_at, one.rows[0].id))
    assert (len(one.rows), one.has_more, rest.rows) == (1, False, ())
    page = agent(shop).get("/desk/vendors?group=asked&after=nonsense")
    assert page.status == 200
    assert "Vendor & Sons" in page.text


@pytest.mark.both_databases
def test_a_request_says_how_late_its_vendor_usually_is(shop, key):
    with shop.context.engine.begin() as connection:
        for n, late in enumerate((3, 4, 4, 9)):
            row = {"id": f"D{n}", "product_id": "p-v1", "vendor_id": "v1", "quantity": 1, "promised_on": day(-30 - n)}
            connection.execute(insert(INBOUNDS).values(**row, received_at=noon(-30 - n + late)))
        two = {"id": "D9", "product_id": "p-other", "vendor_id": "v1", "quantity": 1, "promised_on": day(-30)}
        connection.execute(insert(INBOUNDS).values(**two, received_at=noon(-27)))
    with read_only(shop.context.engine) as connection:
        lateness = load_lateness(shop.context, connection, "v1")
    assert (lateness.days, lateness.deliveries) == (4, 4)
    assert "4 days late, of 4 deliveries" in agent(shop).get(f"/desk/vendors/{key}").text


def test_a_vendor_without_deliveries_has_no_usual_lateness(shop, key):
    assert "not known" in agent(shop).get(f"/desk/vendors/{key}").text


def test_a_reader_sees_a_request_and_no_act(shop, key):
    client = agent(shop, "read")
    page = client.get(f"/desk/vendors/{key}")
    assert "has not answered yet" in page.text
    assert "Remind" not in page.text
    assert client.get(f"/desk/vendors/{key}/remind").status == 403


def test_an_unknown_request_is_not_found(shop):
    client = agent(shop)
    assert client.get("/desk/vendors/none").status == 404
    assert client.get("/desk/vendors/a%2Fb/remind").status == 404


def test_a_vendor_is_reminded_once_for_a_form_and_it_can_be_undone(shop, key):
    client = agent(shop)
    form = client.form(f"/desk/vendors/{key}/remind")
    page = client.send(form, {"why": "rang, no answer"})
    again = client.send(form, {"why": "rang, no answer"})
    assert (page.status, again.status) == (303, 303)
    reminders = [row for row in shop.requests if row["reminder_of"] == key]
    assert [row["state"] for row in reminders] == [State.QUEUED]
    assert log(shop) == [("Mara", "reminded Vendor & Sons of 2 lines without an answer", "rang, no answer")]
    assert client.get(f"/desk/vendors/{key}/remind").status == 409
    assert undo_last(client, page).status == 303
    assert state_of(shop, reminders[0]["id"]) == State.SKIPPED


@pytest.mark.both_databases
def test_a_reminder_of_staff_leaves_with_the_next_run_and_can_be_followed_by_another(shop, key):
    client = agent(shop)
    client.post(f"/desk/vendors/{key}/remind", {"why": "x"})
    shop.run()
    client.post(f"/desk/vendors/{key}/remind", {"why": "y"})
    shop.run()
    assert [row["state"] for row in shop.requests if row["reminder_of"]] == [State.SENT, State.SENT]


def test_a_reminder_that_has_left_cannot_be_undone(shop, key):
    client = agent(shop)
    page = client.post(f"/desk/vendors/{key}/remind", {"why": "x"})
    shop.run()
    assert undo_last(client, page).status == 409


def test_they_have_it_settles_a_doubt_and_can_be_undone(shop, key):
    set_state(shop, key, State.IN_DOUBT, "the line broke")
    client = agent(shop)
    assert "It is not known whether Vendor & Sons has the request: the line broke." in (
        client.get(f"/desk/vendors/{key}").text
    )
    page = client.post(f"/desk/vendors/{key}/have", {"why": "they confirmed by phone"})
    assert (page.status, state_of(shop, key)) == (303, State.SENT)
    assert undo_last(client, page).status == 303
    assert state_of(shop, key) == State.IN_DOUBT
    assert log(shop)[0][1].startswith("undid: Mara said that Vendor & Sons has the request")


def test_a_held_request_is_sent_and_held_again_when_that_is_undone(shop):
    shop.order("1041")
    key = shop.hold()
    client = agent(shop)
    page = client.post(f"/desk/vendors/{key}/again", {"why": "checked"})
    assert (page.status, state_of(shop, key)) == (303, State.QUEUED)
    assert undo_last(client, page).status == 303
    assert state_of(shop, key) == State.HELD


def test_a_rejected_request_is_sent_again_for_good(shop, key):
    set_state(shop, key, State.REJECTED, "no such mailbox")
    client = agent(shop)
    page = client.post(f"/desk/vendors/{key}/again", {"why": "address corrected"})
    assert state_of(shop, key) == State.QUEUED
    assert undo_last(client, page).status == 409


@pytest.mark.both_databases
def test_an_answer_is_recorded_for_the_chosen_lines_and_undone(shop, key):
    client = agent(shop)
    form = client.form(f"/desk/vendors/{key}/answer")
    lines = form.options["line"]
    assert form.fields["line"] == lines, "the lines without an answer are chosen"
    promised = {"said": "accepted", "promised_on": day(5).isoformat(), "why": "by phone"}
    page = client.send(form, promised | {"line": lines[:1]})
    assert page.status == 303
    assert shop.lines == [("1041", 1, 2, "accepted", day(5)), ("1042", 1, 2, None, None)]
    assert log(shop)[0][1] == "recorded Vendor & Sons's answer to 1 line: they send it, by Sat 20 Jun"
    assert "You recorded Vendor & Sons's answer" in client.follow(page).text
    assert undo_last(client, page).status == 303
    assert shop.lines == [("1041", 1, 2, None, None), ("1042", 1, 2, None, None)]


def test_an_answer_that_was_replaced_cannot_be_undone(shop, key):
    client = agent(shop)
    page = client.post(f"/desk/vendors/{key}/answer", {"said": "accepted"})
    shop.respond({"request": key, "order": "1041", "line": "1", "answer": "refused", "reason": "gone"})
    assert undo_last(client, page).status == 409


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "Choose what the vendor said."),
        ({"said": "refused"}, "Say why they cannot send it, as in 'discontinued'."),
        ({"said": "accepted", "line": []}, "Choose the lines that the answer is about."),
        ({"said": "accepted", "promised_on": "2026-06-01"}, "The day has passed. Enter today or a later day."),
        ({"said": "accepted", "promised_on": "soon"}, "Enter a date, such as 2025-12-16."),
    ],
)
def test_an_answer_that_is_incomplete_is_asked_for_again(shop, key, given, message):
    page = agent(shop).post(f"/desk/vendors/{key}/answer", given)
    assert page.status == 422
    assert message in page.text
    assert shop.lines[0][3] is None


def test_a_cancelled_line_cannot_be_accepted(shop, key):
    shop.cancel("1041").cancel("1042")
    page = agent(shop).post(f"/desk/vendors/{key}/answer", {"said": "accepted"})
    assert page.status == 409
    assert "the line was cancelled: do not send it" in page.text


def test_refused_lines_are_asked_for_again_until_the_next_run(shop, key):
    client = agent(shop)
    client.post(f"/desk/vendors/{key}/answer", {"said": "refused", "reason": "sold out"})
    page = client.post(f"/desk/vendors/{key}/again", {"why": "they have more"})
    assert [line[3] for line in shop.lines] == ["ask_again", "ask_again"]
    assert undo_last(client, page).status == 303
    assert [line[3] for line in shop.lines] == ["refused", "refused"]
    page = client.post(f"/desk/vendors/{key}/again", {"why": "they have more"})
    shop.run()
    assert undo_last(client, page).status == 409


def test_an_act_that_is_not_possible_says_why(shop, key):
    client = agent(shop)
    assert client.get(f"/desk/vendors/{key}/have").status == 409
    assert "nothing to ask again" in client.get(f"/desk/vendors/{key}/again").text


def test_a_long_reason_is_refused(shop, key):
    assert agent(shop).post(f"/desk/vendors/{key}/remind", {"why": "x" * 501}).status == 422


def test_the_mail_address_of_a_vendor_is_masked(shop, key):
    assert "orders@vendor.example.com" not in agent(shop).get(f"/desk/vendors/{key}").text


def test_the_lines_of_another_request_are_no_lines_of_this_one(shop, key):
    shop.vendor("v2", name="Other").order("1043", vendor="v2").run()
    other = next(row["id"] for row in shop.requests if row["vendor_id"] == "v2")
    (line,) = [row["id"] for row in shop.driver.rows(PURCHASE_LINES) if row["request_id"] == other]
    page = agent(shop).post(f"/desk/vendors/{key}/answer", {"said": "accepted", "line": [line]})
    assert page.status == 422


def test_a_request_that_was_never_answered_is_overdue_and_names_its_reminder(shop, key):
    shop.run(on=3)
    page = agent(shop, on=3).get("/desk/vendors")
    assert "No answer, even to the reminder of" in page.text
    assert timedelta(hours=shop.context.policy.purchasing.answer_hours) <= timedelta(days=3)
