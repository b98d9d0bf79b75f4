"""README, "Run it every day", done as it stands: a real server, deployments, a worker, and runs of every flow."""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

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
)

DAY = date(2025, 11, 3)
ORDERS = 150
README = ROOT / "README.md"


@dataclass(frozen=True)
class Operator(Page):
    terminals: Terminals
    ledger: Path
    outbox: Path

    def rows(self, query: str) -> list[Any]:
        with sqlite3.connect(self.ledger) as connection:
            found = connection.execute(query).fetchall()
        connection.close()
        return found


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """Follow the README to its end, with a sample shop, ports and folders of the test's own."""
    place, port = tmp_path_factory.mktemp("operator"), free_port()
    write_sample(place / "shop", orders=ORDERS, seed=7, as_of=DAY)
    env = alone(place, port) | {
        "FOREWARN_DATABASE_URL": f"sqlite:///{place / 'ledger.db'}",
        "FOREWARN_OUTBOX": str(place / "outbox"),
    }
    here = {
        "127.0.0.1:4200": f"127.0.0.1:{port}",
        '"$PWD/shop"': f'"{place / "shop"}"',
        " --watch": f" --watch --param as_of={DAY}",
    }
    exports, *rest = blocks(as_here(section(README, "every day"), here))
    (place / "logs").mkdir()
    api = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/", timeout=60)
    with api, terminals(exports, env, place / "logs") as opened:
        opened.run("forewarn ledger create\n")  # as docs/operate.md says of a ledger that has an address
        found = Operator(api, opened, place / "ledger.db", place / "outbox")
        follow(opened, rest, api)
        yield found


def test_the_readme_takes_an_operator_from_install_to_a_running_schedule(operator):
    deployed = operator.api.post("deployments/filter", json={}).raise_for_status().json()
    assert {one["name"]: one["schedules"][0]["active"] for one in deployed if one["schedules"]} == {
        "late-orders": True, "deliver": True, "post-delays": True, "digest": True,
        "allocate": True, "restock": True, "forward-to-vendors": True, "stock-report": True,
    }  # fmt: skip
    assert {one["name"]: limit["limit"] for one in deployed if (limit := one["global_concurrency_limit"])} == {
        "late-orders": 1, "deliver": 3, "release": 1, "post-delays": 1, "digest": 1,
        "allocate": 1, "restock": 1, "forward-to-vendors": 1, "stock-report": 1,
    }  # fmt: skip

    late, sent = operator.runs("late-orders")[0], operator.runs("deliver")[0]
    assert (late["state_type"], sent["state_type"]) == ("COMPLETED", "COMPLETED"), operator.terminals.said()
    told = len(operator.rows("SELECT DISTINCT order_id FROM notice"))
    went = operator.rows("SELECT count(*) FROM notice WHERE state = 'sent'")[0][0]
    assert late["name"] == f"late-orders {DAY}: {told} to tell"
    assert sent["name"] == f"deliver {DAY}: {went} sent"
    assert went == len(list(operator.outbox.rglob("*.eml"))) + len(list(operator.outbox.rglob("*.txt")))


def test_customer_service_reads_who_is_told_what_and_why(operator):
    summary, table = operator.artifacts("late-orders-summary")[0], operator.artifacts("late-orders-orders")[0]
    assert summary.startswith(f"# Lantern & Loom, {DAY}\n")
    assert "| Notices owed |" in summary
    noticed = operator.rows("SELECT order_id, days, bucket, why FROM notice GROUP BY order_id ORDER BY order_id")
    assert [(row["order"], row["days late"], row["bucket"], row["why"]) for row in table] == noticed
    assert {"remedy", "channels"} <= table[0].keys()
    assert any(row["remedy"].startswith("substitute: ") for row in table)
    assert any(re.search(r"email \S…@example\.", row["channels"]) for row in table)
    assert operator.artifacts("deliver-summary")


def test_the_next_runs_owe_nothing_more_and_the_other_flows_do_their_work(operator):
    owed = operator.rows("SELECT * FROM notice ORDER BY id")
    operator.trigger("late-orders", "post-delays", "digest", as_of=str(DAY))
    again = operator.runs("late-orders")[-1]
    assert (again["state_type"], again["name"]) == ("COMPLETED", f"late-orders {DAY}: 0 to tell")
    assert operator.rows("SELECT * FROM notice ORDER BY id") == owed

    posts = operator.rows("SELECT count(*) FROM post WHERE state = 'held'")[0][0]
    assert operator.runs("post-delays")[-1]["name"] == f"post-delays {DAY}: {posts} to approve"
    assert operator.runs("digest")[-1]["name"] == f"digest of {DAY}"
    assert f"| Posts that wait for approval | {posts} |" in operator.artifacts("digest-summary")[-1]


def test_nothing_that_prefect_keeps_has_an_address_or_a_code_in_clear(operator):
    secret = {row[0] for row in operator.rows("SELECT address FROM notice WHERE address IS NOT NULL")}
    codes = {row[0] for row in operator.rows("SELECT code FROM offer WHERE code IS NOT NULL")}
    assert secret
    assert codes
    kept = operator.everything_prefect_keeps() + operator.terminals.said()
    assert [one for one in secret | codes if one in kept] == []
