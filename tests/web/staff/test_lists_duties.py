"""Today, customers' answers, legal deadlines and texts on the desk."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

import pytest
from sqlalchemy import insert, select

from app.next_run import scheduled_starts
from models.config.settings import Settings
from models.customers import Act
from models.enums import State
from models.webhooks import WEBHOOK
from tasks.db.outbox import insert_messages, outbox_row
from tasks.db.sql import read_only
from tasks.delivery.circuit_breaker import trip
from tasks.imports.guard import save_import_count
from tasks.promise_clock.duties import LineDuty
from tasks.runs.records import finish_run, start_run
from tasks.tables import (
    AUDIT_ENTRIES,
    CALLBACK_EVENTS,
    CLOCK_WATCHES,
    CUSTOMER_CHOICES,
    CUSTOMER_MAILS,
    EVENTS,
    OUTBOX,
    RUNS,
)
from tests.support.builders import ANNA, day, line
from tests.support.choices import choice_row, insert_choices
from tests.support.desk import desk_app, desk_client
from tests.support.shop_driver import noon
from web.staff.desk import Services


class Clock:
    """The time of the desk, which a test moves."""

    def __init__(self):
        self.at = noon(0)

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def agent(driver, clock):
    return desk_client(driver.context, "service", now=clock, name="Mara", app=desk_app(driver.context, clock))


def entries(driver):
    with read_only(driver.context.engine) as connection:
        return connection.execute(select(AUDIT_ENTRIES).order_by(AUDIT_ENTRIES.c.id)).all()


def undo_last(driver, agent):
    return agent.post(f"/desk/log/{entries(driver)[-1].id}/undo")


def write(driver, table, *rows):
    with driver.context.engine.begin() as connection:
        for row in rows:
            connection.execute(insert(table).values(row))


# Today


def test_a_new_shop_reads_that_nothing_waits(driver, agent):
    page = agent.get("/desk")
    assert "Today, Monday 15 June" in page.text
    assert "Nothing waits for you. No orders were checked yet." in page.text
    assert "Nobody was told anything so far." in page.text


def test_today_begins_with_what_is_held_and_says_when_orders_were_checked(held_run, clock):
    page = desk_client(held_run.context, "service", now=clock).get("/desk")
    assert "4 messages are held" in page.text
    assert "4 of 4 open orders would be told at once" in page.text
    assert page.text.index("4 messages are held") < page.text.index("Since midnight")


@pytest.mark.parametrize(
    ("minutes", "said"),
    [((-75, -60, -45, -30, -15), " The next check is due at about 12:00."), ((-75, -46, -15), "")],
)
def test_today_says_when_orders_are_checked_next(driver, minutes, said):
    for minute in minutes:
        at = noon(0) + timedelta(minutes=minute)
        row = {"id": f"r{minute}", "flow": "late-orders", "as_of": at.date(), "policy": "p", "started_at": at}
        write(driver, RUNS, row | {"ended_at": at, "state": "done", "counts": {}})
    page = desk_client(driver.context, "read", now=lambda: noon(0) - timedelta(minutes=1)).get("/desk")
    assert f"All orders were last checked at 11:45.{said}" in page.text
    assert page.text.count("is due at about") == 2 * bool(said)


@pytest.mark.parametrize(
    ("minutes_ago", "checked", "chip"),
    [(65, " The next check is due at 14:00.", "On time"), (200, "", "It should have run since; tell an operator.")],
)
def test_today_says_when_orders_are_checked_next_by_the_schedule(driver, tmp_path, minutes_ago, checked, chip):
    deployments = [
        ("late_orders", '"0 */4 * * *"'),
        ("restock", '"0 2-22/4 * * *"'),
        ("digest", '"never"'),
        ("prune", '"0 * * * *", active: false'),
    ]
    lines = [f"- {{entrypoint: 'x.py:{flow}', schedules: [{{cron: {cron}}}]}}" for flow, cron in deployments]
    (tmp_path / "prefect.yaml").write_text("deployments:\n" + "\n".join(lines) + "\n")
    starts = partial(scheduled_starts, Settings(home=tmp_path), driver.context.shop)
    now = noon(0) + timedelta(minutes=70)
    assert starts(now).keys() == {"late-orders", "restock"}
    at = now - timedelta(minutes=minutes_ago)
    row = {"id": "r", "flow": "late-orders", "as_of": at.date(), "policy": "p", "started_at": at}
    write(driver, RUNS, row | {"ended_at": at, "state": "done", "counts": {}})
    app = desk_app(driver.context, lambda: now, Services(starts=starts))
    page = desk_client(driver.context, "read", now=lambda: now, app=app).get("/desk")
    assert f"{at.astimezone(driver.context.zone):%H:%M}.{checked}" in page.text
    assert chip in page.text


def test_today_says_that_the_shops_systems_refuse_what_they_are_told(driver):
    driver.context = replace(driver.context, has_webhook=True)
    fine = desk_client(driver.context, "read").get("/desk")
    assert "They are told of each answer of a customer." in fine.text
    row = outbox_row("e1", WEBHOOK, State.QUEUED, noon(0), not_before=noon(0) + timedelta(minutes=20))
    row |= {"attempts": 2, "reason": "the address answered 500"}
    with driver.context.engine.begin() as connection:
        insert_messages(connection, [row])
    failing = desk_client(driver.context, "read", now=lambda: noon(0)).get("/desk")
    said = "1 answer of customers could not be passed on so far. The address answered 500. The next try is at 12:20."
    assert said in failing.text


def test_today_counts_who_was_told_and_what_customers_answered(driver, agent):
    driver.order("1041")
    driver.run_day()
    write(driver, EVENTS, {"at": noon(0), "kind": "chosen", "subject": "1041-C1", "who": "customer", "why": "cancel"})
    page = agent.get("/desk")
    assert "1 person told: 1 mail." in page.text
    assert "1 answer of customers: 1 cancels." in page.text
    assert "1 mail sent today, the last at 12:00." in page.text


def test_a_stopped_channel_and_a_failed_run_come_before_what_is_fine(driver, agent, clock):
    driver.order("1041")
    driver.run_day()
    with driver.context.engine.begin() as connection:
        trip(connection, "sms", "the account is suspended", noon(0), driver.context.policy.sending, "t", probed=False)
    context = start_run(driver.context, "restock", day(0), noon(0))
    finish_run(context, noon(0), "failed", {})
    page = agent.get("/desk")
    assert "Texts Stopped since 12:00 The account is suspended." in page.text
    assert "Stock and good news Failed" in page.text
    assert page.text.index("Stopped since") < page.text.index("Check of all orders")
    clock.at += timedelta(hours=3, minutes=1)
    assert "Overdue" in agent.get("/desk").text


# Customers' answers


def cancellation(number=1, order="1041", **columns):
    given = {"refund": Decimal("129.00")} | columns
    return choice_row(order, number, **given)


def test_no_answer_says_what_shows_here(agent):
    assert "No answer waits for the shop." in agent.get("/desk/answers").text


def test_what_customers_chose_waits_with_what_is_to_do(driver, agent):
    driver.order("1041")
    insert_choices(driver.context, cancellation())
    page = agent.get("/desk/answers")
    assert "Anna: Cancels Lamp 1." in page.text or "Cancels Lamp 1." in page.text
    assert "Cancel it in the shop, and pay 129.00\u00a0EUR back" in page.html
    assert "Refunds to pay: 1 order, 129.00\u00a0EUR." in agent.get("/desk").html


def test_an_answer_is_done_and_its_mail_waits_five_minutes_for_undo(driver, agent, clock):
    driver.order("1041")
    insert_choices(driver.context, cancellation())
    done = agent.post("/desk/answers/1041-C1/done", {"why": "paid"})
    assert "You marked answer 1041-C1 as done: Cancels Lamp 1." in agent.follow(done).text
    driver.deliver(at=noon(0) + timedelta(minutes=4))
    assert driver.transport.taken == []
    clock.at += timedelta(minutes=4)
    assert undo_last(driver, agent).status == 303
    assert [row["state"] for row in driver.rows(CUSTOMER_CHOICES)] == ["requested"]
    driver.deliver(at=noon(0) + timedelta(hours=1))
    assert driver.transport.taken == []


def test_the_log_does_not_keep_a_customers_own_words(driver, agent):
    driver.order("1041")
    insert_choices(driver.context, cancellation(why="my mother Anna is ill"))
    assert "my mother Anna is ill" in agent.get("/desk/answers").text.replace("My", "my")
    agent.post("/desk/answers/1041-C1/done")
    with read_only(driver.context.engine) as connection:
        assert "mother" not in str(connection.execute(select(AUDIT_ENTRIES)).all())


def test_an_answer_whose_customer_was_told_stays_done(driver, agent, clock):
    driver.order("1041")
    insert_choices(driver.context, cancellation())
    agent.post("/desk/answers/1041-C1/done")
    clock.at += timedelta(minutes=5)
    driver.deliver(at=clock.at)
    assert len(driver.transport.taken) == 1
    assert undo_last(driver, agent).status == 409
    assert driver.rows(CUSTOMER_MAILS)
    assert driver.rows(OUTBOX)


def test_the_second_person_reads_who_marked_an_answer(driver, agent, clock):
    driver.order("1041")
    insert_choices(driver.context, cancellation(act=Act.SHIP, refund=None))
    jan = desk_client(driver.context, "service", now=clock, name="Jan")
    form = jan.form("/desk/answers/1041-C1/done")
    agent.post("/desk/answers/1041-C1/done")
    refused = jan.send(form)
    assert refused.status == 409
    assert "Mara marked it as done" in refused.text
    assert jan.get("/desk/answers/1041-C1/done").status == 409
    assert jan.get("/desk/answers/nothing/done").status == 404


def test_answers_are_paged_the_oldest_first(driver, agent):
    driver.order("1041")
    insert_choices(driver.context, *(cancellation(n, act=Act.SHIP, refund=None) for n in range(1, 53)))
    (following,) = [tag["href"] for tag in agent.get("/desk/answers").tags("a") if "after=" in tag.get("href", "")]
    assert agent.get(following).text.count("Mark as done") == 2


# Legal deadlines


def duty_row(order="1041", deadline=None, duty="cancel_and_refund", *lines):
    deadline = deadline or day(2)
    found = [
        LineDuty(order, line, "US", "notice_due", duty, deadline, "Cancel the line and pay the money back").as_data()
        for line in lines or ("1",)
    ]
    times = {"check_on": day(1), "checked_at": noon(0), "watch_version": 0, "policy": ""}
    return {"order_id": order, "deadline": deadline, "lines": found, **times}


def test_no_deadline_says_when_one_shows(agent):
    assert "No deadline is open." in agent.get("/desk/deadlines").text


def test_deadlines_are_listed_by_day_with_the_days_left_and_the_evidence(driver, agent):
    for order, ahead in (("1041", 2), ("1042", -1), ("1043", 20)):
        driver.order(order)
        write(driver, CLOCK_WATCHES, duty_row(order, day(ahead)))
    what = "the day to send it by has passed"
    write(driver, EVENTS, {"at": noon(0), "kind": "deadline_missed", "subject": "1042/1", "who": "x", "why": what})
    page = agent.get("/desk/deadlines")
    assert page.text.index("1042") < page.text.index("1041") < page.text.index("1043")
    for words in ("2 days left", "1 day too late", "20 days left", "The day to send it by has passed."):
        assert words in page.text
    assert "/desk/orders/1041/evidence" in page.html
    assert "1 order past a legal deadline" in agent.get("/desk").text


def test_a_refund_is_recorded_with_its_day_and_taken_back(driver, agent):
    driver.order("1041")
    write(driver, CLOCK_WATCHES, duty_row())
    path = "/desk/deadlines/1041/refund"
    assert "still to come" in agent.post(path, {"day": day(1).isoformat()}).text
    assert agent.post(path, {"day": ""}).status == 422
    done = agent.post(path, {"day": day(0).isoformat(), "why": "129 EUR by card"})
    assert "You recorded that the money of order 1041, line 1, went back on Mon 15 Jun." in agent.follow(done).text
    assert [row["kind"] for row in driver.rows(EVENTS)].count("refunded") == 1
    assert undo_last(driver, agent).status == 303
    assert [row["kind"] for row in driver.rows(EVENTS)].count("refund_taken_back") == 1
    assert agent.get("/desk/deadlines/1042/refund").status == 409


def test_deadlines_are_paged(driver, agent):
    for n in range(52):
        write(driver, CLOCK_WATCHES, duty_row(f"{n:03}", day(n)))
    (following,) = [tag["href"] for tag in agent.get("/desk/deadlines").tags("a") if "after=" in tag.get("href", "")]
    assert agent.get(following).text.count("Record the refund") == 2


# Texts


def text_row(n=1, body="Where is my lamp?", **columns):
    return {
        "key": f"k{n}",
        "source": "twilio_inbound",
        "kind": "received",
        "reference": f"SM{n}",
        "message_id": "",
        "address": "+4915112345678",
        "payload": {"Body": body},
        "received_at": datetime(2026, 6, 15, 9, 0, tzinfo=UTC),
        "effect": "message",
        "for_staff": True,
        **columns,
    }


def test_no_text_says_what_shows_here(agent):
    assert "No text waits for an answer." in agent.get("/desk/replies").text


def test_a_text_is_read_dealt_with_and_put_back(driver, agent, clock):
    write(driver, CALLBACK_EVENTS, text_row(body="Where is my <b>lamp</b>?"))
    page = agent.get("/desk/replies")
    assert "“Where is my <b>lamp</b>?”" in page.text
    assert "+4915112345678" not in page.html
    assert "1 text of customers to read" in agent.get("/desk").text
    (done,) = [tag["href"] for tag in page.tags("a") if tag.get("href", "").endswith("/done")]
    jan = desk_client(driver.context, "service", now=clock, name="Jan")
    form = jan.form(done)
    assert agent.post(done, {"why": "rang her"}).status == 303
    assert jan.send(form).status == 409
    assert "No text waits" in agent.get("/desk/replies").text
    assert undo_last(driver, agent).status == 303
    assert "“Where is my" in agent.get("/desk/replies").text
    assert agent.get("/desk/replies/99/done").status == 404


def test_the_log_names_no_customer_whose_text_was_dealt_with(driver, agent):
    driver.order("1041", line(promised=-9))
    driver.run_day()
    write(driver, CALLBACK_EVENTS, text_row() | {"message_id": driver.notices[0]["id"]})
    page = agent.get("/desk/replies")
    assert ANNA.name.split()[0] in page.text
    (done,) = [tag["href"] for tag in page.tags("a") if tag.get("href", "").endswith("/done")]
    agent.post(done)
    page = agent.get("/desk/log").text
    assert "marked a customer's text about order 1041 as dealt with" in page
    assert ANNA.name.split()[0] not in page


def test_texts_are_paged_the_newest_first(driver, agent):
    write(driver, CALLBACK_EVENTS, *(text_row(n) for n in range(52)))
    (following,) = [tag["href"] for tag in agent.get("/desk/replies").tags("a") if "before=" in tag.get("href", "")]
    assert agent.get(following).text.count("Mark as dealt with") == 2


@pytest.mark.parametrize("path", ["/desk/answers/x/done", "/desk/deadlines/x/refund", "/desk/replies/1/done"])
def test_who_only_reads_may_not_act(driver, path):
    reader = desk_client(driver.context, "read", now=noon(0))
    assert reader.get(path).status == 403
    assert reader.post_raw(path, {}).status == 403


def test_today_says_when_orders_were_read_by_a_run_or_by_hand(driver):
    agent = desk_client(driver.context, "service")
    assert "The shop's orders were not read so far." in agent.get("/desk").text
    with driver.context.engine.begin() as connection:
        save_import_count(connection, 312)
    assert "312 orders read, " in agent.get("/desk").text
