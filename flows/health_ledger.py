"""What `forewarn doctor` looks at in the ledger's database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from flows.health_check import Check
from flows.house import clock, database_url
from models.addresses import shown
from models.errors import ForewarnError
from models.settings import Settings
from models.shopfolder import ShopFolder
from tasks.db import check_known, connect, newest, reading, version
from tasks.runs import BEGINNING, lived

CLOCKS_APART = timedelta(seconds=30)


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """Connect to a ledger for as long as it is looked at."""
    engine = connect(url)
    try:
        yield engine
    finally:
        engine.dispose()


def look_at_ledger(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    """Look at the ledger's database: its version, its clock, and the last day in it."""
    address = ""
    try:
        with opened(database_url(settings, folder)) as engine:
            address = shown(engine.url)
            at = version(engine)
            apart = _apart(engine)
            day = lived(engine) if at == newest() else None
    except (DBAPIError, ForewarnError) as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        found = f"{address}: {reason}" if address else reason
        yield Check("database", found, "start it, or mend FOREWARN_DATABASE_URL", bad=True)
        return
    yield Check("database", address)
    yield _migrations(at)
    if day is not None:
        yield _last_day(day, clock(folder.shop.zone, None).day())
    if apart > CLOCKS_APART:
        yield Check("clocks", f"this machine and the database are {apart} apart", "set both by NTP", bad=True)
    else:
        yield Check("clocks", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, shop in {folder.shop.zone}")


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
        do = "set this machine's clock; if it is right, restore the ledger from a copy: no run goes back before its day"
        return Check("last day", f"the last run was for {day}, and today is {today}", do, bad=True)
    return Check("last day", f"the last run was for {day}" if day > BEGINNING else "no run yet")


def _apart(engine: Engine) -> timedelta:
    if engine.dialect.name == "sqlite":
        return timedelta()
    with reading(engine) as connection:
        there: datetime = connection.execute(select(func.now())).scalar_one()
    return abs(datetime.now(UTC) - there.astimezone(UTC))
