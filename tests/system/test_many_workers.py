"""Two worker processes on one pool and one PostgreSQL: they share the work, and no customer hears anything twice."""

import asyncio
import json
import re
import sys
from collections import Counter
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import httpx
import pytest
from prefect.workers.process import ProcessWorker
from sqlalchemy import func, select

from models.enums import State
from sources.sample import write_sample
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.db.sql import read_only
from tasks.orders.told import NOTICES_WITH_STATE
from tasks.tables import NOTICES, OUTBOX
from tests.support.paths import ROOT
from tests.support.provider import Answer, run_provider
from tests.support.terminals import Page, alone, answers, free_port, terminals, until

DAY = date(2025, 11, 3)
ORDERS, SHARDS, DELIVERS = 800, 2, 3
SLOTS = 2
"""Of each worker: too few for one to do it all."""
DEPLOYMENTS = ("late-orders", "late-orders-shard", "deliver")


@contextmanager
def two_workers(place, env):
    """Run a server, deploy, and start two workers; yield what Prefect's page shows, and the workers' logs."""
    (place / "logs").mkdir()
    port = free_port()
    api = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/", timeout=60)
    exports = f'export PATH="{Path(sys.executable).parent}:$PATH" PREFECT_API_URL={api.base_url}\n'
    with api, terminals(exports, alone(place, port) | env, place / "logs") as opened:
        opened.keep("prefect server start")
        until(lambda: answers(api), f"an answer of the server\n{opened.said()}")
        # With its template given: two workers that both fill it in at once are too many for Prefect on SQLite.
        pool = {
            "name": "forewarn",
            "type": "process",
            "base_job_template": ProcessWorker.get_default_base_job_template(),
        }
        api.post("work_pools/", json=pool).raise_for_status()
        opened.run(f"forewarn go-live --yes --as-of {DAY}\n")
        for _ in range(2):
            opened.keep(f"prefect worker start --pool forewarn --limit {SLOTS}")
        opened.run(f"prefect --no-prompt deploy {' '.join(f'--name {name}' for name in DEPLOYMENTS)}\n")
        yield Page(api), [place / "logs" / f"{n}.log" for n in (1, 2)]


def taken_by(log):
    """Return the flow runs that a worker started; where both reach for one, the server lets one of them have it."""
    said = log.read_text()
    begun, lost = (re.findall(rf"{word} flow run '([0-9a-f-]+)'", said) for word in ("submitting", "submission of"))
    return {*begun} - {*lost}


def figure(run):
    """Return how many a run says it told, or sent."""
    return int(re.search(r": (\d+) ", run["name"])[1])


@pytest.fixture
def ledger(postgres):
    """Return the address of a ledger that both workers share, and an engine to look into it."""
    address = postgres.emptied()
    engine = connect(address)
    migrate(engine)  # as `forewarn ledger create` does
    yield address, engine
    engine.dispose()


def at_work(engine):
    """Count the runs that wait for a provider."""
    mine = select(func.count(OUTBOX.c.lease_holder.distinct())).where(OUTBOX.c.state == State.SENDING)
    with read_only(engine) as connection:
        return connection.execute(mine).scalar_one()


def rows(engine, *columns):
    with read_only(engine) as connection:
        found = ((NOTICES if name in NOTICES.c else OUTBOX).c[name] for name in columns)
        return connection.execute(select(*found).select_from(NOTICES_WITH_STATE)).all()


@pytest.mark.long
async def test_two_workers_share_a_run_in_shards_and_its_deliveries_and_nobody_hears_anything_twice(ledger, tmp_path):
    address, engine = ledger
    write_sample(tmp_path / "shop", orders=ORDERS, seed=7, as_of=DAY)
    with (tmp_path / "shop" / "policy.toml").open("a") as policy:
        policy.write("\n[guardrails]\nmax_discount_multiple = 0\n")
    async with run_provider() as provider:
        provider.answer_with(Answer(202, "", {"X-Message-Id": "taken"}))
        provider.slow = asyncio.Event()
        env = {
            "FOREWARN_HOME": str(ROOT),
            "FOREWARN_SHOP": str(tmp_path / "shop"),
            "FOREWARN_DATABASE_URL": address,
            "FOREWARN_OUTBOX_DIR": str(tmp_path / "outbox"),
            "FOREWARN_EMAIL": "sendgrid",
            "FOREWARN_SENDGRID_API_KEY": "SG.key",
            "FOREWARN_SENDGRID_URL": provider.url,
            "FOREWARN_BATCH_SIZE": "15",
            "FOREWARN_TIMEOUT": "120",
            "FOREWARN_LEASE_SECONDS": "400",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
        }
        with two_workers(tmp_path, env) as (page, logs):
            await asyncio.to_thread(page.trigger, "late-orders", as_of=str(DAY), shards=SHARDS)
            owed = rows(engine, "order_id", "channel", "run_id", "state")
            delivers = ["deliver"] * DELIVERS
            delivered = asyncio.create_task(asyncio.to_thread(page.trigger, *delivers, as_of=str(DAY)))
            await asyncio.to_thread(
                until, lambda: at_work(engine) == DELIVERS, "every run waiting for the provider", 100
            )
            provider.slow.set()
            await delivered
            runs = {name: page.runs(name) for name in DEPLOYMENTS}
            (summary,) = page.artifacts("lantern-loom-late-orders-summary")
            taken = [taken_by(log) for log in logs]

    assert {run["state_type"] for found in runs.values() for run in found} == {"COMPLETED"}
    (whole,), told = runs["late-orders"], {row.order_id for row in owed}
    assert whole["name"] == f"late-orders {DAY}: {len(told)} to tell"
    assert len({row.run_id for row in owed}) == 1
    to_send = Counter(row.channel for row in owed if row.state == State.QUEUED)
    assert f"| Notices | {to_send['email']} email" in summary
    assert len(runs["late-orders-shard"]) == SHARDS
    assert all(run["parent_task_run_id"] for run in runs["late-orders-shard"])
    assert min(figure(run) for run in runs["late-orders-shard"]) > 0
    assert sum(figure(run) for run in runs["late-orders-shard"]) == len(told)

    assert min(figure(run) for run in runs["deliver"]) > 0
    done = Counter((row.channel, row.state) for row in rows(engine, "channel", "state"))
    assert sum(figure(run) for run in runs["deliver"]) == done["email", State.SENT] + done["sms", State.SENT]
    assert {state for _, state in done} <= {State.SENT, State.SKIPPED, State.QUEUED}, "a text may wait for its hour"
    mails = Counter(json.loads(one.body)["personalizations"][0]["custom_args"]["notice"] for one in provider.requests)
    assert mails == Counter(
        row.id for row in rows(engine, "id", "channel", "state") if row[1:] == ("email", State.SENT)
    )
    assert mails.total() == to_send["email"]

    assert taken[0].isdisjoint(taken[1])
    deciding = {run["id"] for run in (*runs["late-orders"], *runs["late-orders-shard"])}
    for worker in taken:
        assert worker & deciding
        assert worker & {run["id"] for run in runs["deliver"]}
