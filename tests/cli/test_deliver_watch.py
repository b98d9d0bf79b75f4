"""`forewarn deliver --watch`, a service that stays until it is stopped."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest

from sources.sample import sample_day, write_sample
from tests.support.commands import run_command
from tests.support.paths import ROOT
from tests.support.terminals import until

QUEUE_AGAIN = """
    UPDATE outbox SET state = 'queued', settled_at = NULL
    WHERE id = (SELECT id FROM outbox WHERE state = 'sent' AND channel = 'email' LIMIT 1)
"""


def rows(ledger, query):
    with closing(sqlite3.connect(ledger, timeout=60)) as connection, connection:
        return connection.execute(query).fetchall()


@pytest.mark.server
def test_it_sends_what_becomes_due_and_ends_without_a_fault_when_it_is_stopped(tmp_path):
    today = sample_day(datetime.now(UTC))
    write_sample(tmp_path / "shop", orders=60, seed=7, as_of=today)
    assert run_command(tmp_path, "run", "--import").returncode == 0
    (ledger,) = tmp_path.glob("var/*/forewarn.db")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "FOREWARN_"))}
    command = [sys.executable, "-c", "from cli.main import main; main()", "deliver", "--watch"]
    with (tmp_path / "said").open("wb") as said:
        started = subprocess.Popen(command, cwd=tmp_path, env=env | {"PYTHONPATH": str(ROOT)}, stdout=said)  # noqa: S603
    try:
        deliveries = "SELECT count(*) FROM run WHERE flow = 'deliver' AND state = 'done'"
        until(lambda: rows(ledger, deliveries) == [(2,)], "the first delivery")
        rows(ledger, QUEUE_AGAIN)
        until(lambda: rows(ledger, deliveries) == [(3,)], "another delivery")
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == 0
    finally:
        started.kill()
        started.wait(60)
    assert (tmp_path / "said").read_text() == f"deliver {today}: 1 sent in a trial\n"
    assert rows(ledger, "SELECT count(*) FROM run WHERE state = 'running'") == [(0,)]


@pytest.mark.parametrize("option", [("--as-of", "2026-06-15"), ("--json",)])
def test_it_watches_no_other_day_and_prints_no_report(tmp_path, option):
    done = run_command(tmp_path, "deliver", "--watch", *option)
    assert done.returncode == 1
    assert "--watch" in done.stderr
