"""Whether the shop's webhook can be used as it is set, and that a deliver run uses it."""

import asyncio
import time
from datetime import date

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from app.composition import isolated_settings, open_app
from app.delivery_watch import DeliveryWatch
from app.health.doctor import examine
from app.webhook import webhook_problem
from flows.daily_digest import digest_markdown, load_totals
from flows.deliver import run_deliver
from models.config.settings import GivenSettings
from models.enums import State
from models.policy.policy import Policy
from models.webhooks import WEBHOOK
from tasks.reporting.status import load_status
from tasks.tables import OUTBOX
from tests.support.builders import DAY
from tests.support.provider import Fault
from tests.support.shop_driver import SHOP_TOML, noon
from tests.support.webhooks import SECRET, Receiver, event_rows, queue_events

URL = "https://shop.example.com/hooks"
IN_THE_CLEAR = "FOREWARN_WEBHOOK_URL: it must begin with https://"
NO_ADDRESS = "FOREWARN_WEBHOOK_URL: it is no address"


@pytest.mark.parametrize(
    ("url", "secret", "problem"),
    [
        (None, None, ""),
        (None, SECRET, ""),
        (URL, SECRET, ""),
        ("http://localhost:8000/hooks", SECRET, ""),
        ("http://127.0.0.1:8000/hooks", SECRET, ""),
        ("http://[::1]:8000/hooks", SECRET, ""),
        ("http://shop.example.com/hooks", SECRET, IN_THE_CLEAR),
        ("http://127.0.0.1.example.com/hooks", SECRET, IN_THE_CLEAR),
        ("http://10.0.0.1/hooks", SECRET, IN_THE_CLEAR),
        ("ftp://shop.example.com", SECRET, NO_ADDRESS),
        ("shop.example.com", SECRET, NO_ADDRESS),
        ("https://", SECRET, NO_ADDRESS),
        ("https://[::1", SECRET, NO_ADDRESS),
        ("https://shop.example.com:port/", SECRET, NO_ADDRESS),
        (URL, None, "FOREWARN_WEBHOOK_SECRET is missing"),
        (URL, "planted-not-a-secret", "FOREWARN_WEBHOOK_SECRET has another form"),
        (URL, "whsec_c2hvcnQ=", "FOREWARN_WEBHOOK_SECRET has another form"),
    ],
)
def test_a_webhook_is_used_over_https_with_a_good_secret_or_on_this_machine(url, secret, problem):
    said = webhook_problem(GivenSettings(webhook_url=url, webhook_secret=secret and SecretStr(secret)))
    assert said.startswith(problem) if problem else said == ""
    assert "planted" not in said


@pytest.fixture
def shop(tmp_path, ledger):
    """Return a function that sets a shop's webhook; the shop's ledger is the context's."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "shop.toml").write_text(SHOP_TOML)

    def with_webhook(url, secret=SECRET):
        given = {"webhook_url": url, "webhook_secret": secret and SecretStr(secret), "timeout": 1}
        settings = GivenSettings(shop=folder, home=tmp_path, database_url=SecretStr(ledger), **given)
        return isolated_settings(settings)

    return with_webhook


async def delivered(shop, url, secret=SECRET):
    with shop(url, secret), open_app() as app:
        return await run_deliver(app)


async def test_a_deliver_run_tells_the_webhook_and_reports_it(shop, context, provider):
    provider.records = Receiver()
    (key,) = queue_events(context)
    report = await delivered(shop, f"{provider.url}/hooks")
    assert (report.webhooks, report.sent, report.ok) == ({"sent": 1}, {}, True)
    assert list(provider.records.done) == [key]


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
async def test_a_receiver_that_is_silent_keeps_no_message_from_its_customer(shop, driver, provider):
    provider.answer_with(Fault.SILENCE)
    driver.order()
    driver.evaluate()
    queue_events(driver.context, 3, noon(0))
    with shop(f"{provider.url}/hooks"), open_app() as app:
        report = await run_deliver(app, DAY)
    assert (report.sent, report.webhooks, report.ok) == ({"email": 1}, {"retrying": 3}, True)


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
async def test_a_webhook_without_its_secret_keeps_its_events_and_the_run_fails(shop, context):
    queue_events(context)
    report = await delivered(shop, URL, None)
    assert report.down == {WEBHOOK: report.down[WEBHOOK]}
    assert "FOREWARN_WEBHOOK_SECRET is missing" in report.down[WEBHOOK]
    assert [row.state for row in event_rows(context)] == [State.QUEUED]


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
async def test_a_shop_without_a_webhook_sends_nothing(shop, context):
    queue_events(context)
    report = await delivered(shop, None)
    assert (report.webhooks, report.down) == ({}, {})


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
async def test_a_run_that_watches_sends_an_event_that_becomes_due(shop, context, provider):
    provider.records = Receiver()
    watch = DeliveryWatch(run_deliver, ends_at=time.monotonic() + 30, look_seconds=0.05, pause_seconds=0.05)
    with shop(f"{provider.url}/hooks"):
        running = asyncio.create_task(watch.run())
        while watch.report is None:  # noqa: ASYNC110 - what it waits for is in the ledger
            await asyncio.sleep(0.01)
        (key,) = queue_events(context)
        async with asyncio.timeout(20):
            while not provider.records.done:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        watch.stopped.set()
        report = await running
    assert list(provider.records.done) == [key]
    assert report.webhooks == {"sent": 1}


def found(shop, url, secret=SECRET):
    with shop(url, secret):
        return {check.what: check for check in examine(None, providers=False)}.get(WEBHOOK)


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_the_doctor_says_what_is_wrong_with_a_webhook(shop, context):
    assert found(shop, None) is None
    good = found(shop, "https://shop.example.com/planted-path")
    assert (good.mark, good.found) == ("ok", "choices are told to shop.example.com")
    missing = found(shop, URL, None)
    assert (missing.mark, missing.found[:23]) == ("wrong", "FOREWARN_WEBHOOK_SECRET")
    queue_events(context)
    with context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(state=State.REJECTED, settled_at=context.started_at))
    lost = found(shop, URL)
    assert (lost.mark, lost.found) == ("wrong", "given up: 1 event")
    assert "forewarn choices webhooks" in lost.remedy


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_events_that_were_given_up_are_in_the_status_and_the_digest(shop, context):
    queue_events(context, 2)
    with context.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(state=State.REJECTED, settled_at=context.started_at))
    with context.engine.connect() as connection:
        assert load_status(connection).webhooks == {"rejected": 2}
    with shop(URL), open_app() as app:
        day = date(2026, 1, 1)
        assert "Webhook events given up" in digest_markdown("Lamps", day, load_totals(app, day), Policy())
