"""Checks of the ledger: its database, its owner, the live channels."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from app.clock import make_clock
from app.health.check import Check
from app.ledger import examine_ledger, find_ledger
from app.transports import is_provider_trial, reaches_customers
from models.config.database_url import redacted
from models.config.settings import Settings
from models.config.shop import ShopFolder
from models.errors import ForewarnError, NoLedger
from tasks.db.counters import is_supervised
from tasks.db.migrations import check_known, newest, version
from tasks.db.ownership import WrongShop
from tasks.db.restored import restored_from
from tasks.db.sql import read_only
from tasks.going_live.rollout import count_trial_notices, live_channels
from tasks.runs.records import EPOCH, last_run_date

MAX_CLOCK_DIFFERENCE = timedelta(seconds=30)


@contextmanager
def open_existing_ledger(settings: Settings, folder: ShopFolder) -> Iterator[Engine]:
    """Open the ledger and close it afterwards; raises NoLedger when there is none."""
    engine = find_ledger(settings, folder)
    try:
        yield engine
    finally:
        engine.dispose()


def check_ledger(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    """Check the ledger's database: its connection, version, clock and last run."""
    address = ""
    try:
        with open_existing_ledger(settings, folder) as engine:
            address = redacted(engine.url)
            at = version(engine)
            apart = _clock_difference(engine)
            day = last_run_date(engine) if at == newest() else None
    except NoLedger as error:
        remedy = "`docs/operate.md`, A new ledger, says when to begin one"
        yield Check("database", str(error), remedy, bad=settings.database_url is not None)
        return
    except (DBAPIError, ForewarnError) as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        found = f"{address}: {reason}" if address else reason
        yield Check("database", found, "start it, or correct FOREWARN_DATABASE_URL", bad=True)
        return
    yield Check("database", address)
    yield _migrations(at)
    if day is not None:
        yield _last_day(day, make_clock(folder.shop.zone, None).day())
    if apart > MAX_CLOCK_DIFFERENCE:
        yield Check("clocks", f"this machine and the database are {apart} apart", "set both by NTP", bad=True)
    else:
        yield Check("clocks", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, shop in {folder.shop.zone}")


def check_owner_matches(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    """Check that the ledger belongs to this shop."""
    try:
        yield Check("ledger", examine_ledger(settings, folder))
    except WrongShop as error:
        yield Check("ledger", str(error), "follow the message; until then every command stops", bad=True)
    except (DBAPIError, ForewarnError):
        return  # check_ledger reports it


def check_live_channels(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    """Report which channels reach customers, and whether a person releases each run."""
    try:
        with open_existing_ledger(settings, folder) as engine:
            if version(engine) != newest():
                return
            with read_only(engine) as connection:
                live, held = live_channels(connection), is_supervised(connection)
                tried, taken_at = count_trial_notices(connection), restored_from(connection)
        providers, trial = reaches_customers(settings), is_provider_trial(settings)
    except (DBAPIError, ForewarnError):
        return  # check_ledger and check_transports report it
    counted = f"; {tried:,} notices reached no customer so far" if tried else ""
    if trial:
        yield Check("live", f"a redirect or a sandbox is set: no customer is notified{counted}", "unset it to go live")
    elif not providers:
        yield Check("live", f"every message goes to the local outbox{counted}", "see 'Go live' in docs/operate.md")
    for channel in providers:
        if channel in live:
            yield Check(f"live {channel}", "reaches customers")
        else:
            yield Check(
                f"live {channel}", f"waits: nobody let it go live{counted}", "`forewarn go-live` shows whom it tells"
            )
    if taken_at:
        found = f"from a backup of {taken_at:%Y-%m-%d %H:%M} UTC: what is released is asked about before it leaves"
        yield Check("restored", found, "`forewarn restore --over` when nothing is in doubt any more")
    if held:
        yield Check("supervision", "the notices of every run wait for a person", "`forewarn supervision off` stops it")


def _migrations(at: str | None) -> Check:
    if at == newest():
        return Check("migrations", f"version {at}")
    found = f"version {at or 'none'}, this code wants {newest()}"
    try:
        check_known(at)
    except ForewarnError:
        return Check("migrations", found, "install the newer Forewarn, which knows it", bad=True)
    return Check("migrations", found, "the next run migrates it")


def _last_day(day: date, today: date) -> Check:
    if day > today:
        remedy = "set this machine's clock; if it is right, run `forewarn runs forget-ahead` to forget those days"
        return Check("last day", f"the last run was for {day}, and today is {today}", remedy, bad=True)
    return Check("last day", f"the last run was for {day}" if day > EPOCH else "no run yet")


def _clock_difference(engine: Engine) -> timedelta:
    if engine.dialect.name == "sqlite":
        return timedelta()
    with read_only(engine) as connection:
        there: datetime = connection.execute(select(func.now())).scalar_one()
    return abs(datetime.now(UTC) - there.astimezone(UTC))
