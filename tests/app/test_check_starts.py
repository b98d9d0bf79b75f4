"""What starts late-orders between its scheduled runs: changed files, changed orders, and an old import."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError

from app.check_starts import CHANGED_PAUSE_SECONDS, LOOK_SECONDS, PAUSE_SECONDS, CheckStarts
from app.composition import isolated_settings, open_app
from app.source_files import source_state
from models.config.settings import GivenSettings
from models.errors import ForewarnError
from tasks.db.counters import set_counter
from tasks.imports.guard import COUNTER_IMPORTED_AT
from tasks.orders.due import mark_due
from tasks.runs.liveness import hold_run_lock
from tasks.runs.records import LATE_ORDERS, finish_run, start_run
from tasks.starts.check_state import note_changed_facts, note_imported_files
from tasks.tables import VENDORS
from tests.support.builders import DAY, day
from tests.support.shop_driver import SHOP_TOML, noon

NOW = datetime.now(UTC)


class Starts:
    """Remembers what was started; fails first as often as a test wants."""

    def __init__(self, failures=0):
        self.flows, self.failures = [], failures

    async def __call__(self, flow, why):
        self.flows.append((flow, why))
        if self.failures:
            self.failures -= 1
            raise ForewarnError("the server does not answer")


class Looks:
    """Looks at a shop at moments that a test chooses; files count as settled after three seconds."""

    def __init__(self, starts):
        self.now = 1000.0
        self.check = CheckStarts(starts, settled_seconds=3, clock=lambda: self.now)

    async def look(self, app, *, after=4.0):
        """Look soon, and again after so many seconds."""
        self.now += LOOK_SECONDS
        await self.check.look(app)
        self.now += after
        await self.check.look(app)


def looking(starts):
    return Looks(starts)


@pytest.fixture
def opened(tmp_path, ledger):
    """Return a function that opens the driver's shop, with one file of facts."""
    folder = tmp_path / "shop"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "orders.csv").write_text("id\n1041\n")
    settings = GivenSettings(shop=folder, home=tmp_path, database_url=SecretStr(ledger))

    @contextmanager
    def open_shop(source=""):
        (folder / "shop.toml").write_text(SHOP_TOML + source)
        with isolated_settings(settings), open_app() as app:
            yield app

    return open_shop


def checked(driver, app):
    """Live a day of the deciding half that has imported the files as they are."""
    driver.order()
    driver.evaluate()
    imported(app)


def imported(app):
    with app.context.engine.begin() as connection:
        if files := source_state(app.settings, app.folder):
            note_imported_files(connection, files)
        set_counter(connection, COUNTER_IMPORTED_AT, int(datetime.now(UTC).timestamp()))


def append(app, text="1042\n"):
    with Path(app.folder.data, "orders.csv").open("a") as file:
        file.write(text)


async def test_without_any_run_late_orders_starts_at_once(opened, driver):
    with opened() as app:
        starts = Starts()
        await looking(starts).look(app)
    assert starts.flows == [(LATE_ORDERS, "the shop's files changed")]


async def test_nothing_starts_while_nothing_changes(opened, driver):
    with opened() as app:
        checked(driver, app)
        starts = Starts()
        check = looking(starts)
        for _ in range(3):
            await check.look(app)
    assert starts.flows == []


async def test_changed_files_start_one_run_and_again_only_after_a_pause_that_grows(opened, driver):
    with opened() as app:
        checked(driver, app)
        starts = Starts()
        check = looking(starts)
        append(app)
        for _ in range(4):
            await check.look(app)
        assert [flow for flow, _ in starts.flows] == [LATE_ORDERS], "it may not have begun yet"
        await check.look(app, after=PAUSE_SECONDS)
        await check.look(app, after=PAUSE_SECONDS)
        assert len(starts.flows) == 2, "the second pause is twice as long"
        imported(app)
        await check.look(app)
        append(app)
        await check.look(app, after=PAUSE_SECONDS)
    assert len(starts.flows) == 3


async def test_files_that_are_being_written_are_not_read(opened, driver):
    with opened() as app:
        checked(driver, app)
        starts = Starts()
        check = looking(starts)
        for _ in range(6):
            append(app)
            await check.look(app, after=0.5)
        assert starts.flows == []
        await check.look(app)
    assert len(starts.flows) == 1


async def test_a_run_that_was_started_for_the_files_and_is_done_counts_on_whatever_machine_it_read_them(opened, driver):
    with opened() as app:
        checked(driver, app)
        starts = Starts()
        check = looking(starts)
        append(app)
        await check.look(app)
        driver.evaluate(at=datetime.now(UTC))
        await check.look(app, after=PAUSE_SECONDS)
    assert len(starts.flows) == 1


async def test_an_order_whose_facts_changed_since_the_last_run_starts_one(opened, driver):
    with opened() as app:
        checked(driver, app)
        starts = Starts()
        with app.context.engine.begin() as connection:
            mark_due(connection, {"1041"}, DAY)
        await looking(starts).look(app)
    assert starts.flows == [(LATE_ORDERS, "orders changed since the last run")]


async def test_an_order_that_is_due_on_another_day_waits_for_that_days_run(opened, driver):
    with opened() as app:
        checked(driver, app)
        driver.order("1042")
        with app.context.engine.begin() as connection:
            mark_due(connection, {"1041"}, day(1))
        driver.evaluate()
        starts = Starts()
        await looking(starts).look(app)
    assert starts.flows == []


async def test_while_a_run_is_under_way_none_starts_and_one_that_died_is_no_obstacle(opened, driver):
    with opened() as app:
        checked(driver, app)
        append(app)
        starts = Starts()
        check = looking(starts)
        context = start_run(driver.context, LATE_ORDERS, DAY, noon(0))
        with hold_run_lock(context.engine, context.run_id):
            await check.look(app)
            assert starts.flows == []
        await check.look(app)
        assert len(starts.flows) == 1
        finish_run(context, noon(0), "done", {})


async def test_a_server_that_does_not_answer_is_asked_again_later(opened, driver, caplog):
    with opened() as app:
        checked(driver, app)
        append(app)
        starts = Starts(failures=1)
        check = looking(starts)
        await check.look(app)
        await check.look(app, after=PAUSE_SECONDS)
    assert len(starts.flows) == 2
    assert "late-orders was not started; its schedule will: the server does not answer" in caplog.text


async def test_a_run_that_always_fails_is_not_started_more_often_because_another_run_of_deliver_took_over(
    opened, driver
):
    with opened() as app:
        checked(driver, app)
        append(app)
        starts = Starts()
        first = looking(starts)
        for _ in range(20):
            await first.look(app, after=2 * PAUSE_SECONDS)
        tried = len(starts.flows)
        assert tried < 8
        await looking(starts).look(app, after=PAUSE_SECONDS)
        assert len(starts.flows) == tried, "the pause goes on"


async def test_two_runs_of_deliver_that_look_at_the_same_time_start_one(opened, driver):
    with opened() as app:
        checked(driver, app)
        with app.context.engine.begin() as connection:
            mark_due(connection, {"1041"}, DAY)
        starts = Starts()
        first, second = looking(starts), looking(starts)
        for _ in range(3):
            await first.look(app)
            await second.look(app)
    assert len(starts.flows) == 1


async def test_files_that_were_repaired_after_many_failures_do_not_wait_for_the_long_pause(opened, driver):
    with opened() as app:
        checked(driver, app)
        append(app)
        starts = Starts()
        check = looking(starts)
        for _ in range(30):
            await check.look(app, after=2 * PAUSE_SECONDS)
        tried = len(starts.flows)
        append(app)
        await check.look(app, after=CHANGED_PAUSE_SECONDS)
    assert len(starts.flows) == tried + 1


@pytest.mark.parametrize("error", [PermissionError(), OperationalError("", {}, Exception())])
async def test_what_cannot_be_looked_at_stops_no_delivery_and_is_said_once_a_minute(
    opened, driver, caplog, monkeypatch, error
):
    def fail(*_):
        raise error

    with opened() as app:
        check = looking(Starts())
        monkeypatch.setattr("app.check_starts.source_state", fail)
        for _ in range(4):
            await check.look(app)
    assert caplog.text.count(f"is not known: {type(error).__name__}") == 1


@pytest.mark.parametrize("recorded", [True, False])
async def test_what_follows_is_not_started_again_while_it_waits_for_a_worker_is_under_way_or_was_killed(
    opened, driver, recorded
):
    with opened() as app:
        checked(driver, app)
        with app.context.engine.begin() as connection:
            note_changed_facts(connection, NOW)
        if recorded:
            start_run(driver.context, "restock", DAY, NOW - timedelta(minutes=2))
        starts = Starts()
        check = looking(starts)
        for _ in range(3):
            await check.look(app, after=2 * PAUSE_SECONDS)
    assert [flow for flow, _ in starts.flows] == ([] if recorded else ["restock"])


async def test_a_database_is_imported_when_its_last_import_is_old(opened, driver):
    with opened("[source]\nkind = 'database'\n") as app:
        checked(driver, app)
        starts = Starts()
        check = looking(starts)
        await check.look(app)
        assert starts.flows == []
        long_ago = datetime.now(UTC) - timedelta(minutes=16)
        with app.context.engine.begin() as connection:
            set_counter(connection, COUNTER_IMPORTED_AT, int(long_ago.timestamp()))
        await check.look(app)
    assert starts.flows == [(LATE_ORDERS, "the last import was 15 minutes ago")]


@pytest.mark.parametrize(
    ("changed", "ran", "vendors", "due"),
    [
        (None, None, True, []),
        (0, None, True, ["restock", "forward-to-vendors"]),
        (0, None, False, ["restock"]),
        (0, 30, True, []),
        (5, 90, True, ["restock", "forward-to-vendors"]),
        (100, 90, True, []),
    ],
)
async def test_what_follows_from_changed_facts_starts_once_an_hour(opened, driver, changed, ran, vendors, due):
    """`changed` and `ran` are minutes ago."""
    with opened() as app:
        checked(driver, app)
        with app.context.engine.begin() as connection:
            if changed is not None:
                note_changed_facts(connection, NOW - timedelta(minutes=changed))
            if vendors:
                connection.execute(insert(VENDORS).values(id="v1", name="Vendor"))
        for flow in ("restock", "forward-to-vendors") if ran else ():
            context = start_run(driver.context, flow, DAY, NOW - timedelta(minutes=ran))
            finish_run(context, NOW - timedelta(minutes=ran - 1), "done", {})
        starts = Starts()
        await looking(starts).look(app)
    assert [flow for flow, _ in starts.flows] == due
