"""The schedule itself: README, "Run it every day", and then nothing but waiting. `doctor` looks at the same server."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import yaml

from sources.sample import write_sample
from tests.everyday import (
    ROOT,
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
EACH_MINUTE = 'prefect deployment schedule create late-orders/late-orders --cron "* * * * *"'
"""Beside its own schedule, which is every quarter of an hour."""


@dataclass(frozen=True)
class Operator(Page):
    terminals: Terminals
    env: dict[str, str]
    ledger: Path
    outbox: Path

    def scheduled(self, deployment: str) -> list[dict[str, Any]]:
        """Return the runs of a deployment that the schedule began and that are completed."""
        return [
            one for one in self.runs(deployment) if "auto-scheduled" in one["tags"] and one["state_type"] == "COMPLETED"
        ]

    def sent(self) -> int:
        """Count the mails that the ledger calls sent; none while there is no ledger yet."""
        if not self.ledger.is_file():
            return 0
        with closing(sqlite3.connect(self.ledger)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'notice'").fetchone():
                return 0
            asked = "SELECT count(*) FROM notice WHERE state = 'sent' AND channel = 'email'"
            return int(connection.execute(asked).fetchone()[0])


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Follow the README up to where it says that nobody needs to wait, and wait."""
    place, port = tmp_path_factory.mktemp("schedule"), free_port()
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()  # the sample shop's zone
    write_sample(place / "shop", orders=60, seed=7, as_of=today)
    env = alone(place, port) | {
        "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "true",
        "FOREWARN_DATABASE_URL": f"sqlite:///{place / 'ledger.db'}",
        "FOREWARN_OUTBOX": str(place / "outbox"),
    }
    here = {"127.0.0.1:4200": f"127.0.0.1:{port}", '"$PWD/shop"': f'"{place / "shop"}"'}
    exports, *rest = blocks(as_here(section(ROOT / "README.md", "every day"), here))
    (place / "logs").mkdir()
    api = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/", timeout=60)
    with api, terminals(exports, env, place / "logs") as opened:
        follow(opened, [block for block in rest if not block.startswith("prefect deployment run")], api)
        opened.run(EACH_MINUTE)
        yield Operator(api, opened, env, place / "ledger.db", place / "outbox")


def test_the_schedule_alone_finds_late_orders_and_sends_their_notices(operator):
    for name in ("late-orders", "deliver"):
        until(
            lambda name=name: bool(operator.scheduled(name)),
            f"a scheduled run of {name} is completed\n{operator.terminals.said()}",
            LONG,
        )
    until(lambda: operator.sent() > 0, "the schedule sends what is due", LONG)
    until(lambda: len(list(operator.outbox.rglob("*.eml"))) >= operator.sent(), "every notice is in the outbox")


def doctor(operator, before="", options="--json"):
    """Return what `forewarn doctor` found, by what it looked at, and its exit code."""
    said = operator.ledger.with_name("doctor.json")
    operator.terminals.run(
        f"{before}\ncode=0; forewarn doctor {options} > {said} || code=$?\necho $code > {said}.code\n"
    )
    code = int(said.with_name("doctor.json.code").read_text())
    return {one["what"]: one for one in json.loads(said.read_text())["checks"]}, code


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
    found, code = doctor(operator, f"export FOREWARN_HOME={home}")
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
    assert [what for what in wrong if not found[what]["do"]] == []


def test_doctor_sees_what_was_paused_on_prefects_page(operator):
    there = operator.api.get("deployments/name/digest/digest").raise_for_status().json()
    schedule = f"deployments/{there['id']}/schedules/{there['schedules'][0]['id']}"
    operator.change(schedule, {"active": False})
    operator.change("work_pools/forewarn", {"is_paused": True})
    found, code = doctor(operator)
    operator.change(schedule, {"active": True})
    operator.change("work_pools/forewarn", {"is_paused": False})
    until(lambda: bool(operator.runs("digest")), "the server schedules again what was paused")
    assert code == 1
    assert (found["pool forewarn"]["bad"], found["deployment digest"]["bad"]) == (True, True)
    assert "paused" in found["deployment digest"]["found"]


def test_the_commands_of_the_operators_page_do_as_they_say(operator):
    for block in blocks((ROOT / "docs" / "operate.md").read_text()):
        operator.terminals.run(block)
