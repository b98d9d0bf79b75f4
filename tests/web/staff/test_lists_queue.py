"""The queue and messages in doubt on the desk."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from models.enums import Channel, State
from models.policy.messaging import GuardrailPolicy, SendingPolicy
from models.policy.policy import Policy
from tasks.db.sql import read_only
from tasks.guardrails.restored import begin_restored
from tasks.orders.instructions import hold_order, release_order
from tasks.tables import AUDIT_ENTRIES, NOTICES, OUTBOX, RUNS
from tests.support.builders import day, line
from tests.support.desk import desk_client
from tests.support.shop_driver import FakeTransport, customer, noon


def place(driver, count, **facts):
    for n in range(count):
        driver.order(f"{n}", line(promised=-9), customer=customer(f"c{n}", **facts), placed=-20)
    driver.evaluate()


def entries(driver):
    with read_only(driver.context.engine) as connection:
        return connection.execute(select(AUDIT_ENTRIES).order_by(AUDIT_ENTRIES.c.id)).all()


def change(driver, **values):
    with driver.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(values))


def links(page, part):
    return [tag["href"] for tag in page.tags("a") if part in tag.get("href", "")]


@pytest.fixture
def agent(driver):
    return desk_client(driver.context, "service", now=noon(0), name="Mara")


def test_an_empty_queue_says_when_something_comes(agent):
    page = agent.get("/desk/queue")
    assert "Nothing is waiting to be sent." in page.text


def test_the_queue_is_by_hour_and_says_who_gets_what_and_why_it_waits(driver, agent):
    place(driver, 3)
    change(driver, not_before=noon(0) + timedelta(hours=20))
    page = agent.get("/desk/queue")
    assert "3 mails wait. The first leaves at Tue 16 Jun, 08:00." in page.text
    assert "They are a trial: no customer gets them until an operator goes live." in page.text
    assert 'href="/desk/posts#soon"' in page.html
    assert "Tue 16 Jun, 08:00 to 09:00" in page.text
    assert "Quiet hours" in page.text
    assert "Customer c1 c…@example.com" in page.text
    assert "c1@example.com" not in page.html
    assert "Hold these 3" in page.text


def test_the_hour_where_a_customer_lives_is_named_with_its_zone(driver, agent):
    place(driver, 1, zone="America/New_York")
    change(driver, not_before=noon(0) + timedelta(hours=4))
    assert "Quiet hours: 10:00 there (New York)" in agent.get("/desk/queue").text


def test_the_pace_of_a_channel_is_that_of_the_policy(with_policy):
    driver = with_policy(Policy(sending=SendingPolicy(per_second={Channel.EMAIL: 2})))
    place(driver, 3)
    page = desk_client(driver.context, "read", now=noon(0)).get("/desk/queue")
    assert "3 mails wait; in an hour at this rate 3 will have left, at most 2 a second." in page.text
    assert "Hold these" not in page.text
    assert "Do not send" not in page.text


def test_messages_of_an_hour_are_held_become_a_run_and_leave_again_when_that_is_undone(driver, agent):
    place(driver, 3)
    change(driver, not_before=noon(0) + timedelta(hours=20))
    (hold,) = links(agent.get("/desk/queue"), "/hold")
    assert "Hold 3 mails?" in agent.get(hold).text
    done = agent.post(hold, {"why": "the date is wrong"})
    page = agent.follow(done)
    assert "You held 3 mails before they left." in page.text
    assert "3 messages wait for you" in page.text
    assert "Mara held them: the date is wrong." in page.text
    driver.deliver(1, at=noon(1))
    assert driver.transport.taken == []
    (run,) = {row["run_id"] for row in driver.rows(NOTICES)}
    assert next(row["state"] for row in driver.rows(RUNS) if row["id"] == run) == "held"
    assert agent.post(f"/desk/log/{entries(driver)[-1].id}/undo").status == 303
    driver.deliver(1, at=noon(1))
    assert len(driver.transport.taken) == 3


def test_held_messages_are_not_taken_over_by_the_next_run(driver, agent):
    place(driver, 2)
    (hold,) = links(agent.get("/desk/queue"), "/hold")
    agent.post(hold)
    driver.evaluate(1)
    driver.deliver(1)
    assert driver.transport.taken == []


def test_what_left_meanwhile_cannot_be_held(driver, agent):
    place(driver, 2)
    (hold,) = links(agent.get("/desk/queue"), "/hold")
    form = agent.form(hold)
    driver.deliver(0)
    refused = agent.send(form)
    assert refused.status == 409
    assert "None of these messages waits any more." in refused.text
    assert agent.get(hold).status == 409


def test_one_message_is_taken_out_and_waits_again_when_that_is_undone(driver, agent):
    place(driver, 2)
    stop = links(agent.get("/desk/queue"), "/stop")[0]
    assert "counts as not told by this mail" in agent.get(stop).text
    done = agent.post(stop, {"why": "she rang"})
    assert "You decided not to send a mail about order" in agent.follow(done).text
    driver.deliver(0)
    assert len(driver.transport.taken) == 1
    assert agent.post(f"/desk/log/{entries(driver)[-1].id}/undo").status == 303
    driver.deliver(0, at=noon(0) + timedelta(minutes=1))
    assert len(driver.transport.taken) == 2
    assert agent.get(stop).status == 409


def test_a_message_that_waits_again_does_not_leave_while_its_order_is_held(driver, agent):
    place(driver, 1)
    agent.post(links(agent.get("/desk/queue"), "/stop")[0])
    stopped = entries(driver)[-1].id
    with driver.context.engine.begin() as connection:
        hold_order(connection, "0", noon(0), "Jan")
    assert agent.post(f"/desk/log/{stopped}/undo").status == 303
    driver.deliver(0, at=noon(0) + timedelta(minutes=1))
    assert driver.transport.taken == []
    with driver.context.engine.begin() as connection:
        assert release_order(connection, "0", day(0)) == 1
    driver.deliver(0, at=noon(0) + timedelta(minutes=2))
    assert len(driver.transport.taken) == 1


@pytest.mark.parametrize("act", ["/stop", "/hold"])
def test_what_waits_again_after_a_restore_is_asked_about_first(driver, agent, act):
    place(driver, 1)
    agent.post(links(agent.get("/desk/queue"), act)[0])
    undone = entries(driver)[-1].id
    begin_restored(driver.context, noon(0), "ana")
    assert agent.get("/desk/queue").status == 303, "a restore ends every session"
    agent = desk_client(driver.context, "service", now=noon(0))
    assert agent.post(f"/desk/log/{undone}/undo").status == 303
    driver.deliver(0, at=noon(0) + timedelta(minutes=1))
    assert driver.transport.taken == []
    assert [row["state"] for row in driver.rows(OUTBOX)] == [State.IN_DOUBT]


def test_a_form_sent_twice_stops_one_message_once(driver, agent):
    place(driver, 2)
    form = agent.form(links(agent.get("/desk/queue"), "/stop")[0])
    assert agent.send(form).status == agent.send(form).status == 303
    assert len(entries(driver)) == 1


def test_the_queue_is_paged_by_moment_and_message(with_policy):
    driver = with_policy(Policy(guardrails=GuardrailPolicy(max_late_share=1)))
    place(driver, 53)
    agent = desk_client(driver.context, "service", now=noon(0))
    first = agent.get("/desk/queue")
    (following,) = links(first, "after=")
    second = agent.get(following)
    own = set(links(first, "/desk/messages/")) | set(links(second, "/desk/messages/"))
    assert (len(links(first, "/desk/messages/")), len(own)) == (50, 53)
    assert agent.get("/desk/queue?after=nonsense").status == 200


def test_a_stopped_channel_says_since_when_and_why(driver, agent):
    from tasks.delivery.circuit_breaker import trip

    place(driver, 2)
    with driver.context.engine.begin() as connection:
        trip(connection, "email", "the key was revoked", noon(0), SendingPolicy(), "test", probed=False)
    page = agent.get("/desk/queue")
    assert "Stopped since 12:00: The key was revoked." in page.text
    assert "Mails are stopped" in page.text


class Broken(FakeTransport):
    """A transport whose line breaks while a message is sent."""

    async def send(self, message):
        await asyncio.sleep(0)
        raise RuntimeError("the line broke")


def doubt(driver, count=1):
    place(driver, count)
    driver.deliver(0, transport=Broken())
    return [row["id"] for row in driver.rows(OUTBOX) if row["state"] == State.IN_DOUBT]


def test_nothing_in_doubt_says_what_would_be_here(agent):
    assert "No message is in doubt." in agent.get("/desk/in-doubt").text


def test_a_doubt_shows_words_provider_and_where_to_look_and_nothing_is_chosen(driver, agent):
    (key,) = doubt(driver)
    page = agent.get("/desk/in-doubt")
    assert "Customer c0 c…@example.com" in page.text
    assert "SendGrid's activity of mails" in page.text
    shown = agent.get(f"/desk/in-doubt/{key}")
    assert "It leaves again within a minute. If it did arrive, Customer c0 gets it twice." in shown.text
    assert "checked" not in shown.html
    assert "placeholder" not in shown.text
    wrong = agent.post(f"/desk/in-doubt/{key}")
    assert wrong.status == 422
    assert "Choose whether it was sent." in wrong.text


@pytest.mark.parametrize(("answer", "state", "left"), [("sent", State.SENT, 0), ("not_sent", State.QUEUED, 1)])
def test_a_person_settles_a_doubt(driver, agent, answer, state, left):
    (key,) = doubt(driver)
    done = agent.post(f"/desk/in-doubt/{key}", {"answer": answer, "why": "it is in the activity"})
    assert done.status == 303
    assert "You said that the mail about order 0" in agent.follow(done).text
    assert [row["state"] for row in driver.rows(OUTBOX)] == [state]
    driver.deliver(0, at=noon(0) + timedelta(minutes=1))
    assert len(driver.transport.taken) == left
    assert entries(driver)[-1].why == "it is in the activity"


def test_who_settles_a_doubt_second_reads_who_was_faster(driver, agent):
    (key,) = doubt(driver)
    jan = desk_client(driver.context, "service", now=noon(0), name="Jan")
    form = jan.form(f"/desk/in-doubt/{key}")
    agent.post(f"/desk/in-doubt/{key}", {"answer": "sent"})
    refused = jan.send(form, {"answer": "not_sent"})
    assert refused.status == 409
    assert "Mara settled this message at 12:00." in refused.text
    assert jan.get(f"/desk/in-doubt/{key}").status == 409


def test_who_only_reads_cannot_settle(driver):
    (key,) = doubt(driver)
    reader = desk_client(driver.context, "read", now=noon(0))
    assert "Save what you found" not in reader.get(f"/desk/in-doubt/{key}").text
    assert reader.post_raw(f"/desk/in-doubt/{key}", {"answer": "sent"}).status == 403


def test_doubts_are_paged_the_oldest_first(driver, agent):
    doubt(driver, 52)
    with driver.context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(state=State.IN_DOUBT, sending_at=noon(0), settled_at=None))
    (following,) = links(agent.get("/desk/in-doubt"), "after=")
    assert len(set(links(agent.get(following), "/desk/in-doubt/"))) == 2
