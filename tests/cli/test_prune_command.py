"""`forewarn prune` on a shop of the sample: what it counts, what it deletes, and when it refuses."""

import json
from contextlib import contextmanager
from datetime import date

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from cli.main import command_line
from models.errors import ForewarnError
from models.policy.policy import CLOSED
from sources.sample import write_sample
from tasks.db.counters import get_counter
from tasks.db.engine import connect
from tasks.db.settled_counts import UNTIL
from tasks.db.sql import read_only
from tasks.retention.records import PRUNABLE
from tasks.tables import WATCHES

DAY, NEXT_DAY, LATER = "2026-06-15", "2026-06-16", "2026-07-25"
POLICY = """
[guardrails]
max_data_age_hours = 0
[retention]
message_days = 30
evidence_days = 35
offer_days = 38
event_days = 38
"""


@pytest.fixture
def forewarn(tmp_path, monkeypatch):
    """Return a function that runs the command in a shop in which one day was lived."""
    write_sample(tmp_path / "shop", orders=60, seed=7, as_of=date.fromisoformat(DAY))
    with (tmp_path / "shop" / "policy.toml").open("a") as policy:
        policy.write(POLICY)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        done = CliRunner().invoke(command_line, arguments)
        if done.exception is not None:
            raise done.exception
        return done.stdout

    run("run", "--import", "--as-of", DAY)
    return run


def pruned(forewarn, *arguments):
    return json.loads(forewarn("prune", "--json", *arguments))


@contextmanager
def opened(folder):
    (ledger,) = folder.glob("var/*/forewarn.db")
    engine = connect(f"sqlite:///{ledger}")
    yield engine
    engine.dispose()


def counted_until(folder):
    with opened(folder) as engine, read_only(engine) as connection:
        return get_counter(connection, UNTIL)


def close_orders(folder):
    """Have every order found complete, as it is once its goods were shipped."""
    with opened(folder) as engine, engine.begin() as connection:
        connection.execute(update(WATCHES).values(bucket=CLOSED, next_check_on=date.max))


def test_what_is_counted_beforehand_is_what_is_deleted(forewarn, tmp_path):
    close_orders(tmp_path)
    ledger_before = json.loads(forewarn("status", "--json"))
    foreseen = pruned(forewarn, "--as-of", LATER, "--dry-run")
    assert json.loads(forewarn("status", "--json")) == ledger_before
    assert not counted_until(tmp_path)

    deleted = pruned(forewarn, "--as-of", LATER)
    assert deleted == foreseen | {"dry_run": False}
    states = ledger_before["notices"]
    waiting = {"queued": states["queued"]}
    assert states["sent in a trial"]
    assert deleted["deleted"]["notices"] == sum(states.values()) - waiting["queued"]
    assert json.loads(forewarn("status", "--json"))["notices"] == waiting
    assert set(deleted["deleted"]) == {kind.name for kind in PRUNABLE}
    assert counted_until(tmp_path)
    assert set(pruned(forewarn, "--as-of", LATER)["deleted"].values()) == {0}


def test_people_read_what_is_kept_for_how_long(forewarn):
    table = forewarn("prune", "--as-of", NEXT_DAY, "--dry-run")
    assert "would be deleted" in table
    assert [line.split()[-2:] for line in table.splitlines() if line.startswith(("notices", "events"))] == [
        ["35", "0"],
        ["38", "0"],
    ]


def test_a_clock_that_is_far_ahead_deletes_nothing(forewarn):
    with pytest.raises(ForewarnError, match="if the clock is right, run once with --as-of"):
        forewarn("prune")


def test_a_day_before_the_last_one_is_refused(forewarn):
    forewarn("prune", "--as-of", LATER)
    with pytest.raises(ForewarnError, match=f"prune was run for {LATER} already"):
        forewarn("prune", "--as-of", NEXT_DAY)
