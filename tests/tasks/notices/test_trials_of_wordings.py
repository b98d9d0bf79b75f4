"""Two wordings of one message: who is told which, and that a notice keeps its own."""

from dataclasses import replace

import pytest

from models.enums import Channel
from models.policy.experiments import ExperimentPolicy
from models.policy.policy import Policy
from rules.experiments.assign import letter_of
from tasks.db.sql import read_only
from tasks.desk.messages import load_message
from tasks.reporting.dry_run import dry_run
from tasks.reporting.explain_order import explain_order
from templates.rendering.check import find_errors
from templates.rendering.messages import Renderer
from tests.support.builders import day, line
from tests.support.shop_driver import SHOP, PermanentFailure, customer, with_renderer

NAME, SECOND = "shorter subject", "In short: order {{ order.id }} is late"
TRIAL = ExperimentPolicy(
    name=NAME, message="fortnight", wording="fortnight_b", begins=day(0), ends=day(9), outcome="waited"
)
A, B = (next(f"c{n}" for n in range(20) if letter_of(NAME, 0.5, f"c{n}") == letter) for letter in "AB")


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "templates"
    (folder / "fortnight_b").mkdir(parents=True)
    (folder / "fortnight_b" / "subject.en.txt").write_text(SECOND)
    return folder


@pytest.fixture
def trial(driver, own):
    driver.context = with_renderer(driver.context, Renderer(SHOP, own))
    driver.context = replace(driver.context, policy=Policy(experiment=(TRIAL,)))
    return driver


def take(driver, key, of, *lines, **facts):
    driver.order(key, *(lines or (line(promised=-9),)), customer=customer(of, **facts))


def in_trial(driver):
    return {row["order_id"]: (row["experiment"], row["wording"]) for row in driver.notices}


def test_a_customer_reads_one_wording_in_every_order_and_only_the_subject_differs(trial):
    for key, of in (("1", A), ("2", B), ("3", B)):
        take(trial, key, of)
    sent = {message.to: message for message in trial.run_day()}
    assert in_trial(trial) == {"1": (NAME, "A"), "2": (NAME, "B"), "3": (NAME, "B")}
    first, second = sent[f"{A}@example.com"], sent[f"{B}@example.com"]
    assert first.subject.startswith("In short") is False
    assert second.subject == "In short: order 3 is late"
    assert first.text.splitlines()[5:6] == second.text.splitlines()[5:6]


def test_where_both_wordings_are_the_same_nobody_takes_part(trial):
    take(trial, "1", A, phone="+4917139200001", sms_consent=True)
    take(trial, "2", B, locale="pt_BR")
    trial.run_day()
    found = {(row["order_id"], row["channel"]): row["wording"] for row in trial.notices}
    assert found["1", "email"] == "A"
    assert found["1", "sms"] is None
    assert found["2", "email"] is None


@pytest.mark.parametrize("policy", [Policy(experiment=(TRIAL.model_copy(update={"ends": day(0)}),)), None])
def test_a_waiting_notice_keeps_its_wording_when_the_trial_ends_or_its_order_changes(trial, policy):
    take(trial, "1", B)
    trial.evaluate()
    if policy:
        trial.context = replace(trial.context, policy=policy)
    trial.change("1", on=1, expected_on=day(3))
    trial.evaluate(1)
    said = [(row["state"], row["wording"], row["subject"]) for row in trial.notices]
    assert [state for state, *_ in said] == ["skipped", "queued"]
    assert {(wording, subject) for _, wording, subject in said} == {("B", "In short: order 1 is late")}


def test_a_trial_that_begins_changes_no_words_that_wait(trial):
    policy = trial.context.policy
    trial.context = replace(trial.context, policy=Policy())
    take(trial, "1", B)
    trial.evaluate()
    trial.context = replace(trial.context, policy=policy)
    trial.change("1", on=0, expected_on=None)
    assert [message.subject.startswith("In short") for message in trial.run_day(0)] == [False]
    assert in_trial(trial) == {"1": (None, None)}


def test_a_refused_mail_is_followed_in_the_same_wording(trial, own):
    (own / "fortnight_b" / "sms.en.txt").write_text("In short: order {{ order.id }} is late. {{ order.url }}")
    trial.context = with_renderer(trial.context, Renderer(SHOP, own))
    take(trial, "1", B, phone="+4917139200001", sms_consent=True, prefers="email")
    trial.evaluate()
    refuse = lambda message: PermanentFailure("no such box") if message.channel is Channel.EMAIL else None  # noqa: E731
    trial.transport.answer = refuse
    trial.deliver()
    from tasks.delivery.fallback import send_fallbacks

    send_fallbacks(trial.context, "test", batch=9)
    assert {(row["channel"], row["wording"]) for row in trial.notices} == {("email", "B"), ("sms", "B")}


def test_staff_see_the_wording_before_and_after_it_leaves(trial):
    take(trial, "1", B)
    assert dry_run(trial.context, batch=9).summary.wordings == {f'B of "{NAME}"': 1}
    with read_only(trial.context.engine) as connection:
        assert explain_order(trial.context, connection, "1")["now"]["wording"] == f'B of "{NAME}"'
    trial.run_day()
    with read_only(trial.context.engine) as connection:
        told = explain_order(trial.context, connection, "1")["told"]
        assert [(row["experiment"], row["wording"]) for row in told] == [(NAME, "B")]
        message = load_message(connection, "1", 1)
    assert (message.trial_name, message.wording) == (NAME, "B")


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("fortnight_b/subject.en.txt", "{{ ordr.id }}", "fortnight_b/subject.en.txt, line 1: 'ordr' is undefined"),
        ("fortnight_c/subject.en.txt", SECOND, "no message is named 'fortnight_c'"),
    ],
)
def test_the_check_reads_second_wordings_as_the_message_that_they_are_of(own, file, text, says):
    assert find_errors(SHOP, own, experiments=[TRIAL]) == []
    (own / file).parent.mkdir(exist_ok=True)
    (own / file).write_text(text)
    found = [str(problem) for problem in find_errors(SHOP, own, experiments=[TRIAL])]
    assert found
    assert any(says in one for one in found)


def test_a_trial_without_a_second_wording_is_a_mistake():
    (problem,) = find_errors(SHOP, None, experiments=[TRIAL])
    assert "add fortnight_b/subject.en.txt or another part of fortnight" in str(problem)
