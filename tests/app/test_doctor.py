"""`forewarn doctor`: what it finds wrong, what it says to do, and what it never shows. Prefect: test_run_every_day."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from prefect.client.schemas.schedules import CronSchedule
from sqlalchemy import insert

from app.health.check import Check
from app.health.doctor import examine
from app.health.prefect import last_run
from cli.main import command_line
from sources.sample import write_sample
from tasks.runs.records import LATE_ORDERS, start_run
from tasks.tables import LEARNT_MODELS
from tests.channels.test_credential_checks import NUMBERS, YES
from tests.support.provider import Answer
from tests.support.shop_driver import open_context

SECRETS = {
    "sendgrid_api_key": "SG.planted-key",
    "twilio_account_sid": "AC" + "0" * 32,
    "twilio_auth_token": "planted-auth-token",
    "x_consumer_key": "planted-consumer-key",
    "x_consumer_secret": "planted-consumer-secret",
    "x_access_token": "planted-access-token",
    "x_access_token_secret": "planted-access-secret",
}
NAMES = {"email": "sendgrid", "sms": "twilio", "x": "x"}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """Return the folder of a shop, in an environment that names nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    write_sample(tmp_path / "shop", orders=10, seed=7, as_of=date(2026, 6, 15))
    return tmp_path / "shop"


@pytest.fixture
def set_up(monkeypatch):
    """Return a function that sets FOREWARN_* variables."""

    def set_them(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"FOREWARN_{name.upper()}", value)

    return set_them


def looked(shop, **options) -> dict[str, Check]:
    return {one.what: one for one in examine(shop, **options)}


def all_doors(url):
    urls = {f"{name}_url": url for name in NAMES.values()}
    return {**NAMES, **SECRETS, **urls, "twilio_from": "+4915100000000", "timeout": "5"}


def books(**answers):
    """Return how three providers on one address answer, each by the path that it is asked by."""

    def answer(asked):
        path = asked.path.partition("?")[0]
        kind = "sendgrid" if path.startswith("/v3") else "x" if path.startswith("/2/") else "twilio"
        if kind in answers:
            return answers[kind]
        return Answer(200, NUMBERS) if path.endswith("IncomingPhoneNumbers.json") else YES[kind][0]

    return answer


async def test_every_provider_is_asked_and_its_yes_is_shown(shop, set_up, provider):
    set_up(**all_doors(provider.url))
    provider.records = books()
    found = await asyncio.to_thread(looked, shop)
    assert [found[f"provider {name}"].mark for name in NAMES] == ["ok", "ok", "ok"]
    assert {one.method for one in provider.requests} == {"GET"}


async def test_no_provider_is_asked_where_that_is_not_wanted(shop, set_up, provider):
    set_up(**all_doors(provider.url))
    found = await asyncio.to_thread(looked, shop, providers=False)
    assert found["transport sms"].mark == "ok"
    assert provider.requests == []


@pytest.mark.parametrize(
    ("channel", "answer", "mark"),
    [
        ("email", Answer(401, {"errors": [{"message": "The provided authorization grant is invalid"}]}), "wrong"),
        ("email", Answer(200, {"scopes": ["alerts.read"]}), "wrong"),
        ("email", Answer(503), "wrong"),
        ("email", Answer(429), "note"),
        ("sms", Answer(401, {"code": 20003, "message": "Authenticate"}), "wrong"),
        ("sms", Answer(200, {"sid": "AC1", "status": "suspended"}), "wrong"),
        ("x", Answer(401), "wrong"),
        ("x", Answer(403), "note"),
        ("x", Answer(429), "note"),
    ],
    ids=repr,
)
async def test_what_a_provider_answers_is_told_with_what_to_do(shop, set_up, provider, channel, answer, mark):
    set_up(**all_doors(provider.url))
    provider.records = books(**{NAMES[channel]: answer})
    found = await asyncio.to_thread(looked, shop)
    assert found[f"provider {channel}"].mark == mark
    assert found[f"provider {channel}"].remedy
    assert [one for one in NAMES if one != channel and found[f"provider {one}"].mark != "ok"] == []


async def test_a_provider_that_is_away_is_a_fault_in_a_sentence_and_no_credential_is_shown(shop, set_up, capsys):
    set_up(**all_doors("http://127.0.0.1:9"))
    with pytest.raises(SystemExit) as ended:
        await asyncio.to_thread(command_line, ["doctor", "--json", "--shop", str(shop)])
    said = capsys.readouterr().out
    checks = {one["what"]: one for one in json.loads(said)["checks"]}
    assert ended.value.code == 1
    assert [checks[f"provider {name}"]["bad"] for name in NAMES] == [True, True, True]
    assert "cannot be reached" in checks["provider email"]["found"]
    assert [one for one in SECRETS.values() if one in said] == []


@pytest.mark.parametrize(
    ("sender", "mark"),
    [
        ("+4915112345678", "ok"),
        ("MG0123456789abcdef0123456789abcdef", "ok"),
        ("not a number", "wrong"),
        ("4915112345678", "wrong"),
        ("+49 151 12345678", "wrong"),
        ("+49151", "wrong"),
        ("MGStore", "wrong"),
        ("MG0123456789abcdef0123456789abcde", "wrong"),
    ],
)
def test_texts_are_sent_from_a_number_or_from_a_messaging_service(shop, set_up, sender, mark):
    set_up(sms="twilio", twilio_account_sid="AC1", twilio_auth_token="planted", twilio_from=sender)
    assert looked(shop, providers=False)["transport sms"].mark == mark


TWILIO = {"sms": "twilio", "twilio_account_sid": "AC1", "twilio_from": "+4915112345678"}


def test_doctor_says_what_texts_to_each_country_are_sent_from(shop, set_up):
    config = (shop / "shop.toml").read_text()
    table = '[sender.sms]\nUS = "+12025550143"\nGB = "Lantern"\n[help]'
    (shop / "shop.toml").write_text(config.replace("[help]", table, 1))
    set_up(**TWILIO, twilio_auth_token="planted")
    found = looked(shop, providers=False)["transport sms"].found
    assert found.endswith("texts to GB from Lantern, to US from +12025550143, to other countries from +4915112345678")


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"twilio_auth_token": "t"}, None),
        ({"twilio_api_key_sid": "SK1", "twilio_api_key_secret": "s"}, None),
        ({"twilio_api_key_sid": "SK1"}, "FOREWARN_TWILIO_API_KEY_SECRET"),
        ({"twilio_api_key_secret": "s", "twilio_auth_token": "t"}, "FOREWARN_TWILIO_API_KEY_SID"),
        ({}, "FOREWARN_TWILIO_AUTH_TOKEN"),
        ({"twilio_auth_token": "t", "twilio_from": ""}, "FOREWARN_TWILIO_FROM or sender.sms in shop.toml"),
    ],
)
def test_texts_need_the_auth_token_or_an_api_key(shop, set_up, given, missing):
    set_up(**TWILIO | given)
    check = looked(shop, providers=False)["transport sms"]
    assert (check.bad, check.remedy) == ((True, f"set {missing}") if missing else (False, ""))


def test_doctor_says_that_an_api_key_verifies_no_callbacks(shop, set_up):
    set_up(**TWILIO, twilio_api_key_sid="SK1", twilio_api_key_secret="s", callback_url="https://orders.example.com")
    check = looked(shop, providers=False)["callbacks sms"]
    assert check.remedy.startswith("set FOREWARN_TWILIO_AUTH_TOKEN, or FOREWARN_TWILIO_SHARED_KEY, beside the API key")


@pytest.mark.parametrize(("ahead", "mark"), [(1, "wrong"), (0, "ok"), (-1, "ok")])
def test_a_ledger_that_is_ahead_of_the_clock_is_a_fault(shop, ledger, set_up, ahead, mark):
    context = open_context(ledger)
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    start_run(context, LATE_ORDERS, today + timedelta(days=ahead), datetime.now(UTC))
    context.engine.dispose()
    set_up(database_url=ledger)
    assert looked(shop, providers=False)["last day"].mark == mark


@pytest.mark.parametrize(
    ("late_days", "days_ago", "mark", "words"),
    [(4, 1, "ok", "4 days late or more"), (5, 1, "note", "says 4 days by now"), (4, 9, "wrong", "nobody is warned")],
)
def test_doctor_says_what_warnings_rest_on(shop, ledger, set_up, late_days, days_ago, mark, words):
    context = open_context(ledger)
    row = dict.fromkeys(LEARNT_MODELS.c.keys(), 0) | {
        "version": "v",
        "source": "model",
        "content": b"",
        "drifted": False,
    }
    learnt_on = datetime.now(ZoneInfo("Europe/Berlin")).date() - timedelta(days=days_ago)
    row |= {"as_of": learnt_on, "learnt_at": datetime.now(UTC), "late_days": late_days}
    with context.engine.begin() as connection:
        connection.execute(insert(LEARNT_MODELS).values(row))
    context.engine.dispose()
    set_up(database_url=ledger)
    check = looked(shop, providers=False)["warnings"]
    assert check.mark == mark
    assert words in check.found


def test_a_shop_without_a_server_of_prefect_is_in_order(shop):
    assert looked(shop)["prefect"].mark == "note"


def test_a_server_that_does_not_answer_is_a_fault_and_its_password_is_not_shown(shop, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://me:planted@127.0.0.1:9/api")
    check = looked(shop)["prefect"]
    assert (check.mark, "planted" in check.found) == ("wrong", False)
    assert "prefect server start" in check.remedy


FRIDAY = datetime(2026, 11, 27, 17, 45, 10, tzinfo=UTC)
"""A quarter to seven in Berlin, when the last run of that day has just ended."""


@pytest.mark.parametrize(
    ("cron", "later", "mark"),
    [
        ("*/15 * * * *", timedelta(minutes=49), "ok"),
        ("*/15 * * * *", timedelta(minutes=51), "wrong"),
        ("* * * * *", timedelta(minutes=7), "ok"),
        ("* * * * *", timedelta(minutes=9), "wrong"),
        ("10 */4 * * *", timedelta(hours=2, minutes=29), "ok"),
        ("10 */4 * * *", timedelta(hours=2, minutes=31), "wrong"),
        ("*/15 8-18 * * 1-5", timedelta(days=2, hours=13, minutes=49), "ok"),
        ("*/15 8-18 * * 1-5", timedelta(days=2, hours=13, minutes=51), "wrong"),
    ],
)
def test_a_run_is_missed_by_its_own_schedule_after_three_times_or_an_hour_and_five_minutes(cron, later, mark):
    schedule = SimpleNamespace(active=True, schedule=CronSchedule(cron=cron, timezone="Europe/Berlin"))
    there = SimpleNamespace(name="deliver", created=FRIDAY, schedules=[schedule])
    for ended in (FRIDAY, None):
        assert last_run(there, ended, None, FRIDAY + later).mark == mark


@pytest.mark.parametrize(("hours", "mark"), [(1, "ok"), (3, "wrong")])
def test_a_run_under_way_is_a_sign_of_life_for_two_hours(hours, mark):
    schedule = SimpleNamespace(active=True, schedule=CronSchedule(cron="* * * * *", timezone="Europe/Berlin"))
    there = SimpleNamespace(name="deliver", created=FRIDAY, schedules=[schedule])
    under_way = {"state": "running", "started_at": FRIDAY}
    assert last_run(there, FRIDAY, under_way, FRIDAY + timedelta(hours=hours)).mark == mark


def test_each_trial_of_two_wordings_is_named_with_what_it_compares(shop):
    trial = """
[[experiment]]
name = "shorter subject"
message = "week"
wording = "week_b"
begins = 2026-01-01
ends = 2099-12-31
outcome = "waited"
"""
    with (shop / "policy.toml").open("a") as policy:
        policy.write(trial)
    found = looked(shop, providers=False)
    says = "runs until 2099-12-31: 50% of customers read week_b in place of week; waited is compared"
    assert found["trial 'shorter subject'"].found == says
    assert found["templates"].bad
    assert "add week_b/subject.en.txt or another part of week" in found["templates"].found
    second = shop / "templates" / "week_b"
    second.mkdir(parents=True)
    (second / "subject.en.txt").write_text("In short: {{ order.id }}")
    assert not looked(shop, providers=False)["templates"].bad
