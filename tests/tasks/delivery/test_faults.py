"""What goes wrong at a provider, from its own answer to what the ledger then says, as docs/faults.md has it."""

import re
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from channels.local.outbox import LocalOutbox, location_of
from models.enums import Channel, State
from models.messages import Message
from tasks.db.sql import read_only
from tasks.delivery.circuit_breaker import open_breakers
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.worker import DeliveryWorker
from tests.channels.test_transports import TIMEOUT, WAYS
from tests.support.builders import DAY
from tests.support.delivery import deliver_all
from tests.support.paths import ROOT
from tests.support.provider import Answer, run_provider
from tests.support.shop_driver import SHOP, FakeTransport, customer, noon
from tests.tasks.delivery.test_in_doubt import PROVIDERS, owe_a_post

pytestmark = pytest.mark.sqlite_suffices(
    "what a provider answers; test_worker.py and test_circuit_breaker.py record the same on both databases"
)

SECOND = timedelta(seconds=1)
WAIT = 120 * SECOND
CHANNELS = {"sendgrid": Channel.EMAIL, "twilio": Channel.SMS, "x": Channel.X}


def owe(driver, name, n=1):
    """Owe messages that leave by a provider; return a function that reads them."""
    facts = PROVIDERS[name][1]
    if facts is None:
        owe_a_post(driver)
        return lambda: driver.post_messages
    for key in range(n):
        driver.order(f"{name}{key}", customer=customer(f"{name}{key}", **facts))
    driver.evaluate()
    return lambda: [row for row in driver.notices if row["channel"] == CHANNELS[name]]


@asynccontextmanager
async def at_the_provider(driver, name):
    """Run a provider; yield it, and a function that delivers by it at a moment, and by a till whatever it has not."""
    async with run_provider() as provider:

        async def deliver(at):
            transport = PROVIDERS[name][0](provider.url, at)
            transports = dict.fromkeys(Channel, FakeTransport()) | {CHANNELS[name]: transport}
            holder = LeaseHolder(f"run {at}", timedelta(minutes=10))
            worker = DeliveryWorker(holder, transports, 1, lambda: at)
            done = await deliver_all(driver.context.with_run("", DAY, at), worker)
            await transport.close()
            return done

        yield provider, deliver


def states(rows):
    return {row["state"] for row in rows()}


@pytest.mark.parametrize(
    "asks",
    [
        {"Retry-After": "120"},
        {"Retry-After": format_datetime(noon(0) + WAIT, usegmt=True)},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int((noon(0) + WAIT).timestamp()))},
        {"x-rate-limit-remaining": "0", "x-rate-limit-reset": str(int((noon(0) + WAIT).timestamp()))},
    ],
    ids=lambda headers: " ".join(headers),
)
@pytest.mark.parametrize("name", WAYS)
async def test_a_provider_that_is_busy_is_left_alone_for_as_long_as_it_asks(driver, name, asks):
    rows = owe(driver, name)
    async with at_the_provider(driver, name) as (provider, deliver):
        provider.answer_with(Answer(429, {}, {"Date": format_datetime(noon(0), usegmt=True)} | asks), WAYS[name].taken)
        await deliver(noon(0))
        assert [(row["state"], row["not_before"]) for row in rows()] == [(State.QUEUED, noon(0) + WAIT)]
        await deliver(noon(0) + WAIT - SECOND)
        assert len(provider.requests) == 1
        await deliver(noon(0) + WAIT)
    assert states(rows) == {State.SENT}


@pytest.mark.parametrize(("slow", "state"), [(0.5, State.SENT), (2, State.IN_DOUBT)])
@pytest.mark.parametrize("name", WAYS)
async def test_a_slow_answer_counts_until_our_patience_ends_and_then_nobody_knows(driver, name, slow, state):
    rows = owe(driver, name)
    taken = WAYS[name].taken
    async with at_the_provider(driver, name) as (provider, deliver):
        provider.answer_with(Answer(taken.status, taken.body, taken.headers, after=slow * TIMEOUT))
        await deliver(noon(0))
        await deliver(noon(0) + timedelta(minutes=20))
        assert len(provider.requests) == 1
    assert states(rows) == {state}


STOPPED = {
    "sendgrid, wrong key": Answer(
        401, {"errors": [{"message": "The provided authorization grant is invalid, expired, or revoked"}]}
    ),
    "sendgrid, key without the right": Answer(403, {"errors": [{"message": "access forbidden"}]}),
    "sendgrid, no credits": Answer(401, {"errors": [{"message": "Maximum credits exceeded"}]}),
    "twilio, wrong token": Answer(401, {"code": 20003, "message": "Authenticate", "status": 401}),
    "twilio, account not active": Answer(403, {"code": 20005, "message": "Account not active", "status": 403}),
    "twilio, account suspended": Answer(400, {"code": 30002, "message": "Account suspended", "status": 400}),
    "twilio, filtered as spam": Answer(400, {"code": 30007, "message": "Message filtered", "status": 400}),
    "x, wrong keys": Answer(401, {"title": "Unauthorized", "detail": "Unauthorized", "status": 401}),
    "x, account suspended": Answer(403, {"title": "Forbidden", "detail": "Your account is suspended"}),
}


@pytest.mark.parametrize("fault", STOPPED)
async def test_an_account_that_may_not_send_stops_its_channel_alone_after_one_message(driver, fault):
    name, answer = fault.partition(",")[0], STOPPED[fault]
    rows = owe(driver, name, n=3)
    owe(driver, "twilio" if name == "sendgrid" else "sendgrid")
    async with at_the_provider(driver, name) as (provider, deliver):
        provider.answer_with(answer)
        done = await deliver(noon(0))
        assert len(provider.requests) == 1
    assert states(rows) == {State.QUEUED}
    assert (set(done.down), sum(done.sent.values()) > 0) == ({CHANNELS[name]}, True)
    with read_only(driver.context.engine) as connection:
        assert set(open_breakers(connection)) == {CHANNELS[name]}


@pytest.mark.both_databases
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full to stand for a full disk")
def test_what_finds_the_disk_full_leaves_when_there_is_room_again(driver, tmp_path):
    driver.order("1")
    driver.order("2", customer=customer("c2"))
    driver.evaluate()
    first, _ = driver.notices
    message = Message(first["id"], Channel.EMAIL, first["address"], first["text"])
    full = location_of(tmp_path, message).with_suffix(".eml")
    full = full.with_name(f".{full.name}.part")
    full.parent.mkdir(parents=True)
    full.symlink_to("/dev/full")
    transport = LocalOutbox(tmp_path, SHOP.sender)
    done = driver.deliver(transport=transport)
    assert (done.sent, done.down) == ({"email": 1}, {})
    assert sorted(row["state"] for row in driver.notices) == [State.QUEUED, State.SENT]
    assert driver.deliver(transport=transport, at=noon(0) + timedelta(minutes=2)).sent == {"email": 1}
    assert len(list(tmp_path.rglob("*.eml"))) == 2


def test_every_fault_of_the_page_names_tests_that_there_are():
    there = {
        name for file in (ROOT / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", file.read_text())
    }
    rows = [row for row in (ROOT / "docs" / "faults.md").read_text().splitlines() if row.startswith("|")][2:]
    named = {row: re.findall(r"`(test_\w+)`", row.split(" | ")[-1]) for row in rows}
    assert [
        row for row, tests in named.items() if not tests and not row.endswith(("the same |", "the same two |"))
    ] == []
    assert {name for tests in named.values() for name in tests} - there == set()
