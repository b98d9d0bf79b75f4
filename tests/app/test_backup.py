"""A backup is taken, brought back, and tells nobody twice, on both databases."""

import asyncio
import json
import os
import stat
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.engine import make_url

from models.enums import Channel, State
from models.messages import Receipt
from tasks.db.counters import set_counter
from tasks.db.restored import RESTORED, restored_from
from tasks.db.sql import read_only
from tasks.delivery.queue import LeaseHolder
from tasks.delivery.reconcile import reconcile_in_doubt
from tasks.delivery.worker import DeliveryWorker
from tasks.guardrails.release import ReviewDecision, release_or_drop_run
from tasks.guardrails.restored import begin_restored, end_restored
from tasks.reporting.check_ledger import check_ledger
from tasks.runs.records import HELD
from tasks.staff.links import make_link, open_link
from tasks.tables import NOTICES, OUTBOX, RUNS
from tests.support.commands import run_command
from tests.support.desk import desk_client
from tests.support.postgres import PROGRAMS
from tests.support.shop_driver import SHOP_TOML, FakeTransport, ShopDriver, customer, noon, open_context


class Remembering(FakeTransport):
    """A provider that knows what it took, and can be asked."""

    async def lookup(self, message, since):
        await asyncio.sleep(0)
        return Receipt(f"ref-{message.id}") if message.id in {one.id for one in self.taken} else None


@pytest.fixture
def place(tmp_path, ledger):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "shop.toml").write_text(SHOP_TOML)
    return tmp_path


@pytest.fixture
def forewarn(place, ledger):
    def run(*arguments, code=0):
        path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
        done = run_command(place, *arguments, FOREWARN_DATABASE_URL=ledger, FOREWARN_HOME=str(place), PATH=path)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def shop(ledger):
    drivers = []

    def opened():
        driver = ShopDriver(open_context(ledger))
        drivers.append(driver)
        return driver

    yield opened
    for driver in drivers:
        driver.context.engine.dispose()


def ask_providers(driver, provider, at):
    worker = DeliveryWorker(LeaseHolder("asks", timedelta(minutes=10)), dict.fromkeys(Channel, provider), 4, lambda: at)
    return asyncio.run(reconcile_in_doubt(driver.context, worker))


def set_clock_back(context):
    """The commands run today, and the shop's orders are of another day."""
    with context.engine.begin() as connection:
        set_counter(connection, RESTORED, int(noon(0).timestamp()))
        doubt = OUTBOX.update().where(OUTBOX.c.state == State.IN_DOUBT)
        connection.execute(doubt.values(sending_at=noon(0), queued_at=noon(0)))


def release_all(driver, at):
    context = replace(driver.context, started_at=at)
    for run in [row["id"] for row in driver.rows(RUNS) if row["state"] == HELD]:
        release_or_drop_run(context, run, ReviewDecision.RELEASE, "ana")


def states(driver):
    return sorted(row["state"] for row in driver.rows(NOTICES))


def test_after_a_restore_nobody_is_told_twice_and_everybody_once(shop, forewarn, place):
    provider = Remembering()
    driver = shop()
    driver.order("1", customer=customer("c1"))  # told before the backup
    driver.evaluate()
    driver.deliver(transport=provider)
    driver.order("2", customer=customer("c2"))  # decided before the backup, and told after it
    driver.evaluate()
    forewarn("backup", place / "ledger.backup")
    driver.deliver(transport=provider)
    driver.order("3", customer=customer("c3"))  # known, decided and told after the backup
    driver.evaluate()
    driver.deliver(transport=provider)
    told = sorted(message.id for message in provider.taken)
    assert len(told) == len(set(told)) == 3
    driver.context.engine.dispose()

    done = forewarn("restore", place / "ledger.backup", "--who", "ana", "--yes", "--json")
    assert json.loads(done.stdout)["in_doubt"] == 1
    driver = shop()
    assert states(driver) == [State.IN_DOUBT, State.SENT]
    driver.order("3", customer=customer("c3"))  # imported again
    driver.order("4", customer=customer("c4"))  # new, told to nobody so far
    set_clock_back(driver.context)
    later = noon(0) + timedelta(hours=1)
    driver.evaluate()
    driver.deliver(transport=provider)
    assert sorted(message.id for message in provider.taken) == told, "a run after a restore is held"
    release_all(driver, later)
    ask_providers(driver, provider, later)
    ask_providers(driver, provider, later + timedelta(minutes=50))
    driver.deliver(transport=provider, at=later + timedelta(hours=1))
    ids = [message.id for message in provider.taken]
    assert len(ids) == len(set(ids)) == 4, "each of four customers was told once"
    assert states(driver) == [State.SENT] * 4
    with read_only(driver.context.engine) as connection:
        assert not check_ledger(connection)


def test_once_it_is_over_released_runs_leave_without_a_question(shop, forewarn, place):
    driver = shop()
    begin_restored(driver.context, noon(-1), "ana")
    said = forewarn("status").stdout
    assert "Restored from a backup of" in said
    assert "The notices of every run wait for a person" in said
    checks = {
        one["what"] for one in json.loads(forewarn("doctor", "--no-providers", "--json", code=1).stdout)["checks"]
    }
    assert {"restored", "supervision"} <= checks
    forewarn("restore", "--over", "--who", "ana")
    forewarn("supervision", "off", "--who", "ana")
    assert "every run" not in forewarn("status").stdout
    with read_only(driver.context.engine) as connection:
        assert restored_from(connection) is None
    driver.order("1")
    driver.evaluate()
    release_all(driver, noon(0))
    assert states(driver) == [State.QUEUED]


def test_what_a_provider_cannot_tell_waits_for_staff(shop):
    driver = shop()
    driver.order("1")
    driver.evaluate()
    begin_restored(driver.context, noon(-1), "ana")
    ask_providers(driver, driver.transport, noon(0))
    (row,) = driver.rows(OUTBOX)
    assert (row["state"], row["lease_holder"]) == (State.IN_DOUBT, "people")


def test_a_failed_message_is_not_tried_another_way_after_a_restore(shop):
    driver = shop()
    driver.order("1")
    driver.evaluate()
    with driver.context.engine.begin() as connection:
        connection.execute(OUTBOX.update().values(state=State.REJECTED, settled_at=noon(0), awaits_fallback=True))
    assert begin_restored(driver.context, noon(-1), "ana").unreachable == 1
    assert not driver.rows(OUTBOX)[0]["awaits_fallback"]
    with driver.context.engine.begin() as connection:
        end_restored(connection, noon(0), "ana")


def test_a_backup_is_private_and_never_overwrites(forewarn, place):
    forewarn("backup", place / "one.backup")
    assert stat.S_IMODE((place / "one.backup").stat().st_mode) == 0o600
    assert "exists already" in forewarn("backup", place / "one.backup", code=1).stderr


def test_a_restore_without_a_backup_changes_nothing(forewarn, place, shop, ledger):
    driver = shop()
    driver.order("1")
    driver.evaluate()
    (place / "other.txt").write_text("no backup")
    forewarn("restore", place / "other.txt", "--who", "ana", "--yes", code=1)
    forewarn("restore", place / "none", "--who", "ana", "--yes", code=1)
    forewarn("restore", "--who", "ana", code=1)
    assert "add --yes" in forewarn("restore", place / "other.txt", "--who", "ana", code=1).stderr
    assert states(driver) == [State.QUEUED]
    assert make_url(ledger)


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_a_sqlite_ledger_in_use_is_not_replaced(forewarn, place, shop):
    forewarn("backup", place / "one.backup")
    driver = shop()
    with driver.context.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
        done = forewarn("restore", place / "one.backup", "--who", "ana", "--yes", code=1)
    assert "is in use: stop the worker" in done.stderr
    driver.order("1")
    driver.evaluate()
    assert states(shop()) == [State.QUEUED], "the ledger works on"


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_a_damaged_sqlite_ledger_is_replaced(forewarn, place):
    forewarn("backup", place / "one.backup")
    for file in place.glob("ledger.db*"):
        file.unlink()
    (place / "ledger.db").write_bytes(b"x" * 8192)
    forewarn("restore", place / "one.backup", "--who", "ana", "--yes")
    forewarn("ledger", "check")


@pytest.mark.parametrize("ledger", ["postgresql"], indirect=True)
def test_postgresql_names_a_backup_of_sqlite(forewarn, place):
    (place / "one.backup").write_bytes(b"SQLite format 3\0" + bytes(100))
    done = forewarn("restore", place / "one.backup", "--who", "ana", "--yes", code=1)
    assert "is of a ledger on SQLite" in done.stderr


@pytest.mark.parametrize("ledger", ["sqlite"], indirect=True)
def test_a_replaced_sqlite_ledger_is_kept_beside_it(forewarn, place):
    forewarn("backup", place / "one.backup")
    forewarn("restore", place / "one.backup", "--who", "ana", "--yes")
    assert list(place.glob("ledger.db.before-restore"))


def test_nobody_is_signed_in_after_a_restore(shop):
    driver = shop()
    client = desk_client(driver.context, "read", now=noon(0))
    with driver.context.engine.begin() as connection:
        make_link(connection, client.person.id, "token", noon(0))
    assert client.get("/desk").status == 200
    begin_restored(driver.context, noon(0), "ana")
    assert client.get("/desk").location.startswith("/desk/sign-in")
    with read_only(driver.context.engine) as connection:
        assert open_link(connection, "token", noon(0)) is None
