"""A credential is used where it belongs and found nowhere else, whatever goes wrong."""

import logging
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pydantic import SecretStr

from cli.main import main
from models.config.settings import Settings
from sources.sample import write_sample
from tests.support.prefect_database import migrated_database

DAY = "2026-06-15"
PLANTED = {
    "FOREWARN_SENDGRID_API_KEY": "SG.planted-sendgrid-key",
    "FOREWARN_TWILIO_ACCOUNT_SID": "ACplanted0000000000000000000000000",
    "FOREWARN_TWILIO_AUTH_TOKEN": "planted-twilio-token",
    "FOREWARN_TWILIO_API_KEY_SID": "SKplanted0000000000000000000000000",
    "FOREWARN_TWILIO_API_KEY_SECRET": "planted-twilio-key-secret",
    "FOREWARN_FACEBOOK_PAGE_TOKEN": "planted-facebook-token",
    "FOREWARN_BLUESKY_APP_PASSWORD": "planted-bluesky-password",
    "FOREWARN_MASTODON_TOKEN": "planted-mastodon-token",
    "FOREWARN_LINKEDIN_TOKEN": "planted-linkedin-token",
    "FOREWARN_LINKEDIN_CLIENT_SECRET": "planted-linkedin-secret",
    "FOREWARN_LINKEDIN_REFRESH_TOKEN": "planted-linkedin-refresh",
    "FOREWARN_X_CONSUMER_KEY": "planted-x-consumer-key",
    "FOREWARN_X_CONSUMER_SECRET": "planted-x-consumer-secret",
    "FOREWARN_X_ACCESS_TOKEN": "planted-x-access-token",
    "FOREWARN_X_ACCESS_TOKEN_SECRET": "planted-x-access-secret",
    "FOREWARN_SOURCE_URL": "postgresql://reader:planted-source@127.0.0.1:9/shop",
    "FOREWARN_VENDOR_KEYS": '{"V1": "planted-vendor-key"}',
    "FOREWARN_ERASURE_SECRET": "planted-erasure-secret-of-32-letters",
    "FOREWARN_LINK_SECRET": "planted-link-secret-of-32-characters",
    "FOREWARN_API_KEYS": "planted-api-key-of-32-characters-or-more",
    "FOREWARN_WEBHOOK_SECRET": f"whsec_{'planted' * 4}plan",
    "FOREWARN_TWILIO_SHARED_KEY": "planted-shared-key",
    "FOREWARN_PANEL_KEY": "planted-panel-key-of-32-characters-or-more",
    "FOREWARN_METRICS_KEY": "planted-metrics-key-of-32-characters-or-more",
    "FOREWARN_SMTP_PASSWORD": "planted-smtp-password",
    "FOREWARN_OIDC_CLIENT_SECRET": "planted-oidc-client-secret",
}
LEAKS = ("planted", "ACplanted")
# Prefect is told how to be when it is first imported: in a process of its own, with a server and a database of its own.
RECORDED = """
import asyncio, logging, sys, traceback
from flows.deliver import deliver
from app.clock import make_clock; from app.composition import open_app
from flows.late_orders import late_orders
from models.enums import Channel
from tasks.going_live.rollout import set_live

# Here alone and not by Prefect's settings: its server would then tell every step of its own database.
logging.getLogger().setLevel(logging.DEBUG)
logging.getLogger().addHandler(logging.StreamHandler())

async def live():
    with open_app("shop") as app:
        set_live(make_clock("UTC", None).snapshot(app.context), list(Channel), "test")
    for flow, shop in ((late_orders, "shop"), (deliver, "shop"), (late_orders, "broken")):
        try:
            await flow(shop=shop, as_of=sys.argv[1])
        except Exception:
            traceback.print_exc()

asyncio.run(live())
"""


class Refusing(BaseHTTPRequestHandler):
    """A provider that knows no credential, and repeats the path that it was asked for."""

    asked: list[str]

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.asked.append(f"{self.path} {self.headers['Authorization']}")
        said = f'{{"code": 20003, "message": "no right to {self.path}", "errors": [{{"message": "bad key"}}]}}'.encode()
        self.send_response(401)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST  # noqa: N815 - the standard library's name

    def log_message(self, *_):
        pass


@pytest.fixture
def refusing():
    """Run a provider that refuses everybody; yield its address and what it was asked."""
    asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Refusing,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def place(tmp_path, monkeypatch, refusing):
    """Return a folder with a shop whose every credential is planted, and whose providers refuse them."""
    write_sample(tmp_path / "shop", orders=20, seed=7, as_of=date.fromisoformat(DAY))
    monkeypatch.chdir(tmp_path)
    doors = {"EMAIL": "sendgrid", "SMS": "twilio", "X": "x", "TWILIO_FROM": "+4915100000000"}
    doors |= {name.upper(): name for name in ("facebook", "bluesky", "mastodon", "linkedin")}
    doors |= {"FACEBOOK_PAGE": "1000", "BLUESKY_HANDLE": "lamps.example", "LINKEDIN_ORGANIZATION": "2000"}
    doors |= {"LINKEDIN_CLIENT_ID": "app"}
    servers = ("SENDGRID_URL", "TWILIO_URL", "X_URL", "FACEBOOK_URL", "BLUESKY_URL", "MASTODON_URL")
    servers += ("LINKEDIN_URL", "LINKEDIN_SIGN_IN_URL")
    providers = dict.fromkeys(servers, refusing[0])
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    for name, value in (doors | providers).items():
        monkeypatch.setenv(f"FOREWARN_{name}", value)
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return tmp_path


@pytest.fixture
def forewarn(place, monkeypatch, capsys, caplog):
    """Return a function that runs the command, and returns everything that it wrote or raised."""
    caplog.set_level(logging.DEBUG)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["forewarn", *arguments])
        raised = ""
        try:
            main()
        except (SystemExit, Exception) as error:  # noqa: BLE001 - whatever ends it is looked at
            raised = "".join(traceback.format_exception(error)) + "".join(map(repr, chain(error)))
        said = capsys.readouterr()
        return said.out + said.err + caplog.text + raised + kept(place)

    return run


def chain(error):
    """Return an exception with all that it came of, shown in a traceback or not."""
    found, waiting = [], [error]
    while waiting:
        one = waiting.pop()
        if one is not None and one not in found:
            found.append(one)
            waiting += [one.__cause__, one.__context__]
    return found


def kept(place):
    """Return every file under a folder as text: the ledger row by row."""
    written, databases = [], sorted(place.rglob("*.db"))
    for file in databases:  # first, for what lies beside a database goes into it when it is opened
        with sqlite3.connect(file) as connection:
            written += connection.iterdump()
        connection.close()
    for file in sorted(path for path in place.rglob("*") if path.is_file() and path not in databases):
        written.append(file.read_bytes().decode(errors="replace"))
    return "\n".join(written)


def from_a_database(shop):
    """Let a shop's facts come from the database that FOREWARN_SOURCE_URL names."""
    file = shop / "shop.toml"
    file.write_text(file.read_text().split("[source]")[0] + '[source]\nkind = "database"\n')


def leaked(text):
    return [line for line in text.splitlines() if any(secret in line for secret in LEAKS)]


def test_every_credential_is_planted_and_none_shows_itself_in_the_settings(place):
    settings = Settings()
    secret = {name for name, value in settings if isinstance(value, SecretStr)}
    assert {f"FOREWARN_{name.upper()}" for name in secret} == set(PLANTED)
    assert leaked(repr(settings) + settings.model_dump_json()) == []
    fields = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert fields == secret | {"database_url"}


def test_providers_that_refuse_get_the_credentials_and_nobody_else(place, forewarn, refusing):
    write_sample(place / "shop", orders=300, seed=7, as_of=date.fromisoformat(DAY))
    said = forewarn("run", "--import", "--as-of", DAY) + forewarn("go-live", "--yes", "--as-of", DAY)
    assert "401" in said
    asked = " ".join(refusing[1])
    assert PLANTED["FOREWARN_SENDGRID_API_KEY"] in asked
    assert PLANTED["FOREWARN_TWILIO_ACCOUNT_SID"] in asked
    assert leaked(said) == []


@pytest.mark.parametrize("arguments", [("doctor",), ("doctor", "--json"), ("status",), ("deliver", "--as-of", DAY)])
def test_no_command_shows_a_credential(forewarn, arguments):
    assert leaked(forewarn(*arguments)) == []


@pytest.mark.parametrize("command", [("doctor",), ("doctor", "--json"), ("run", "--as-of", DAY)])
@pytest.mark.parametrize(
    "address",
    [
        "planted",
        "postgresql://user:planted",
        "postgresql://user:planted@127.0.0.1:port/ledger",
        "postgresql://user:in@planted@127.0.0.1/ledger",
        "postgresql://user:planted@127.0.0.1:9/ledger?connect_timeout=1",
        "postgresql://user@127.0.0.1:9/ledger?connect_timeout=1&password=planted",
        "mysql://user:planted@127.0.0.1:9/ledger",
        "sqlite://planted",
    ],
)
def test_a_wrong_database_address_is_named_and_not_repeated(forewarn, monkeypatch, command, address):
    monkeypatch.setenv("FOREWARN_DATABASE_URL", address)
    said = forewarn(*command)
    assert "FOREWARN_DATABASE_URL" in said or "cannot be reached" in said
    assert leaked(said) == []


@pytest.mark.parametrize(
    "address",
    [
        PLANTED["FOREWARN_SOURCE_URL"] + "?connect_timeout=1",
        "postgresql://user:planted",
        "postgresql://user:in@planted@127.0.0.1/shop",
        "mysql://user:planted@127.0.0.1:9/shop",
        "planted",
    ],
)
@pytest.mark.parametrize("command", [("import",), ("doctor",), ("run", "--import", "--as-of", DAY)])
def test_a_source_that_fails_does_not_show_its_password(place, forewarn, monkeypatch, command, address):
    from_a_database(place / "shop")
    monkeypatch.setenv("FOREWARN_SOURCE_URL", address)
    said = forewarn(*command)
    assert "source" in said.lower()
    assert leaked(said) == []


def test_nothing_that_prefect_records_at_its_most_talkative_shows_a_credential(place, refusing):
    write_sample(place / "shop", orders=100, seed=7, as_of=date.fromisoformat(DAY))
    shutil.copytree(place / "shop", place / "broken")
    from_a_database(place / "broken")
    (place / "prefect").mkdir()
    shutil.copyfile(migrated_database(), place / "prefect" / "prefect.db")
    talkative = {
        "DO_NOT_TRACK": "1",
        "PREFECT_HOME": str(place / "prefect"),
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "PREFECT_LOGGING_LOG_PRINTS": "true",
        "PREFECT_PROFILES_PATH": str(place / "profiles.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "60",
    }
    with subprocess.Popen(  # noqa: S603 - our own flows
        [sys.executable, "-c", RECORDED, DAY], env=os.environ | talkative, cwd=place,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as running:  # fmt: skip
        try:
            out, complaints = running.communicate(timeout=300)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)  # with the server that Prefect started
    said = out + complaints + kept(place)
    assert PLANTED["FOREWARN_SENDGRID_API_KEY"] in " ".join(refusing[1]), complaints[-5000:]
    recorded = {table: said.count(f'INSERT INTO "{table}"') for table in ("flow_run", "task_run", "artifact", "log")}
    assert recorded["flow_run"] == 3
    assert min(recorded.values()) > 0, recorded
    assert re.search(r'INSERT INTO "log".*email is down: SendGrid answered 401', said)
    assert re.search(r'INSERT INTO "flow_run_state".*customers.sql', said), "the broken source left no trace"
    assert leaked(said) == []
