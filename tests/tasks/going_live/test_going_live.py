"""From a trial to customers: what the local outbox has counts no more, and nobody is told twice or by mistake."""

import asyncio
import json
import os
import pty
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import command_line
from models.enums import State
from models.errors import ForewarnError
from rules.going_live import AGES, Rollout, RolloutFilter, age_of
from sources.sample import write_sample
from tasks.db.engine import connect
from tasks.db.sql import read_only
from tasks.tables import LIVE_CHANNELS, NOTICES, SUPPRESSIONS
from tests.support.delivery import rows_of
from tests.support.provider import Answer

DAY = "2026-06-15"
FOREWARN = Path(sys.executable).with_name("forewarn")


class ShopFolder:
    """A sample shop in a folder of its own, worked with by the command, in this process: a start costs seconds."""

    def __init__(self, folder, orders=80):
        self.folder = folder
        self.settings = {}
        write_sample(folder / "shop", orders=orders, seed=7, as_of=date.fromisoformat(DAY))
        policy = folder / "shop" / "policy.toml"
        assert "[brake]" not in policy.read_text()
        policy.write_text(policy.read_text() + "\n[guardrails]\nmax_data_age_hours = 0\n")

    def use(self, provider, **settings):
        self.settings |= {"email": "sendgrid", "sendgrid_api_key": "SG.test", "sendgrid_url": provider.url, **settings}
        provider.answer_with(Answer(202, headers={"X-Message-Id": "m-1"}))

    @property
    def environment(self):
        return {f"FOREWARN_{name.upper()}": value for name, value in self.settings.items()}

    def run(self, *arguments, code=0):
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            done = CliRunner().invoke(command_line, arguments, env=self.environment)
        finally:
            os.chdir(before)
        if done.exception is not None and not isinstance(done.exception, ForewarnError | SystemExit):
            raise done.exception
        done.sentence = str(done.exception) if isinstance(done.exception, ForewarnError) else ""
        assert done.exit_code == code, done.output + done.sentence
        return done

    async def call(self, *arguments, code=0):
        return await asyncio.to_thread(self.run, *arguments, code=code)

    async def json(self, *arguments, code=0):
        return json.loads((await self.call(*arguments, "--json", code=code)).stdout)

    def rows(self, table):
        (path,) = self.folder.glob("var/*/forewarn.db")
        engine = connect(f"sqlite:///{path}")
        with read_only(engine) as connection:
            found = [dict(row) for row in connection.execute(rows_of(table)).mappings()]
        engine.dispose()
        return found


@pytest.fixture
def place(tmp_path):
    return ShopFolder(tmp_path)


@pytest.fixture
def tried(place):
    """A shop whose first day went to the local outbox."""
    place.run("run", "--import", "--as-of", DAY)
    return place


def mails(provider):
    return [json.loads(one.body) for one in provider.requests if one.path == "/v3/mail/send"]


def receivers(provider):
    return sorted(mail["personalizations"][0]["to"][0]["email"] for mail in mails(provider))


async def test_what_went_to_the_local_outbox_is_told_for_real_by_go_live_and_once(tried, provider):
    in_trial = [one for one in tried.rows(NOTICES) if one["state"] == State.SENT and one["channel"] == "email"]
    assert in_trial
    assert all(one["trial"] for one in in_trial)
    tried.use(provider)

    await tried.call("run", "--as-of", DAY)
    assert mails(provider) == []
    told = await tried.json("go-live", "--yes", "--as-of", DAY)

    assert receivers(provider) == sorted(one["address"] for one in in_trial)
    assert told["tell"] == len({one["order_id"] for one in tried.rows(NOTICES) if one["trial"]})
    assert told["report"]["sent"]["email"] == len(in_trial)
    again = await tried.json("run", "--as-of", DAY)
    assert again["sent"] == {}
    assert len(mails(provider)) == len(in_trial)


def test_a_trial_is_called_a_trial_wherever_it_is_reported(tried):
    report = json.loads(tried.run("run", "--as-of", "2026-06-16", "--json").stdout)
    status = json.loads(tried.run("status", "--json").stdout)
    late = next(one for one in tried.rows(NOTICES) if one["state"] == State.SENT)
    story = tried.run("explain", late["order_id"], "--as-of", DAY).stdout

    assert report["trial"] == report["sent"]
    assert status["notices"]["sent in a trial"] == len([one for one in tried.rows(NOTICES) if one["state"] == "sent"])
    assert "sent" not in status["notices"]
    assert " trial " in " ".join(story.split())
    assert "Nothing would be sent: the customer was told in a trial only" in story


async def test_nothing_leaves_by_a_provider_before_go_live_and_the_run_says_so(place, provider):
    place.use(provider)
    report = await place.json("run", "--import", "--as-of", DAY, code=3)
    assert mails(provider) == []
    assert "is not live" in report["not_live"]["email"]
    assert report["waiting"] > 0
    assert place.rows(LIVE_CHANNELS) == []


async def test_the_preview_names_how_many_by_age_and_bucket_and_changes_nothing(tried, provider):
    tried.use(provider)
    before = tried.rows(NOTICES)
    found = await tried.json("go-live", "--dry-run", "--as-of", DAY)
    assert tried.rows(NOTICES) == before
    assert sum(n for row in found["by_age"] for name, n in row.items() if name != "late for") == found["tell"]
    assert {row["late for"] for row in found["by_age"]} <= {name for _, name in AGES}
    shown = (await tried.call("go-live", "--dry-run", "--as-of", DAY)).stdout
    assert f"{found['tell']} orders of {found['customers']} customers" in shown


async def test_without_a_terminal_go_live_wants_yes(tried, provider):
    tried.use(provider)
    refused = await tried.call("go-live", "--as-of", DAY, code=1)
    assert "add --yes" in refused.sentence
    assert mails(provider) == []


async def test_in_a_terminal_go_live_asks_and_no_leaves_all_as_it_was(tried, provider):
    tried.use(provider)
    before = tried.rows(NOTICES)

    def answer_no():
        ours, theirs = pty.openpty()
        with subprocess.Popen(  # noqa: S603 - our own command
            [FOREWARN, "go-live", "--as-of", DAY],
            cwd=tried.folder,
            env={**os.environ, **tried.environment},
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            os.write(ours, b"n\n")
            said, wrong = process.communicate(timeout=180)
        os.close(ours)
        os.close(theirs)
        return process.returncode, said, wrong

    code, said, wrong = await asyncio.to_thread(answer_no)
    assert code == 1
    assert "Notify customers of" in said + wrong
    assert "nothing was sent" in wrong
    assert tried.rows(NOTICES) == before
    assert mails(provider) == []


async def test_older_delays_stay_untold_on_purpose_until_they_change(tried, provider):
    tried.use(provider)
    found = await tried.json("go-live", "--from", "2026-06-15", "--yes", "--as-of", DAY)
    assert found["left_untold"] > 0
    assert found["tell"] > 0
    untold = {one["order_id"] for one in tried.rows(NOTICES) if one["trial"]} - {
        one["order_id"] for one in tried.rows(NOTICES) if one["state"] == State.SENT and not one["trial"]
    }
    story = (await tried.call("explain", sorted(untold)[0], "--as-of", DAY)).stdout
    assert "skipped on purpose" in story
    # On a later day its date has passed: a first notice, which names no date that nobody read.
    await tried.call("run", "--as-of", "2026-07-20", code=3)  # the guardrails hold what so late a run records
    later = [one for one in tried.rows(NOTICES) if one["order_id"] in untold and one["told_on"] == date(2026, 7, 20)]
    assert later
    assert {one["change"] for one in later} == {"first"}


async def test_a_limit_and_a_list_of_addresses_tell_only_those_and_the_channel_is_not_live(tried, provider):
    tried.use(provider)
    address = next(one["address"] for one in tried.rows(NOTICES) if one["channel"] == "email" and one["trial"])
    await tried.call("go-live", "--only", address, "--yes", "--as-of", DAY)
    assert set(receivers(provider)) == {address}
    assert tried.rows(LIVE_CHANNELS) == []

    told = len(mails(provider))
    limited = await tried.json("go-live", "--limit", "2", "--yes", "--as-of", DAY)
    assert limited["tell"] == 2
    assert len(mails(provider)) <= told + 2
    assert len(set(receivers(provider))) == len(receivers(provider))
    await tried.call("run", "--as-of", DAY)
    assert len(mails(provider)) <= told + 2

    await tried.call("go-live", "--yes", "--as-of", DAY)
    assert len(set(receivers(provider))) == len(receivers(provider))
    assert tried.rows(LIVE_CHANNELS)


async def test_the_first_day_under_supervision_holds_every_run_until_a_person_lets_it_go(tried, provider):
    tried.use(provider)
    report = (await tried.json("go-live", "--hold-all", "--yes", "--as-of", DAY, code=3))["report"]
    assert mails(provider) == []
    assert "supervision" in report["held"]
    await tried.call("run", "--as-of", "2026-06-20", code=3)
    assert mails(provider) == []

    status = await tried.json("status")
    runs = [one["run"] for one in status["held"]]
    assert len(runs) == 2
    waiting = next(one["order_id"] for one in tried.rows(NOTICES) if one["state"] == State.HELD)
    story = (await tried.call("explain", waiting, "--as-of", "2026-06-20")).stdout
    assert "a message waits: held with run" in story
    assert "evaluated again" not in story
    await tried.call("supervision", "off")
    for run in runs:
        await tried.call("release", run)
    await tried.call("deliver", "--as-of", "2026-06-20")
    assert len(mails(provider)) > 0


async def test_a_redirect_sends_everything_to_one_test_address_and_is_a_trial(place, provider):
    place.use(provider, redirect_email="me@example.org")
    report = await place.json("run", "--import", "--as-of", DAY)
    assert set(receivers(provider)) == {"me@example.org"}
    assert report["trial"]["email"] == len(mails(provider)) > 0
    subject = mails(provider)[0]["subject"]
    assert subject.startswith("[for ")
    assert "…@" in subject
    assert "name" not in mails(provider)[0]["personalizations"][0]["to"][0]

    place.settings.pop("redirect_email")
    await place.call("go-live", "--yes", "--as-of", DAY)
    assert len([one for one in receivers(provider) if one != "me@example.org"]) == report["trial"]["email"]


async def test_a_redirect_of_mails_lets_no_text_through_to_a_customer(place, provider):
    place.use(
        provider,
        redirect_email="me@example.org",
        sms="twilio",
        twilio_account_sid="AC1",
        twilio_auth_token="t",
        twilio_from="+15005550006",
        twilio_url=provider.url,
    )
    report = await place.json("run", "--import", "--as-of", DAY, code=1)
    assert {one.path for one in provider.requests} == {"/v3/mail/send"}
    assert "would reach customers" in report["down"]["sms"]


async def test_a_test_address_that_is_none_is_a_sentence(place, provider):
    place.use(provider, redirect_email="nonsense")
    failed = await place.call("run", "--as-of", DAY, code=1)
    assert "FOREWARN_REDIRECT_EMAIL" in failed.sentence


async def test_a_refusal_of_the_test_address_suppresses_no_customer(place, provider):
    place.use(provider, redirect_email="me@example.org")
    refusal = {"field": "personalizations.0.to.0.email", "message": "Does not contain a valid address."}
    provider.answer_with(Answer(400, {"errors": [refusal]}))
    await place.call("run", "--import", "--as-of", DAY)
    assert [one["reason"] for one in place.rows(NOTICES) if one["state"] == State.REJECTED]
    assert place.rows(SUPPRESSIONS) == []


async def test_sendgrids_sandbox_checks_mails_and_delivers_none(place, provider):
    place.use(provider, sendgrid_sandbox="true")
    provider.answer_with(Answer(200))
    report = await place.json("run", "--import", "--as-of", DAY)
    assert report["trial"]["email"] == report["sent"]["email"] > 0
    assert all(mail["mail_settings"] == {"sandbox_mode": {"enable": True}} for mail in mails(provider))


async def test_one_message_to_oneself_leaves_the_ledger_as_it_was(tried, provider):
    kept = await tried.call("send-test", "--to", "me@example.org")
    assert "Kept on this machine, not sent: open " in kept.stdout
    tried.use(provider)
    before = tried.rows(NOTICES)
    taken = await tried.call("send-test", "fortnight", "--to", "me@example.org", "--language", "pt_BR")
    assert taken.stdout.startswith("The provider took it")
    order = next(one["order_id"] for one in before if one["channel"] == "email" and one["trial"])
    await tried.call("send-test", "--order", order, "--to", "me@example.org", "--as-of", DAY)
    assert receivers(provider) == ["me@example.org"] * 2
    assert all(mail["subject"].startswith("[Test] ") for mail in mails(provider))
    assert tried.rows(NOTICES) == before
    unknown = await tried.call("send-test", "nonsense", "--to", "me@example.org", code=1)
    assert "nonsense" in unknown.sentence


def test_a_filter_tells_the_young_delays_first_come_first_told(plan_for):
    rollout = Rollout()
    for name, began in (("a", 20), ("b", 3), ("c", 2)):
        rollout.add(plan_for(name, began), RolloutFilter(since=date(2026, 6, 10), limit=1))
    assert (rollout.untold, rollout.tell, rollout.later) == (["a"], ["b"], 1)


@pytest.fixture
def plan_for():
    from dataclasses import replace

    from models.decisions import Contact
    from models.enums import Channel
    from rules.delays.assess import assess_order
    from tests.support.builders import CALENDAR, DAY, POLICY, line, order

    def make(name, days):
        found = replace(order(line(promised=-days - 1, expected=20)), id=name)
        plan = assess_order(found, DAY, POLICY, CALENDAR).plan
        return replace(plan, contacts=(Contact(Channel.EMAIL, "anna@example.com"),))

    return make


@pytest.mark.parametrize(
    ("began", "age"),
    [(0, "0-3 days"), (3, "0-3 days"), (4, "4-7 days"), (8, "8-14 days"), (30, "15-30 days"), (31, "31 days or more")],
)
def test_the_age_of_a_delay_counts_from_the_first_day_after_the_promise(plan_for, began, age):
    assert age_of(plan_for("a", began)) == age


def test_a_delay_that_is_foreseen_is_not_late_yet(plan_for):
    assert age_of(plan_for("a", -5)) == "not late yet"


async def test_doctor_says_whether_customers_are_reached(tried, provider):
    def said(found):
        return {one["what"]: one["found"] for one in found["checks"] if one["what"].startswith(("live", "supervision"))}

    assert "local outbox" in said(await tried.json("doctor", "--no-providers"))["live"]
    tried.use(provider, redirect_email="me@example.org")
    assert "no customer is notified" in said(await tried.json("doctor", "--no-providers"))["live"]
    tried.settings.pop("redirect_email")
    assert "waits" in said(await tried.json("doctor", "--no-providers"))["live email"]
    await tried.call("go-live", "--yes", "--as-of", DAY)
    await tried.call("supervision", "on")
    found = said(await tried.json("doctor", "--no-providers"))
    assert (found["live email"], "wait for a person" in found["supervision"]) == ("reaches customers", True)


async def test_a_day_that_has_not_come_is_no_day_to_begin_from(tried, provider):
    tried.use(provider)
    refused = await tried.call("go-live", "--from", "2026-06-16", "--dry-run", "--as-of", DAY, code=1)
    assert "is in the future" in refused.sentence


async def test_a_day_before_the_last_one_lived_changes_nothing(tried, provider):
    tried.use(provider)
    before = tried.rows(NOTICES)
    refused = await tried.call("go-live", "--yes", "--as-of", "2026-06-14", code=1)
    assert "late-orders was run for 2026-06-15 already" in refused.sentence
    assert (tried.rows(NOTICES), tried.rows(LIVE_CHANNELS), mails(provider)) == (before, [], [])
