"""Held runs on the desk: what a person reads, releases within a grace, drops and undoes."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.enums import State
from tasks.db.sql import read_only
from tasks.tables import AUDIT_ENTRIES, OUTBOX, RUNS
from tests.support.builders import line
from tests.support.desk import desk_app, desk_client
from tests.support.shop_driver import SMALL_SHOP_POLICY, customer, noon, place_orders

DECIDED_AT = noon(0) + timedelta(minutes=1)


class Clock:
    """The time of the desk, which a test moves."""

    def __init__(self, at=DECIDED_AT):
        self.at = at

    def __call__(self):
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def agent(held_run, clock):
    app = desk_app(held_run.context, clock)
    return desk_client(held_run.context, "service", now=clock, name="Mara", app=app)


def run_of(driver):
    return next(row["id"] for row in driver.rows(RUNS) if row["state"] == "held")


def states(driver):
    return sorted(row["state"] for row in driver.rows(OUTBOX))


def run_state(driver, run):
    return next(row["state"] for row in driver.rows(RUNS) if row["id"] == run)


def entries(driver):
    with read_only(driver.context.engine) as connection:
        return connection.execute(select(AUDIT_ENTRIES).order_by(AUDIT_ENTRIES.c.id)).all()


def test_a_shop_without_a_held_run_learns_what_would_wait_here(driver):
    page = desk_client(driver.context, "read").get("/desk/runs")
    assert page.status == 200
    assert "No run waits for you." in page.text
    assert "Nothing has run yet." in page.text


def test_the_list_begins_with_what_is_held_and_why(agent, held_run):
    page = agent.get("/desk/runs")
    assert "4 messages" in page.text
    assert "4 of 4 open orders would be told at once: 100%; 30% are allowed." in page.text
    assert "Check of all orders" in page.text


def test_a_held_run_shows_the_limit_the_people_the_days_and_a_sample(agent, held_run):
    page = agent.get(f"/desk/runs/{run_of(held_run)}")
    assert "4 messages wait for you" in page.text
    assert "Nothing has left. 4 people: 4 mails." in page.text
    assert "8 to 14 days late" in page.text
    assert "9 days late. First message about this delay." in page.text
    assert "Read the mail" in page.text
    assert "Send 4 messages" in page.text
    assert "bucket" not in page.text


def test_a_run_is_found_by_the_beginning_of_its_id(agent, held_run):
    run = run_of(held_run)
    assert "4 messages wait for you" in agent.get(f"/desk/runs/{run[:8]}").text
    assert agent.get("/desk/runs/ffffffffff").status == 404
    assert agent.get("/desk/runs/%2F").status == 404


def test_who_only_reads_sees_no_choice_and_may_not_choose(held_run, clock):
    reader = desk_client(held_run.context, "read", now=clock)
    run = run_of(held_run)
    assert "Send 4 messages" not in reader.get(f"/desk/runs/{run}").text
    assert reader.get(f"/desk/runs/{run}/release").status == 403


def test_nothing_of_a_released_run_leaves_before_the_grace_is_over(agent, held_run, clock):
    run = run_of(held_run)
    asked = agent.get(f"/desk/runs/{run}/release")
    assert "They go to 4 people: 4 mails." in asked.text
    assert "Until 12:06 you can undo it: nothing leaves before." in asked.text
    done = agent.post(f"/desk/runs/{run}/release", {"why": "looked at ten"})
    assert done.status == 303
    page = agent.follow(done)
    assert "You released 4 messages to 4 people; nothing of it leaves before 12:06." in page.text
    assert "Mara released this run" in page.text
    assert "Why: Looked at ten." in page.text
    held_run.deliver(at=DECIDED_AT + timedelta(minutes=4, seconds=59))
    assert held_run.transport.taken == []
    held_run.deliver(at=DECIDED_AT + timedelta(minutes=5))
    assert len(held_run.transport.taken) == 4


def test_a_release_is_undone_within_the_grace_and_nothing_leaves_ever_after(agent, held_run, clock):
    run = run_of(held_run)
    agent.post(f"/desk/runs/{run}/release")
    entry = entries(held_run)[-1]
    clock.at = DECIDED_AT + timedelta(minutes=4)
    done = agent.post(f"/desk/log/{entry.id}/undo")
    assert done.status == 303
    assert (states(held_run), run_state(held_run, run)) == ([State.HELD] * 4, "held")
    held_run.deliver(at=DECIDED_AT + timedelta(hours=2))
    assert held_run.transport.taken == []
    assert "4 messages wait for you" in agent.get(f"/desk/runs/{run}").text
    again = agent.post(f"/desk/runs/{run}/release")
    assert again.status == 303
    held_run.deliver(at=clock.at + timedelta(minutes=5))
    assert len(held_run.transport.taken) == 4


def test_a_release_is_not_undone_once_its_grace_is_over(agent, held_run, clock):
    agent.post(f"/desk/runs/{run_of(held_run)}/release")
    entry = entries(held_run)[-1]
    clock.at = DECIDED_AT + timedelta(minutes=5)
    refused = agent.post(f"/desk/log/{entry.id}/undo")
    assert refused.status == 409
    assert "cannot be undone any more" in refused.text
    assert states(held_run) == [State.QUEUED] * 4


def test_a_release_is_not_undone_where_a_worker_with_a_faster_clock_has_sent_something(agent, held_run, clock):
    run = run_of(held_run)
    agent.post(f"/desk/runs/{run}/release")
    entry = entries(held_run)[-1]
    held_run.deliver(at=DECIDED_AT + timedelta(minutes=6))
    assert agent.post(f"/desk/log/{entry.id}/undo").status == 409
    assert states(held_run) == [State.SENT] * 4
    assert run_state(held_run, run) == "released"


def test_a_release_that_was_undone_does_not_count_as_a_usual_day(agent, held_run, clock):
    from tasks.db.counters import get_counter
    from tests.support.builders import DAY

    run = run_of(held_run)
    agent.post(f"/desk/runs/{run}/release")
    agent.post(f"/desk/log/{entries(held_run)[-1].id}/undo")
    with read_only(held_run.context.engine) as connection:
        assert get_counter(connection, f"released:{DAY}") == 0


def test_quiet_hours_stay_as_they_were_after_a_release(agent, held_run, clock):
    morning = noon(1)
    with held_run.context.engine.begin() as connection:
        connection.execute(OUTBOX.update().values(not_before=morning))
    agent.post(f"/desk/runs/{run_of(held_run)}/release")
    assert {row["not_before"] for row in held_run.rows(OUTBOX)} == {morning}


def test_a_run_that_is_not_sent_needs_a_reason_and_says_who_decided(agent, held_run):
    run = run_of(held_run)
    wrong = agent.post(f"/desk/runs/{run}/drop")
    assert wrong.status == 422
    assert "Say why it is not sent" in wrong.text
    done = agent.post(f"/desk/runs/{run}/drop", {"why": "the import was wrong"})
    page = agent.follow(done)
    assert "You decided not to send 4 messages to 4 people." in page.text
    assert "Mara decided not to send this run" in page.text
    assert "The import was wrong." in page.text
    assert states(held_run) == [State.SKIPPED] * 4


def test_a_drop_is_undone_and_the_run_waits_again(agent, held_run, clock):
    run = run_of(held_run)
    agent.post(f"/desk/runs/{run}/drop", {"why": "a mistake"})
    clock.at += timedelta(hours=1)
    assert agent.post(f"/desk/log/{entries(held_run)[-1].id}/undo").status == 303
    assert (states(held_run), run_state(held_run, run)) == ([State.HELD] * 4, "held")


def test_a_drop_stays_where_its_orders_have_newer_messages(agent, held_run, clock):
    agent.post(f"/desk/runs/{run_of(held_run)}/drop", {"why": "a mistake"})
    entry = entries(held_run)[-1]
    for n in range(4):
        held_run.change(f"{n}", on=1, promised_on=noon(-12).date())
    held_run.evaluate(1, at=noon(1))
    before = states(held_run)
    clock.at = noon(1) + timedelta(hours=1)
    assert len(before) > 4
    later = desk_client(held_run.context, "service", now=clock)
    assert later.post(f"/desk/log/{entry.id}/undo").status == 409
    assert states(held_run) == before


def test_the_second_person_reads_who_was_faster(agent, held_run, clock):
    run = run_of(held_run)
    jan = desk_client(held_run.context, "service", now=clock, name="Jan")
    form = jan.form(f"/desk/runs/{run}/drop")
    agent.post(f"/desk/runs/{run}/release")
    refused = jan.send(form, {"why": "no"})
    assert refused.status == 409
    assert "Mara released this run at 12:01." in refused.text
    assert jan.get(f"/desk/runs/{run}/release").status == 409
    assert states(held_run) == [State.QUEUED] * 4


def test_a_form_that_is_sent_twice_releases_once(agent, held_run):
    form = agent.form(f"/desk/runs/{run_of(held_run)}/release")
    first, second = agent.send(form), agent.send(form)
    assert (first.status, second.status) == (303, 303)
    assert first.location == second.location
    assert len(entries(held_run)) == 1


def test_the_sample_goes_on_with_another_ten(with_policy, clock):
    driver = with_policy(SMALL_SHOP_POLICY)
    place_orders(driver, late=13)
    driver.evaluate()
    agent = desk_client(driver.context, "service", now=clock)
    page = agent.get(f"/desk/runs/{run_of(driver)}")
    assert "10 of the 13 people" in page.text
    (another,) = [tag["href"] for tag in page.tags("a") if "after=" in tag.get("href", "")]
    rest = agent.get(another.partition("#")[0])
    assert "Another ten" not in rest.text
    orders = [
        tag["href"] for tag in (page.tags("a") + rest.tags("a")) if tag.get("href", "").startswith("/desk/orders/")
    ]
    assert len(orders) == len(set(orders)) == 13


def test_all_runs_are_paged(driver):
    for n in range(53):
        driver.evaluate(n)
    client = desk_client(driver.context, "read", now=noon(60))
    first = client.get("/desk/runs")
    (following,) = [tag["href"] for tag in first.tags("a") if "before=" in tag.get("href", "")]
    second = client.get(following)
    assert "Back to the first" in second.text
    assert second.text.count("Check of all orders") == 3


def test_a_message_of_a_held_run_is_read_before_it_leaves(agent, held_run):
    message = held_run.rows(OUTBOX)[0]["id"]
    page = agent.get(f"/desk/messages/{message}")
    assert "Held: waits for approval" in page.text
    mail = agent.get(f"/desk/messages/{message}/mail")
    assert "sandbox" in mail.headers["content-security-policy"]
    assert "order-link-placeholder" not in mail.html
    assert agent.get("/desk/messages/nothing").status == 404


def test_a_run_of_an_order_with_two_channels_counts_its_customer_once(with_policy, clock):
    driver = with_policy(SMALL_SHOP_POLICY)
    for n in range(3):
        who = customer(f"c{n}", phone=f"+49151123456{n:02}", sms_consent=True)
        driver.order(f"{n}", line(promised=-12), customer=who, placed=-20)
    driver.evaluate()
    page = desk_client(driver.context, "service", now=clock).get(f"/desk/runs/{run_of(driver)}")
    assert "3 people: 3 mails and 3 texts." in page.text
    assert page.text.count("12 days late.") == 3
