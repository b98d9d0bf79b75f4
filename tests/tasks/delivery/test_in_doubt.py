import asyncio
import json
from datetime import date, timedelta

import pytest
from typer.testing import CliRunner

from channels.sms.twilio import TwilioLogin, TwilioTransport
from channels.transport import LookupUnavailable, OutcomeUnknown, PermanentFailure, TemporaryFailure
from cli.main import command_line
from models.enums import Channel, State
from models.errors import ForewarnError
from models.messages import Receipt
from rules.contact.addresses import country_of
from sources.starter_folder import write_starter
from tasks.db.outbox import insert_messages, outbox_row
from tasks.delivery.in_doubt import count_waiting_for_staff, list_in_doubt, resolve_manually
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.reconcile import reconcile_in_doubt
from tasks.delivery.worker import DeliveryWorker
from tasks.tables import EVENTS, POST_MESSAGES, POSTS, SUPPRESSIONS
from tests.channels.test_transports import TIMEOUT, sendgrid, x
from tests.support.at_once import run_at_once
from tests.support.builders import DAY
from tests.support.delivery import deliver_all
from tests.support.provider import ProviderRecords, run_provider
from tests.support.shop_driver import FakeTransport, customer, noon

pytestmark = pytest.mark.sqlite_suffices(
    "who settles what; all that is read and written for it is so on both databases by a few"
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LATER = noon(0) + 40 * MINUTE


class Records(FakeTransport):
    """A transport whose provider can be asked; it answers what a test wants."""

    def __init__(self, *answers):
        super().__init__()
        self.answers, self.asked = list(answers), []

    async def lookup(self, message, since):
        self.asked.append((message.id, since))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer


def doubtful(driver, n=1):
    """Bring notices in doubt, at noon."""
    for key in range(n):
        driver.order(str(key), customer=customer(f"c{key}"))
    driver.evaluate()
    driver.deliver(transport=FakeTransport(lambda _: OutcomeUnknown("silence")))
    return driver


def settle(driver, transport, at, name="asker", channels=tuple(Channel)):
    worker = DeliveryWorker(LeaseHolder(name, timedelta(minutes=10)), dict.fromkeys(channels, transport), 4, lambda: at)
    return dict(run_at_once(reconcile_in_doubt(driver.context, worker)))


def states(driver):
    return [notice["state"] for notice in driver.notices]


def waiting(driver):
    with driver.context.engine.connect() as connection:
        return count_waiting_for_staff(connection)


def test_a_message_that_the_provider_has_counts_as_sent_and_bears_its_reference(driver):
    transport = Records(Receipt("SM9"))
    assert settle(doubtful(driver), transport, LATER) == {"sent": 1}
    (notice,) = driver.notices
    assert (notice["state"], notice["reference"], notice["settled_at"]) == (State.SENT, "SM9", LATER)
    assert driver.rows(EVENTS)[-1]["why"] == "the provider's records have it"
    assert driver.deliver(at=LATER).sent == {}


def test_a_message_that_only_a_test_address_got_is_still_a_trial(driver):
    assert settle(doubtful(driver), Records(Receipt("SM9", trial=True)), LATER) == {"sent": 1}
    assert [(notice["state"], notice["trial"]) for notice in driver.notices] == [(State.SENT, True)]


def test_a_message_that_never_came_leaves_again_once(driver):
    assert settle(doubtful(driver), Records(None), LATER) == {"queued": 1}
    assert driver.rows(EVENTS)[-1]["kind"] == "queued"
    assert driver.deliver(at=LATER).sent == {"email": 1}
    assert driver.deliver(at=LATER + HOUR).sent == {}
    assert len(driver.transport.taken) == 1


@pytest.mark.both_databases
def test_the_facts_are_read_again_before_what_never_came_leaves_again(driver):
    settle(doubtful(driver), Records(None), LATER)
    driver.change("0", shipped_at=noon(0))
    assert driver.deliver(at=LATER).skipped == {"shipped": 1}
    assert driver.transport.taken == []


@pytest.mark.parametrize(("minutes", "asked"), [(4, 0), (5, 1)])
def test_a_provider_is_not_asked_before_its_records_can_know(driver, minutes, asked):
    transport = Records(Receipt("SM9"))
    settle(doubtful(driver), transport, noon(0) + minutes * MINUTE)
    assert len(transport.asked) == asked


@pytest.mark.parametrize(("minutes", "state"), [(5, State.IN_DOUBT), (29, State.IN_DOUBT), (30, State.QUEUED)])
def test_never_came_is_believed_only_when_the_records_had_time(driver, minutes, state):
    settle(doubtful(driver), Records(None), noon(0) + minutes * MINUTE)
    assert states(driver) == [state]


def test_after_a_first_no_the_provider_is_asked_again_when_its_records_are_whole(driver):
    transport = Records(None, None, Receipt("SM9"))
    doubtful(driver)
    for minutes in range(5, 31):
        settle(driver, transport, noon(0) + minutes * MINUTE, name=f"run {minutes}")
    assert len(transport.asked) == 2
    assert states(driver) == [State.QUEUED]


@pytest.mark.parametrize(("wait", "minutes"), [(None, 5), (17 * MINUTE, 17)])
def test_a_provider_that_cannot_be_asked_now_is_asked_later(driver, wait, minutes):
    transport = Records(TemporaryFailure("busy", retry_after=wait), Receipt("SM9"))
    doubtful(driver)
    assert settle(driver, transport, LATER) == {}
    assert settle(driver, transport, LATER + (minutes - 1) * MINUTE) == {}
    assert states(driver) == [State.IN_DOUBT]
    assert settle(driver, transport, LATER + minutes * MINUTE) == {"sent": 1}


def test_a_provider_that_is_away_is_asked_once_a_run_and_not_for_every_message(driver):
    transport = Records(TemporaryFailure("away"))
    settle(doubtful(driver, 5), transport, LATER)
    assert len(transport.asked) == 1
    assert states(driver) == [State.IN_DOUBT] * 5


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (LookupUnavailable("no email activity"), "no email activity"),
        (KeyError("a bug of ours"), "KeyError: 'a bug of ours'"),
    ],
)
def test_what_the_records_do_not_answer_is_peoples_and_nobody_asks_again(driver, answer, why):
    transport = Records(answer)
    assert settle(doubtful(driver), transport, LATER) == {"people": 1}
    assert driver.rows(EVENTS)[-1]["why"] == why
    assert settle(driver, transport, LATER + 48 * HOUR) == {}
    assert (states(driver), len(transport.asked), waiting(driver)) == ([State.IN_DOUBT], 1, 1)


def test_a_door_without_records_leaves_its_doubts_to_people(driver):
    assert settle(doubtful(driver), FakeTransport(), LATER) == {"people": 1}


@pytest.mark.parametrize(("hours", "people"), [(23, 0), (24, 1)])
def test_what_no_provider_settled_in_time_is_peoples(driver, hours, people):
    settle(doubtful(driver), Records(TemporaryFailure("away")), noon(0) + hours * HOUR)
    assert waiting(driver) == people
    assert states(driver) == [State.IN_DOUBT]


@pytest.mark.both_databases
@pytest.mark.parametrize(("hours", "people"), [(24, 0), (25, 1)])
def test_doubts_of_a_channel_that_is_shut_are_peoples_after_the_same_time(driver, hours, people):
    settle(doubtful(driver), Records(None), noon(0) + hours * HOUR, channels=())
    assert waiting(driver) == people


def test_many_are_asked_about_at_once_but_no_more_than_may_be_under_way(driver):
    class Busy(Records):
        now = most = 0

        async def lookup(self, message, since):
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(0.01)
            self.now -= 1
            return await super().lookup(message, since)

    transport = Busy(Receipt("SM9"))
    assert settle(doubtful(driver, 9), transport, LATER) == {"sent": 9}
    assert (len(transport.asked), transport.most) == (9, 4)


@pytest.mark.both_databases
def test_what_the_records_call_lost_counts_as_refused_and_told_to_nobody(driver):
    transport = Records(PermanentFailure("filtered as spam", suppress=True))
    assert settle(doubtful(driver), transport, LATER) == {"rejected": 1}
    assert (driver.notices[0]["reason"], driver.told_revision("0")) == ("filtered as spam", None)
    assert [row["address"] for row in driver.rows(SUPPRESSIONS)] == ["c0@example.com"]


def test_two_workers_do_not_ask_about_the_same_message(driver):
    doubtful(driver, 3)
    second = Records(Receipt("SM9"))

    class Slow(Records):
        async def lookup(self, message, since):
            if not self.asked:
                worker = DeliveryWorker(LeaseHolder("b", 10 * MINUTE), dict.fromkeys(Channel, second), 4, lambda: LATER)
                assert await reconcile_in_doubt(driver.context, worker) == {}
            return await super().lookup(message, since)

    assert settle(driver, Slow(Receipt("SM1")), LATER, name="a") == {"sent": 3}
    assert second.asked == []


def test_an_asker_that_died_leaves_its_questions_to_the_next(driver):
    class Dying(Records):
        async def lookup(self, message, since):
            raise KeyboardInterrupt

    doubtful(driver)
    with pytest.raises(KeyboardInterrupt):
        settle(driver, Dying(None), LATER)
    transport = Records(Receipt("SM9"))
    assert settle(driver, transport, LATER + 9 * MINUTE, name="b") == {}
    assert settle(driver, transport, LATER + 10 * MINUTE, name="b") == {"sent": 1}


@pytest.mark.both_databases
def test_a_person_who_settles_while_the_provider_is_asked_has_the_last_word(driver):
    class Slow(Records):
        async def lookup(self, message, since):
            resolve_manually(driver.context, LATER, message.id, "mara", sent=True)
            return await super().lookup(message, since)

    assert settle(doubtful(driver), Slow(None), LATER) == {}
    assert states(driver) == [State.SENT]
    assert driver.rows(EVENTS)[-1]["kind"] == "too_late"


def test_what_a_person_saw_is_kept_with_who_and_when(driver):
    (notice,) = doubtful(driver).notices
    assert resolve_manually(driver.context, LATER, notice["id"][:6], "mara", sent=True) == notice["id"]
    event = driver.rows(EVENTS)[-1]
    assert (event["kind"], event["who"], event["at"]) == ("settled_sent", "mara", LATER)
    assert states(driver) == [State.SENT]
    assert driver.deliver(at=LATER).sent == {}


@pytest.mark.both_databases
def test_what_a_person_did_not_find_leaves_again_once(driver):
    (notice,) = doubtful(driver).notices
    settle(driver, FakeTransport(), LATER)
    resolve_manually(driver.context, LATER, notice["id"], "mara", sent=False, why="not in the log")
    assert driver.rows(EVENTS)[-1]["why"] == "not in the log"
    assert driver.deliver(at=LATER).sent == {"email": 1}
    assert waiting(driver) == 0


@pytest.mark.parametrize("beginning", ["", "no-such", "%", "%%%%"])
def test_a_message_that_is_not_plainly_meant_is_not_settled(driver, beginning):
    doubtful(driver, 2)
    with pytest.raises(ForewarnError, match=r"in-doubt list|too short"):
        resolve_manually(driver.context, LATER, beginning, "mara", sent=True)
    assert states(driver) == [State.IN_DOUBT] * 2


@pytest.mark.both_databases
def test_only_what_is_in_doubt_can_be_settled(driver):
    driver.order()
    driver.run_day()
    with pytest.raises(ForewarnError, match="none of the messages in doubt"):
        resolve_manually(driver.context, LATER, driver.notices[0]["id"], "mara", sent=False)


@pytest.mark.both_databases
def test_the_list_says_what_waits_for_whom_and_masks_addresses(driver):
    doubtful(driver, 2)
    settle(driver, Records(LookupUnavailable("no"), TemporaryFailure("busy")), LATER)
    found = list_in_doubt(driver.context)
    assert sorted(one["waits_for"] for one in found) == ["people", "provider"]
    assert {one["about"] for one in found} == {"0", "1"}
    assert all("example.com" in one["to"] and not one["to"].startswith("c0@") for one in found)


def owe_a_post(driver):
    for key in range(5):
        driver.order(str(key), customer=customer(f"c{key}"))
    with driver.context.engine.begin() as connection:
        text = "Lamp & shade: late, see https://lamps.example.com"
        row = {"id": "p1", "run_id": "r", "product_id": "p1", "week": "2026-W25", "networks": ["x"], "locale": "en",
               "text": text, "orders": 9, "state": "approved",
               **dict.fromkeys(("created_at", "changed_at", "calendar_at"), noon(0))}  # fmt: skip
        connection.execute(POSTS.insert().values(**row))
        connection.execute(POST_MESSAGES.insert().values(id="p1", post_id="p1", network="x", text=text))
        insert_messages(connection, [outbox_row("p1", Channel.X, State.QUEUED, noon(0))])


def texting(url, at):
    login = TwilioLogin("AC" + "0" * 32, "planted-auth-token")
    senders = {"default": "+4915100000000"}
    return TwilioTransport(login, senders, country_of, now=lambda: at, url=url, timeout=TIMEOUT)


PROVIDERS = {
    "twilio": (texting, {"phone": "+4915112345678", "sms_consent": True, "prefers": "sms"}),
    "sendgrid": (lambda url, _: sendgrid(url), {}),
    "x": (lambda url, _: x(url), None),
}


@pytest.mark.both_databases
@pytest.mark.parametrize("takes", [True, False])
@pytest.mark.parametrize("name", PROVIDERS)
def test_when_the_line_breaks_nothing_is_sent_twice_and_nothing_is_lost(driver, name, takes):
    opens, facts = PROVIDERS[name]
    if facts is None:
        owe_a_post(driver)
    else:
        driver.order(customer=customer("c1", **facts))
        driver.evaluate()
    rows = (lambda: driver.post_messages) if facts is None else (lambda: driver.notices)

    async def live():
        async with run_provider() as provider:
            provider.records = ProviderRecords(noon(0), takes=takes, breaks=True)
            await through(provider, noon(0))
            assert [row["state"] for row in rows()] == [State.IN_DOUBT]
            provider.records.takes, provider.records.breaks = True, False
            done = [await through(provider, noon(0) + n * 10 * MINUTE) for n in range(1, 6)]
            return provider.records.taken, done

    async def through(provider, at):
        transport = opens(provider.url, at)
        worker = DeliveryWorker(LeaseHolder(f"run {at}", 10 * MINUTE), dict.fromkeys(Channel, transport), 4, lambda: at)
        settled = dict(await reconcile_in_doubt(driver.context, worker))
        await deliver_all(driver.context.with_run("test", DAY, at), worker)
        await transport.close()
        return settled

    taken, done = asyncio.run(live())
    assert len(taken) == 1
    assert [row["state"] for row in rows()] == [State.SENT]
    assert [row["reference"] for row in rows()] == ["1"]
    assert [one for one in done if one] == [{"sent": 1} if takes else {"queued": 1}]


@pytest.fixture
def forewarn(driver, ledger, tmp_path):
    """Return a function that runs a command over the counter's ledger, and returns what it printed."""
    write_starter(tmp_path / "shop")
    settings = {
        "FOREWARN_SHOP": str(tmp_path / "shop"),
        "FOREWARN_DATABASE_URL": ledger,
        "FOREWARN_HOME": str(tmp_path),
    }

    def run(*words, ok=True, **more):
        done = CliRunner().invoke(command_line, words, env=settings | more)
        assert (done.exit_code == 0) is ok, done.output
        return done.output or str(done.exception)

    return run


@pytest.mark.both_databases
def test_commands_list_what_is_in_doubt_and_take_a_persons_word(driver, forewarn):
    doubtful(driver, 2)
    settle(driver, FakeTransport(), LATER)
    first, second = json.loads(forewarn("in-doubt", "list", "--json"))["in_doubt"]
    assert first["waits_for"] == "people"
    assert json.loads(forewarn("status", "--json"))["needs_staff"] == 2
    assert "2 messages in doubt need staff" in forewarn("status")
    forewarn("in-doubt", "resolve", first["id"][:8], ok=False)
    said = json.loads(forewarn("in-doubt", "resolve", first["id"][:8], "--sent", "--who", "mara", "--json"))
    assert said == {"id": first["id"], "state": "sent", "who": "mara"}
    assert "leaves with the next deliver" in forewarn(
        "in-doubt", "resolve", second["id"], "--not-sent", "--who", "mara"
    )
    assert forewarn("in-doubt", "list").strip() == "Nothing is in doubt."
    assert sorted(states(driver)) == [State.QUEUED, State.SENT]
    assert {row["who"] for row in driver.rows(EVENTS)[-2:]} == {"mara"}


def test_a_deliver_run_settles_doubts_first_and_reports_them(driver, forewarn):
    doubtful(driver)
    today = str(date.today())  # noqa: DTZ011 - as the command does
    report = json.loads(forewarn("deliver", "--as-of", today, "--json"))
    assert report["settled"] == {"queued": 1}
    assert report["in_doubt"] == 0
    assert State.IN_DOUBT not in states(driver)


@pytest.mark.both_databases
def test_a_post_that_cannot_leave_is_told_as_a_notice_is(driver, forewarn):
    owe_a_post(driver)
    report = json.loads(forewarn("deliver", "--json", ok=False, FOREWARN_X="x"))
    assert report["waiting"] == 1
    assert "FOREWARN_X_CONSUMER_KEY" in report["down"]["x"]


def test_nothing_leaves_on_a_day_before_the_last_that_was_lived(driver, forewarn):
    driver.order()
    driver.evaluate()
    assert "late-orders was run for 2026-06-15 already" in forewarn("deliver", "--as-of", "2026-06-14", ok=False)
    assert states(driver) == [State.QUEUED]
