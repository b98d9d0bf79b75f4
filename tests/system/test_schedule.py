"""README, "Run it every day", done as it stands: a real server, deployments, a worker, and runs of every flow.

First nothing but waiting for the schedule, then runs by hand, then the operator's page. One server does for
all of it, because each costs a minute.
"""

import csv
import json
import re
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from app.reports.story import short_reason
from sources.sample import sample_day, write_sample
from tests.support.commands import run_command
from tests.support.paths import ROOT
from tests.support.terminals import (
    Page,
    Terminals,
    alone,
    as_here,
    blocks,
    follow,
    free_port,
    section,
    terminals,
    until,
)

LONG = 600.0
"""Seconds that a busy machine may take for what takes one minute."""
ORDERS = 150
README = ROOT / "README.md"
BY_HAND = "prefect deployment run"
OFTEN = 20
"""Seconds between two runs of `deliver` until one has taken over: to wait for its own schedule would take an hour."""
IN_THIS_TEST = {
    "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "10",
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "true",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "3",
    "PREFECT_SERVER_SERVICES_SCHEDULER_RECENT_DEPLOYMENTS_LOOP_SECONDS": "3",
    "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "5",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
}
"""The server and the worker look more often than an operator's, and no run is planned that no test waits for."""
UNIT = ROOT / "docs" / "systemd" / "forewarn-server.service"
QUEUE_AGAIN = """
    UPDATE outbox SET state = 'queued', settled_at = NULL
    WHERE id = (SELECT id FROM outbox WHERE state = 'sent' AND channel = 'email' LIMIT 1)
"""
ORDERS_TOLD = "SELECT count(*) FROM notice JOIN outbox USING (id) WHERE state = 'sent' AND order_id IN ({})"
LONG_AGO = "2026-01-02 03:04:05.000000"


@dataclass(frozen=True)
class Operator(Page):
    terminals: Terminals
    day: date
    settings: dict[str, str]
    """What the commands of the operator's terminals are told, and by which server."""
    warm: str
    """What lets a terminal's `forewarn` begin at once."""
    by_hand: list[str]
    """The blocks of the README by which nobody needs to wait."""
    ledger: Path
    outbox: Path
    server: Path
    """Prefect's own database."""

    def rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.ledger)) as connection:
            return connection.execute(query).fetchall()

    def scheduled(self, deployment: str) -> list[dict[str, Any]]:
        """Return the runs of a deployment that the schedule began and that are completed."""
        return [
            one for one in self.runs(deployment) if "auto-scheduled" in one["tags"] and one["state_type"] == "COMPLETED"
        ]

    def started(self, deployment: str) -> list[dict[str, Any]]:
        """Return the runs of a deployment that a run of deliver started and that are completed."""
        return [
            one
            for one in self.runs(deployment)
            if "auto-scheduled" not in one["tags"] and one["state_type"] == "COMPLETED"
        ]

    def done(self, deployment: str) -> list[dict[str, Any]]:
        """Return the runs of a deployment but those that came while it was at its limit; all of them are completed."""
        found = [one for one in self.runs(deployment) if one["state_type"] != "CANCELLED"]
        assert {one["state_type"] for one in found} == {"COMPLETED"}, self.terminals.said()
        return found

    def schedule(self, *, active: bool) -> None:
        """Switch every schedule on or off."""
        for one in self._post("deployments/filter", {}):
            for schedule in one["schedules"]:
                self.change(f"deployments/{one['id']}/schedules/{schedule['id']}", {"active": active})

    def schedule_often(self, deployment: str) -> None:
        """Schedule a deployment every few seconds, with what its own schedule says beside the time."""
        found = self.api.get(f"deployments/name/{deployment}/{deployment}").raise_for_status().json()
        (own,) = found["schedules"]
        often = {"interval": OFTEN, "timezone": own["schedule"]["timezone"]}
        self._post(f"deployments/{found['id']}/schedules", [{"schedule": often, "parameters": own["parameters"]}])

    def schedule_as_before(self, deployment: str) -> None:
        """Take back the schedule of every few seconds: every run takes a core of this machine for seconds."""
        found = self.api.get(f"deployments/name/{deployment}/{deployment}").raise_for_status().json()
        (added,) = [one["id"] for one in found["schedules"] if "interval" in one["schedule"]]
        self._ask("DELETE", f"deployments/{found['id']}/schedules/{added}", {})

    def begun(self, deployment: str) -> list[dict[str, Any]]:
        """Return the runs of a deployment that the schedule began, and whose process runs or has ended."""
        return [one for one in self.runs(deployment) if "auto-scheduled" in one["tags"] and one["start_time"]]

    def watching(self) -> list[dict[str, Any]]:
        """Return the runs of deliver that are under way."""
        return [one for one in self.runs("deliver") if one["state_type"] == "RUNNING"]

    def cancel(self, run: dict[str, Any]) -> None:
        """Cancel a run, as the page's button does, and wait for its end: it says crashed before the worker says why."""
        self._post(f"flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLING"}})
        ended = f"the end of {run['name']}\n{self.terminals.said()}"
        until(lambda: self._state_of(run["id"]) == "CANCELLED", ended)

    def under_way(self) -> list[dict[str, Any]]:
        """Return the runs that are to come or have not ended."""
        states = ["SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING"]
        return self._post("flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": states}}}})

    def sent(self) -> int:
        """Count the mails that the ledger calls sent."""
        return int(self.rows("SELECT count(*) FROM outbox WHERE state = 'sent' AND channel = 'email'")[0][0])

    def messages(self) -> int:
        """Count the messages in the outbox."""
        return len([*self.outbox.rglob("*.eml"), *self.outbox.rglob("*.txt")])


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory, warm_forewarn: Path) -> Iterator[Operator]:
    """Follow the README up to where it says that nobody needs to wait, and wait."""
    place, port = tmp_path_factory.mktemp("schedule"), free_port()
    today = sample_day(datetime.now(UTC))
    write_sample(place / "shop", orders=ORDERS, seed=7, as_of=today)
    # The server deletes what is old as the unit says, and looks for it all the time.
    kept = dict(re.findall(r"^Environment='?(\w+)=(.*?)'?$", UNIT.read_text(), re.MULTILINE))
    own = {
        "FOREWARN_DATABASE_URL": f"sqlite:///{place / 'ledger.db'}",
        "FOREWARN_OUTBOX_DIR": str(place / "outbox"),
    }
    env = alone(place, port) | kept | own | IN_THIS_TEST
    here = {"127.0.0.1:4200": f"127.0.0.1:{port}", '"$PWD/shop"': f'"{place / "shop"}"'}
    exports, *rest = blocks(as_here(section(README, "every day"), here))
    (place / "logs").mkdir()
    api = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/", timeout=60)
    with api, terminals(exports, env, place / "logs") as opened:
        warm = f'export PATH="{warm_forewarn}:$PATH"\n'
        opened.run(f"{warm}forewarn ledger create\n")  # as docs/operate.md says of a ledger that has an address
        follow(opened, [block for block in rest if not block.startswith(BY_HAND)], api)
        by_hand = [block for block in rest if block.startswith(BY_HAND)]
        server = place / "prefect" / "prefect.db"
        settings = own | {"FOREWARN_SHOP": str(place / "shop"), "PREFECT_API_URL": str(api.base_url)}
        ledger, outbox = place / "ledger.db", place / "outbox"
        operator = Operator(api, opened, today, settings, warm, by_hand, ledger, outbox, server)
        operator.schedule_often("deliver")
        yield operator
        for run in operator.watching():  # a worker that is asked to end waits for it
            operator.cancel(run)


def test_the_readme_schedules_every_flow(operator):
    deployed = operator.api.post("deployments/filter", json={}).raise_for_status().json()
    assert {one["name"]: one["schedules"][0]["active"] for one in deployed if one["schedules"]} == {
        "late-orders": True, "deliver": True, "post-delays": True, "digest": True,
        "restock": True, "forward-to-vendors": True, "stock-report": True,
        "prune": True, "promise-clock": True, "learn": True,
    }  # fmt: skip
    assert {one["name"]: limit["limit"] for one in deployed if (limit := one["global_concurrency_limit"])} == {
        "late-orders": 1, "deliver": 3, "release": 1, "post-delays": 1, "digest": 1,
        "allocate": 1, "restock": 1, "forward-to-vendors": 1, "stock-report": 1,
        "prune": 1, "promise-clock": 1, "learn": 1,
    }  # fmt: skip


def test_the_schedule_alone_finds_late_orders_and_sends_their_notices(operator):
    """The schedule starts `deliver`, which starts `late-orders`, because nothing was imported so far."""
    until(lambda: len(operator.begun("deliver")) > 1, f"a second run begins\n{operator.terminals.said()}", LONG)
    operator.schedule_as_before("deliver")
    for found, name in ((operator.started, "late-orders"), (operator.scheduled, "deliver")):
        until(
            lambda found=found, name=name: bool(found(name)),
            f"a run of {name} is completed\n{operator.terminals.said()}",
            LONG,
        )
    until(lambda: operator.sent() > 0, "the schedule sends what is due", LONG)
    until(lambda: len(list(operator.outbox.rglob("*.eml"))) >= operator.sent(), "every notice is in the outbox")


def test_each_run_of_deliver_stays_until_the_next_one_has_taken_over(operator):
    """Each had 62 minutes. One is completed, as the test before has seen, and another was under way by then."""
    ended = min(operator.scheduled("deliver"), key=lambda one: one["end_time"])
    others = [one for one in operator.begun("deliver") if one["id"] != ended["id"]]
    assert [one for one in others if one["start_time"] < ended["end_time"]]
    assert all(one["parameters"] == {"watch_minutes": 62} for one in (ended, *others))
    assert operator.watching()


def doctor(operator, home=ROOT):
    """Return what `forewarn doctor` finds, by what it looks at, and its exit code.

    In this process, which knows by the second time that every message renders. The operator's page has it as a process.
    """
    done = run_command(ROOT, "doctor", "--json", **operator.settings | {"FOREWARN_HOME": str(home)})
    return {one["what"]: one for one in json.loads(done.stdout)["checks"]}, done.returncode


def test_doctor_sees_the_server_the_worker_the_deployments_and_their_last_runs(operator):
    found, code = doctor(operator)
    bad = {what: one["found"] for what, one in found.items() if one["bad"]}
    assert (bad, code) == ({}, 0)
    assert {"prefect", "pool forewarn", "deployments", "last late-orders", "last deliver"} <= found.keys()
    assert "1 worker polls" in found["pool forewarn"]["found"]
    assert found["last deliver"]["found"].startswith(("ended without a fault at", "under way since"))


def test_doctor_compares_what_is_deployed_with_the_file(operator):
    """The file is changed, not the server: another pool, another hour, another name, one deployment more."""
    home = operator.ledger.parent / "elsewhere"
    home.mkdir()
    file = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    deployments = {one["name"]: one for one in file["deployments"]}
    operator.api.post("work_pools/", json={"name": "empty", "type": "process"}).raise_for_status()
    deployments["digest"]["work_pool"] = {"name": "empty"}
    deployments["restock"]["work_pool"] = {"name": "missing"}
    deployments["post-delays"]["schedules"][0]["cron"] = "0 11 * * *"
    deployments["release"]["name"] = "another"
    (home / "prefect.yaml").write_text(yaml.safe_dump(file))
    found, code = doctor(operator, home)
    wrong = {what: one["found"] for what, one in found.items() if one["bad"]}
    assert (wrong, code) == (
        {
            "pool empty": "no worker polls it: no run starts",
            "pool missing": "there is no such pool",
            "deployment post-delays": "not scheduled as prefect.yaml says: 0 11 * * *, Europe/Berlin",
            "deployment another": "not deployed",
        },
        1,
    )
    assert [what for what in wrong if not found[what]["remedy"]] == []


def test_doctor_sees_what_was_paused_on_prefects_page(operator):
    there = operator.api.get("deployments/name/digest/digest").raise_for_status().json()
    schedule = f"deployments/{there['id']}/schedules/{there['schedules'][0]['id']}"
    operator.change(schedule, {"active": False})
    operator.change("work_pools/forewarn", {"is_paused": True})
    found, code = doctor(operator)
    operator.change(schedule, {"active": True})
    operator.change("work_pools/forewarn", {"is_paused": False})
    until(lambda: bool(operator.to_come("digest")), "the server schedules again what was paused")
    assert code == 1
    assert (found["pool forewarn"]["bad"], found["deployment digest"]["bad"]) == (True, True)
    assert "paused" in found["deployment digest"]["found"]


@pytest.fixture(scope="module")
def unscheduled(operator: Operator) -> Operator:
    """End the schedule and wait for its runs: one at a tick of the clock would come between those that are counted."""
    operator.schedule(active=False)
    until(lambda: len(operator.under_way()) == len(operator.watching()) == 1, "one run of deliver that watches", LONG)
    operator.cancel(*operator.watching())
    return operator


def test_a_run_that_watches_ends_at_once_when_it_is_cancelled_and_leaves_nothing_open(unscheduled):
    assert unscheduled.runs("deliver")[-1]["state_type"] == "CANCELLED"
    assert unscheduled.rows("SELECT count(*) FROM run WHERE state = 'running'") == [(0,)]
    unsettled = "SELECT count(*) FROM outbox WHERE state IN ('sending', 'in_doubt')"
    assert unscheduled.rows(unsettled) == [(0,)]


def test_the_runs_by_hand_of_the_readme_tell_nobody_twice(unscheduled):
    follow(unscheduled.terminals, unscheduled.by_hand, unscheduled.api)
    late, sent = unscheduled.done("late-orders"), unscheduled.runs("deliver")
    told = len(unscheduled.rows("SELECT DISTINCT order_id FROM notice"))
    went = unscheduled.rows("SELECT count(*) FROM outbox WHERE state = 'sent' AND channel IN ('email', 'sms')")[0][0]
    day = unscheduled.day
    assert [run["name"] for run in late] == [
        f"late-orders {day}: {told} to tell",
        *[f"late-orders {day}: 0 to tell"] * (len(late) - 1),
    ]
    # A run that found nothing due keeps the name that it began with.
    named = [re.match(rf"deliver {day}: (\d+) sent in a trial", run["name"]) for run in sent]
    assert sum(int(name[1]) for name in named if name) == went
    # Facts that changed started forward-to-vendors, too.
    to_vendors = unscheduled.rows("SELECT count(*) FROM outbox WHERE state = 'sent' AND channel = 'mail'")[0][0]
    assert went + to_vendors == unscheduled.messages() > to_vendors


def test_customer_service_reads_who_is_told_what_and_why(unscheduled):
    summary, table = (
        unscheduled.artifacts("lantern-loom-late-orders-summary")[0],
        unscheduled.artifacts("lantern-loom-late-orders-orders")[0],
    )
    assert summary.startswith(f"# Lantern & Loom, {unscheduled.day}\n")
    assert "| Notices |" in summary
    noticed = unscheduled.rows("SELECT order_id, days, why FROM notice GROUP BY order_id")
    assert {(row["order"], row["days late"], row["why"]) for row in table} == {
        (order, days, short_reason(why)) for order, days, why in noticed
    }
    told = ["not sent" not in row["channels"] for row in table]
    assert told == sorted(told), "those who are not told come first"
    assert {"remedy", "channels"} <= table[0].keys()
    assert any(row["remedy"].startswith("substitute: ") for row in table)
    assert any(re.search(r"email \S…@example\.", row["channels"]) for row in table)
    assert unscheduled.artifacts("lantern-loom-deliver-summary")


def test_the_next_runs_owe_nothing_more_and_the_other_flows_do_their_work(unscheduled):
    owed = unscheduled.rows("SELECT * FROM notice ORDER BY id")
    unscheduled.trigger("late-orders", "post-delays", "digest", as_of=str(unscheduled.day))
    again = unscheduled.runs("late-orders")[-1]
    assert (again["state_type"], again["name"]) == ("COMPLETED", f"late-orders {unscheduled.day}: 0 to tell")
    assert unscheduled.rows("SELECT * FROM notice ORDER BY id") == owed

    posts = unscheduled.rows("SELECT count(*) FROM post WHERE state = 'waits'")[0][0]
    assert f"post-delays {unscheduled.day}: {posts} to approve" in [
        one["name"] for one in unscheduled.runs("post-delays")
    ]
    digest = unscheduled.runs("digest")[-1]["name"]
    assert digest.startswith(f"digest of {unscheduled.day}: ")
    assert digest.endswith(" told")
    waiting = f"| Posts that wait for approval: `/desk/posts` | {posts} |" if posts else "Nothing waits for a person."
    assert waiting in unscheduled.artifacts("lantern-loom-digest-summary")[-1]


def test_nothing_that_prefect_keeps_has_an_address_or_a_code_in_clear(unscheduled):
    secret = {row[0] for row in unscheduled.rows("SELECT address FROM notice WHERE address IS NOT NULL")}
    codes = {row[0] for row in unscheduled.rows("SELECT code FROM offer WHERE code IS NOT NULL")}
    assert secret
    assert codes
    kept = unscheduled.everything_prefect_keeps() + unscheduled.terminals.said()
    assert [one for one in secret | codes if one in kept] == []


def test_a_message_that_becomes_due_leaves_by_the_run_that_watches(unscheduled):
    deliveries = "SELECT count(*) FROM run WHERE flow = 'deliver' AND state = 'done'"
    (before,), sent = unscheduled.rows(deliveries), unscheduled.sent()
    unscheduled.start("deliver", watch_minutes=30)
    until(lambda: unscheduled.rows(deliveries) > [before], "a run that has delivered, and watches")
    with closing(sqlite3.connect(unscheduled.ledger, timeout=60)) as ledger, ledger:
        ledger.execute(QUEUE_AGAIN)
    assert unscheduled.sent() == sent - 1
    until(lambda: unscheduled.sent() == sent, "the message leaves")
    (watching,) = unscheduled.watching()
    assert unscheduled.runs("deliver")[-1]["id"] == watching["id"], "no other run began"


def test_the_server_deletes_old_runs_and_events_as_the_unit_says(unscheduled):
    old, *_, recent = unscheduled.runs("late-orders")
    logs = "SELECT count(*) FROM log WHERE flow_run_id = ?"
    with closing(sqlite3.connect(unscheduled.server, timeout=60)) as server:
        key = uuid.UUID(old["id"]).hex, old["id"]
        (run,) = server.execute("SELECT id FROM flow_run WHERE id IN (?, ?)", key).fetchone()
        assert server.execute(logs, [run]).fetchone() > (0,)
        with server:
            server.execute("UPDATE flow_run SET end_time = ? WHERE id = ?", (LONG_AGO, run))
            server.execute("UPDATE events SET occurred = ? WHERE id IN (SELECT id FROM events LIMIT 20)", (LONG_AGO,))
        left = "SELECT count(*) FROM flow_run WHERE id = ?", [run]
        until(lambda: server.execute(*left).fetchone() == (0,), "the old run is deleted")
        until(lambda: server.execute(logs, [run]).fetchone() == (0,), "its logs are deleted")
        ago = "SELECT count(*) FROM events WHERE occurred = ?", [LONG_AGO]
        until(lambda: server.execute(*ago).fetchone() == (0,), "the old events are deleted")
    assert recent["id"] in [one["id"] for one in unscheduled.runs("late-orders")]


def test_the_commands_of_the_operators_page_do_as_they_say(operator):
    operator.schedule(active=True)
    until(lambda: doctor(operator)[1] == 0, "the server to schedule runs again", LONG)
    for block in blocks((ROOT / "docs" / "operate.md").read_text()):
        operator.terminals.run(operator.warm + block)


def test_a_changed_file_is_checked_within_seconds_and_its_messages_leave(operator):
    """Four orders that were on time have a promise in the file by now that has passed."""

    def checks():
        # What restock reads first, late-orders need not.
        return {one["id"]: one for name in ("late-orders", "restock") for one in operator.started(name)}

    if not operator.watching():  # the test that watches has not run, or ran half an hour ago
        operator.start("deliver", watch_minutes=10)
    before = checks()
    on_time = "SELECT order_id FROM watch WHERE bucket = 'on_time' AND revision = 0 ORDER BY order_id LIMIT 4"
    orders = {order for (order,) in operator.rows(on_time)}
    told = ORDERS_TOLD.format(", ".join(f"'{order}'" for order in orders))
    assert operator.rows(told) == [(0,)]
    file = operator.ledger.with_name("shop") / "data" / "order_lines.csv"
    lines = [{**row} for row in csv.DictReader(file.read_text().splitlines())]
    for row in (one for one in lines if one["order_no"] in orders):
        row["promised"] = str(operator.day - timedelta(days=5))
    with file.open("w", newline="") as written:
        writer = csv.DictWriter(written, lines[0])
        writer.writeheader()
        writer.writerows(lines)
    changed_at = datetime.now(UTC)
    until(lambda: operator.rows(told) > [(0,)], f"their messages leave\n{operator.terminals.said()}", LONG)
    until(lambda: checks().keys() > before.keys(), "the check ends")
    asked_at = min(one["expected_start_time"] for key, one in checks().items() if key not in before)
    assert datetime.fromisoformat(asked_at) - changed_at < timedelta(minutes=1)
