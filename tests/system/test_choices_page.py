"""What docs/choices.md says is so: its requests are answered, and its receiver receives."""

import base64
import json
import os
import re
import subprocess
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import HTTPServer

import pytest

from channels.webhook import WebhookTransport
from models.customers import Act, ChoiceState
from models.webhooks import WebhookKind
from rules.customers.choice_fields import choice_fields
from tasks.customers.choice_export import COLUMNS
from tasks.customers.webhook_delivery import WebhookWorker, send_webhook_events
from tasks.delivery.queue import LeaseHolder
from tests.support.api_client import KEY, calling, with_pages
from tests.support.builders import line
from tests.support.clocks import MovedClock
from tests.support.paths import ROOT
from tests.support.terminals import BASH
from tests.support.webhooks import NOW, SECRET, WAIT, queue_events
from web.api.application import PREFIX

OTHER_SECRET = f"whsec_{base64.b64encode(b'planted-another-secret-24').decode()}"
PAGE = (ROOT / "docs" / "choices.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
one_database = pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)


def blocks(kind):
    return [text for found, text in BLOCKS if found == kind]


def table_under(heading, page=PAGE):
    """Return the names in the first column of the table under a heading."""
    part = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [name for row in re.findall(r"^\| (`.+?) \|", part, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]


def test_the_page_names_every_field_act_state_and_kind_of_event():
    assert table_under("The fields of a choice") == list(choice_fields(WAIT)) == list(COLUMNS)
    named = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert named[: len(Act)] == list(Act)
    assert set(named[len(Act) : len(Act) + len(ChoiceState)]) == set(ChoiceState)
    assert set(re.findall(r"`(choice\.\w+)`", PAGE)) == set(WebhookKind)


def test_the_event_on_the_page_has_the_form_of_a_real_one():
    (shown,) = blocks("json")
    event = json.loads(shown)
    refunded = replace(WAIT, refund=Decimal("129.00"))
    assert list(event) == ["id", "type", "timestamp", "data"]
    assert list(event["data"]) == list(choice_fields(refunded))
    assert [type(value) for value in (event["data"]["refund"], event["data"]["number"])] == [str, int]


@one_database
def test_the_requests_of_the_page_are_answered(driver):
    driver.context = with_pages(driver.context)
    driver.order("1041", line("1", promised=-9, expected=4), line("2", promised=6), line("3", promised=6))
    first, *others, last = blocks("bash")
    with calling(driver.context) as api:
        here = f"export API={api.http.base_url}{PREFIX}\nexport KEY={KEY}\n"
        said = run(here + first[first.index("curl") :] + "echo\n" + "".join(map(each_on_a_line, others)))
        for option, key in (("2", "form-2"), ("all", "form-3")):
            assert api.choose("1041", "cancel", option, key=key).status_code == 201
        said += run(here + each_on_a_line(last))
    shown, made, undone, link, revoked, listed, done, refused = said
    assert shown["open"]["acts"] == ["wait", "cancel", "withdraw"]
    assert (made["id"], made["state"], undone["state"]) == ("1041-C1", "requested", "undone")
    assert link["url"].startswith("https://")
    assert (revoked["revoked"] >= 1, listed["next"]) == (True, None)
    assert (done["state"], refused["state"]) == ("done", "refused")


def each_on_a_line(commands):
    """Return commands of which each prints its answer on a line."""
    whole = commands.replace("\\\n", " ")
    return re.sub(r"^(curl.*)$", r"\1; echo", whole, flags=re.MULTILINE)


def run(script):
    """Run a script; return the JSON objects that it prints, one a line."""
    done = subprocess.run([*BASH, script], capture_output=True, text=True, timeout=60, env=os.environ, check=True)  # noqa: S603 - what our own page says
    return [json.loads(one) for one in done.stdout.splitlines() if one.startswith("{")]


@one_database
async def test_the_receiver_of_the_page_takes_each_event_once_and_no_forged_one(context, monkeypatch):
    monkeypatch.setenv("FOREWARN_WEBHOOK_SECRET", SECRET)
    (code,) = blocks("python")
    page = {"__name__": "receiver"}
    exec(compile(code, "docs/choices.md", "exec"), page)  # noqa: S102 - what our own page says
    page["Receiver"].log_message = lambda *_: None
    (key,) = queue_events(context)
    with HTTPServer(("127.0.0.1", 0), page["Receiver"]) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            forged = await send(context, url, OTHER_SECRET, NOW)
            assert (forged.by_outcome, page["events"]) == ({"retrying": 1}, {})
            sent = await send(context, url, SECRET, NOW + timedelta(hours=1))
        finally:
            server.shutdown()
            thread.join()
    assert (sent.by_outcome, list(page["events"])) == ({"sent": 1}, [key])


async def send(context, url, secret, at):
    transport = WebhookTransport(url, secret, now=lambda: datetime.now(UTC), timeout=2)
    holder, clock = LeaseHolder(url, timedelta(minutes=10), timedelta(seconds=6)), MovedClock(at)
    try:
        return await send_webhook_events(context, WebhookWorker(holder, transport, 1, clock))
    finally:
        await transport.close()
