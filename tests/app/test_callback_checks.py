"""What `forewarn doctor` says about callbacks, and what `forewarn callbacks` shows."""

import json
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from app.composition import isolated_settings
from app.health.callbacks import check_callbacks
from cli.main import command_line
from models.config.settings import GivenSettings
from models.config.shop import read_shop
from tasks.callbacks.append import append_callbacks
from tasks.callbacks.apply import apply_callbacks
from tasks.tables import CALLBACK_EVENTS, EVENTS, LIVE_CHANNELS
from tests.support.callbacks import URL, event, public_text
from tests.support.shop_driver import SHOP_TOML, noon
from tests.tasks.callbacks.test_apply_callbacks import inbound, mail, text

BOTH = {"email": "sendgrid", "sms": "twilio", "twilio_auth_token": SecretStr("token")}
SET_UP = BOTH | {"callback_url": URL, "sendgrid_event_keys": public_text()}


@pytest.fixture
def settings(tmp_path, ledger):
    """Return a function that makes the settings of a shop whose ledger is the driver's."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "shop.toml").write_text(SHOP_TOML)
    given = {"shop": folder, "home": tmp_path, "database_url": SecretStr(ledger)}
    return lambda **more: GivenSettings(**given, **more)


def checks(settings):
    return {check.what: check for check in check_callbacks(settings, read_shop(settings.shop))}


def store(driver, callbacks):
    with driver.context.engine.begin() as connection:
        append_callbacks(connection, callbacks, noon(0))
    apply_callbacks(driver.context, lambda: noon(0), "worker")


def test_a_shop_without_a_provider_is_asked_for_nothing(settings, driver):
    assert checks(settings()) == {}


def test_a_provider_without_an_endpoint_is_named_with_its_setting(settings, driver):
    found = checks(settings(**BOTH))
    assert "FOREWARN_SENDGRID_EVENT_KEYS" in found["callbacks email"].remedy
    assert "FOREWARN_CALLBACK_URL" in found["callbacks sms"].remedy
    assert {check.mark for check in found.values()} == {"note"}


def test_a_key_that_verifies_nothing_is_a_fault(settings, driver):
    (check,) = checks(settings(**BOTH, sendgrid_event_keys="no key")).values()
    assert (check.mark, "FOREWARN_SENDGRID_EVENT_KEYS" in check.found) == ("wrong", True)


def test_it_says_whether_anything_has_arrived(settings, driver):
    store(driver, text("delivered"))
    found = checks(settings(**SET_UP))
    assert (found["callbacks twilio status"].mark, found["callbacks twilio status"].found) == (
        "ok",
        "the last one came at 2026-06-15 10:00 UTC",
    )
    assert (found["callbacks sendgrid"].mark, found["callbacks sendgrid"].found) == ("note", "none so far")


def test_a_live_channel_that_never_heard_anything_is_pointed_out(settings, driver):
    with driver.context.engine.begin() as connection:
        connection.execute(LIVE_CHANNELS.insert().values(channel="email", live_at=datetime.now(UTC), who="staff"))
    found = checks(settings(**SET_UP))
    assert found["callbacks sendgrid"].found == "none ever came, and the channel is live"
    assert "/callbacks/sendgrid/events" in found["callbacks sendgrid"].remedy


def run(settings, capsys, *words):
    with isolated_settings(settings):
        command_line(["callbacks", *words], standalone_mode=False)
    return capsys.readouterr().out


def test_staff_see_texts_with_their_words_and_take_them_off_the_list(settings, driver, capsys):
    store(driver, [*inbound("When does it come?"), *mail(event(message="invented"))])
    (row,) = json.loads(run(settings(), capsys, "list", "--json"))["callbacks"]
    assert (row["details"], row["effect"]) == ("When does it come?", "message")
    assert "5112345678" not in row["address"]
    assert "1 callback off the list" in run(settings(), capsys, "done", str(row["number"]), "--who", "Ada")
    assert "Nothing waits" in run(settings(), capsys, "list")
    assert driver.rows(EVENTS)[-1]["kind"] == "callback_reviewed"
    assert len(driver.rows(CALLBACK_EVENTS)) == 2


def test_counts_are_shown_by_source(settings, driver, capsys):
    store(driver, mail(event(message="invented"), event(message="invented")))
    store(driver, inbound("STOP"))
    found = json.loads(run(settings(), capsys, "status", "--json"))
    assert found["counts"] == {
        "sendgrid": {"unknown": 1},
        "twilio_inbound": {"suppressed": 1},
        "copies": {"dropped": 1},
    }
    assert "twilio inbound" in run(settings(), capsys, "status")
