"""Two shops on one server of Prefect: each has its runs, its artifacts and its alerts, and no other shop's.

Each kind of alert is received by a stand-in for the shop's chat. One server does for all of it.
"""

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml

from models.alerts import Alert
from sources.sample import sample_day, write_sample
from tests.support.paths import ROOT
from tests.support.terminals import Page, Terminals, alone, answers, free_port, terminals, until

pytestmark = pytest.mark.server
ORDERS = {"north": 60, "south": 90}
EVERY_SECONDS = 30
STALE = {"guardrails": {"max_data_age_hours": 1}}
"""A policy by which the data of yesterday hold a run."""
LONG = 240.0
EMITTED = """
import asyncio
from prefect import flow
from app.composition import open_app
from app.prefect_page import emit_shop_event
from flows.promise_clock import promise_clock
from models.alerts import Alert

@flow
async def doubts():
    with open_app() as app:
        emit_shop_event(app, Alert.IN_DOUBT.event, "3 messages may or may not have left", number=3)

asyncio.run(doubts())
asyncio.run(promise_clock())
"""


@dataclass
class Chat:
    """Stands in for the chats to which alerts go, and for a mail provider that refuses its key."""

    url: str = ""
    said: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    """What was written, by the room: the path of the address."""

    def subjects(self, room: str) -> list[str]:
        return [one["subject"] for one in self.said.get(room, [])]


@contextmanager
def chat() -> Iterator[Chat]:
    heard = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            refuses = self.path.startswith("/mail")
            if not refuses:
                heard.said.setdefault(self.path.strip("/"), []).append(json.loads(body))
            self.send_response(401 if refuses else 200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        heard.url = f"http://127.0.0.1:{server.server_port}"
        yield heard
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Shops(Page):
    terminals: Terminals
    place: Path
    chat: Chat

    def shell(self, name: str, commands: str) -> None:
        """Run commands in a terminal of a shop's operator."""
        self.terminals.run(f"{exports(self.place, name, self.chat.url)}{commands}\n")

    def runs_of(self, name: str, deployment: str = "late-orders") -> list[dict[str, Any]]:
        """Return the ended runs of a shop's deployment, oldest first."""
        return [one for one in self.runs(f"{deployment}-{name}") if one["state_type"] in ("COMPLETED", "FAILED")]

    def log_of(self, run: str) -> list[str]:
        asked = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"}
        return [one["message"] for one in self._post("logs/filter", asked)]

    def has_begun(self, name: str) -> bool:
        """Return whether a run of a shop is under way, or was."""
        return bool([one for one in self.runs(f"late-orders-{name}") if one["start_time"]])

    def rows(self, name: str, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.place / f"{name}.db")) as connection:
            return connection.execute(query).fetchall()

    def stop_schedule(self, name: str) -> None:
        """Pause late-orders. Prefect takes back what it has scheduled; a run that a worker has taken goes on."""
        found = self.api.get(f"deployments/name/late-orders/late-orders-{name}").raise_for_status().json()
        self.change(f"deployments/{found['id']}", {"paused": True})

    def are_ended(self) -> bool:
        """Return whether no shop's late-orders is under way."""
        runs = [one for name in ORDERS for one in self.runs(f"late-orders-{name}")]
        return not [one for one in runs if one["state_type"] in ("PENDING", "RUNNING")]

    def start_of(self, name: str, deployment: str, **parameters: Any) -> str:
        full = f"{deployment}/{deployment}-{name}"
        key = self.api.get(f"deployments/name/{full}").raise_for_status().json()["id"]
        asked = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return str(self._post(f"deployments/{key}/create_flow_run", asked)["id"])


def exports(place: Path, name: str, url: str) -> str:
    values = {
        "FOREWARN_SHOP": place / name,
        "FOREWARN_HOME": place,
        "FOREWARN_DATABASE_URL": f"sqlite:///{place / name}.db",
        "FOREWARN_OUTBOX_DIR": place / f"{name}-outbox",
    }
    if name == "north":
        values |= {
            "FOREWARN_EMAIL": "sendgrid",
            "FOREWARN_SENDGRID_API_KEY": "SG.key",
            "FOREWARN_SENDGRID_URL": f"{url}/mail",
            "FOREWARN_DESK_URL": "https://north.example.com/desk",
        }
    return "".join(f"export {key}={value}\n" for key, value in values.items())


def write_shop(place: Path, name: str) -> None:
    yesterday = sample_day(datetime.now(UTC)) - timedelta(days=1)
    write_sample(place / name, orders=ORDERS[name], seed=len(name) + ORDERS[name], as_of=yesterday)
    shop = place / name / "shop.toml"
    text = shop.read_text().replace('id = "lantern-loom"', f'id = "{name}"')
    shop.write_text(text.replace('name = "Lantern & Loom"', f'name = "{name.title()} & Co"', 1))


def schedule_often(file: Path) -> None:
    """Schedule late-orders every few seconds: to wait for its own schedule would take a quarter of an hour."""
    content = yaml.safe_load(file.read_text())
    for deployment in content["deployments"]:
        if deployment["entrypoint"].endswith(":late_orders"):
            deployment["schedules"] = [{"slug": "often", "interval": EVERY_SECONDS, "timezone": "Europe/Berlin"}]
    file.write_text(yaml.safe_dump(content))


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory, warm_forewarn: Path) -> Iterator[Shops]:
    """Start a server, and a worker, deployments and alerts for each of two shops."""
    place, port = tmp_path_factory.mktemp("shops"), free_port()
    (place / "logs").mkdir()
    (place / "prefect.yaml").write_text((ROOT / "prefect.yaml").read_text())
    env = alone(place, port) | {
        "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": "PT1S",
        "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "true",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "2",
        # More would be planned again at each loop, because they do not fill an hour.
        "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "3",
        "PREFECT_WORKER_QUERY_SECONDS": "1",
    }
    api = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/", timeout=60)
    path = f"{warm_forewarn}:{Path(sys.executable).parent}:$PATH"
    own = f'export PATH="{path}" PYTHONPATH={ROOT} PREFECT_API_URL={api.base_url}\n'
    with api, chat() as heard, terminals(own, env, place / "logs") as opened:
        opened.keep("prefect server start")
        for name in ORDERS:
            write_shop(place, name)
        until(lambda: answers(api), f"an answer of the server\n{opened.said()}")
        found = Shops(api, opened, place, heard)
        for name in ORDERS:
            file = place / f"prefect.{name}.yaml"
            silence = "--silence 0.2" if name == "south" else ""
            alerts = f"forewarn alerts set-up --to webhook --url {heard.url}/{name} {silence}"
            found.shell(name, f"forewarn ledger create\nforewarn shop deployments --into {file}\n{alerts}")
            schedule_often(file)
        found.shell("north", "forewarn go-live --yes")
        # In the order of docs/alerts.md: a server on SQLite refuses a deployment while workers ask it all the time.
        for name in ORDERS:
            chosen = " ".join(f"--name {one}-{name}" for one in ("late-orders", "deliver"))
            pool = f"prefect work-pool create forewarn-{name} --type process"
            deploy = f"prefect --no-prompt deploy --prefect-file {place / f'prefect.{name}.yaml'} {chosen}"
            found.shell(name, f"export FOREWARN_HOME={ROOT}\ncd {ROOT}\n{pool}\n{deploy}")
        for name in ORDERS:
            opened.keep(_worker(place, name, heard.url))
        yield found


def _worker(place: Path, name: str, url: str) -> str:
    script = place / f"worker-{name}.sh"
    home = "".join(
        line if "FOREWARN_HOME" not in line else f"export FOREWARN_HOME={ROOT}\n"
        for line in exports(place, name, url).splitlines(keepends=True)
    )
    script.write_text(f"{home}exec prefect worker start --pool forewarn-{name} --type process --limit 3\n")
    return f"bash {script}"


def test_the_schedule_runs_each_shop_on_its_own_ledger(shops):
    for name in ORDERS:
        until(lambda name=name: shops.has_begun(name), f"a scheduled run of {name}\n{shops.terminals.said()}", LONG)
        shops.stop_schedule(name)  # more runs would find nothing more, and take a core each time
    until(shops.are_ended, f"the end of the runs\n{shops.terminals.said()}", LONG)
    for name, orders in ORDERS.items():
        run = shops.runs_of(name)[0]
        other = next(one for one in ORDERS if one != name)
        assert "auto-scheduled" in run["tags"]
        assert name in run["tags"]
        assert other not in run["tags"]
        assert shops.rows(name, "SELECT count(*) FROM orders") == [(orders,)]
        assert shops.rows(name, "SELECT shop_id FROM ledger_owner") == [(name,)]
    assert {shops.runs_of(name)[0]["work_pool_name"] for name in ORDERS} == {"forewarn-north", "forewarn-south"}


def test_names_and_final_states_tell_what_each_run_found(shops):
    north = shops.runs_of("north")[0]
    told = shops.rows("north", "SELECT count(DISTINCT order_id) FROM notice")[0][0]
    assert north["name"].endswith(f": {told} to tell")
    assert north["state"]["name"] == "Completed"
    assert "open orders" in north["state"]["message"]


def test_a_log_says_what_was_decided_about_each_order_and_masks_the_addresses(shops):
    run = shops.runs_of("north")[0]["id"]
    finished = "Finished in state Completed("  # it arrives when the run is completed already
    until(lambda: any(line.startswith(finished) for line in shops.log_of(run)), "the end of the log")
    lines = shops.log_of(run)
    assert not [line for line in lines if "Finished in state Completed()" in line]
    decided = [line for line in lines if line.startswith("Order ")]
    orders = {row[0] for row in shops.rows("north", "SELECT DISTINCT order_id FROM notice")}
    assert {line.split(":")[0].removeprefix("Order ") for line in decided} == orders
    addresses = [row[0] for row in shops.rows("north", "SELECT address FROM notice WHERE address IS NOT NULL")]
    assert [address for address in addresses if address in "\n".join(lines)] == []


def test_artifacts_have_the_shop_in_their_key_and_lead_to_the_desk(shops):
    found = shops._post("artifacts/filter", {"artifacts": {"key": {"like_": "%-late-orders-%"}}})
    owner = {run["id"]: name for name in ORDERS for run in shops.runs(f"late-orders-{name}")}
    assert {one["key"].split("-late-orders-")[0] for one in found} == {"north", "south"}
    assert all(one["key"].startswith(f"{owner[one['flow_run_id']]}-") for one in found)
    (summary, *_) = [one["data"] for one in found if one["key"] == "north-late-orders-summary"]
    assert "(https://north.example.com/desk/runs/" in summary
    assert "(/artifacts/key/north-late-orders-summary)" in summary


def test_a_held_run_alerts_its_own_shop_alone(shops):
    # By hand: Prefect delays what follows a run that it scheduled less than five minutes ago.
    started = shops.start_of("south", "late-orders", policy=STALE)
    until(lambda: "South & Co: a run is held" in shops.chat.subjects("south"), "the alert of a held run", LONG)
    assert "North & Co: a run is held" not in shops.chat.subjects("north")
    (first, *_) = [one for one in shops.chat.said["south"] if one["subject"].endswith("held")]
    assert "No message of it leaves before a person releases it." in first["text"]
    run = shops.api.get(f"flow_runs/{started}").raise_for_status().json()
    assert (run["state"]["name"], run["name"][-6:], "held" in run["tags"]) == ("Held", ": held", True)
    assert "Nothing of this run leaves until a person releases it." in run["state"]["message"]


def test_a_failed_run_and_a_channel_that_stops_alert_their_own_shop_alone(shops):
    shops.start_of("north", "deliver")
    wanted = {"North & Co: a run failed", "North & Co: a channel has stopped"}
    until(lambda: wanted <= {*shops.chat.subjects("north")}, f"{wanted}\n{shops.terminals.said()}", LONG)
    assert shops.chat.subjects("south").count("South & Co: a run failed") == 0
    (stopped,) = [one for one in shops.chat.said["north"] if one["subject"].endswith("stopped")]
    assert "Nothing is sent by email: SendGrid answered 401" in stopped["text"]


def test_messages_in_doubt_and_legal_deadlines_alert_their_own_shop_alone(shops):
    script = shops.place / "emitted.py"
    script.write_text(EMITTED)
    shops.shell("south", f"python {script}")
    wanted = {"South & Co: messages in doubt", "South & Co: legal deadlines"}
    until(lambda: wanted <= {*shops.chat.subjects("south")}, str(wanted))
    assert not {*shops.chat.subjects("north")} & {one.replace("South", "North") for one in wanted}


def test_no_run_for_a_while_is_an_alert(shops):
    """The schedules are switched off; the alert of south waits for 12 seconds, that of north for three hours."""
    until(lambda: "South & Co: no run for hours" in shops.chat.subjects("south"), "the alert", LONG)
    assert "North & Co: no run for hours" not in shops.chat.subjects("north")


def test_alerts_can_be_listed_set_up_again_and_removed(shops):
    listed = shops.place / "alerts.json"
    shops.shell("north", f"forewarn alerts set-up --to webhook --url {shops.chat.url}/north --only run-failed")
    shops.shell("north", f"forewarn alerts list --json > {listed}")
    found = {one["alert"]: one["target"] for one in json.loads(listed.read_text())["alerts"] if one["set_up"]}
    assert found == {Alert.RUN_FAILED: "webhook"}
    names = [one["name"] for one in shops._post("automations/filter", {})]
    assert len(names) == len(set(names)) == 1 + len(Alert)
    shops.shell("north", f"forewarn alerts remove --json > {listed}")
    assert json.loads(listed.read_text()) == {"removed": 1}
    assert {one["name"] for one in shops._post("automations/filter", {})} == {f"forewarn-south-{one}" for one in Alert}


def test_the_file_of_alerts_is_loaded_by_prefect_itself(shops):
    documents = shops._post("block_documents/filter", {})
    (block,) = [one["id"] for one in documents if one["name"] == "forewarn-south"]
    file = shops.place / "north-alerts.yaml"
    shops.shell("north", f"forewarn alerts file --block {block} --into {file}\nprefect automation create -f {file}")
    names = {one["name"] for one in shops._post("automations/filter", {})}
    assert {f"forewarn-north-{one}" for one in Alert} <= names
