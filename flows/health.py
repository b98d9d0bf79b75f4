"""Examine an installation: what is right, what is not, and what to do about it."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError

from flows.doors import chosen, missing
from flows.house import database_url, read_settings, state_folder
from flows.vendor_doors import SETTING, WITH_SECRET, keys_of
from models.addresses import shown
from models.errors import ForewarnError
from models.settings import DoorKind, Settings
from models.shopfolder import ShopFolder, read_shop
from sources.source import open_source
from tasks.db import check_known, connect, newest, reading, version
from templates.check import errors

CLOCKS_APART = timedelta(seconds=30)
SPACE = 200 * 1024**2


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    what: str
    found: str
    do: str = ""
    """What to do about it; empty where nothing is wrong."""
    bad: bool = False

    @property
    def mark(self) -> str:
        """Return how it stands in one word."""
        return "wrong" if self.bad else "note" if self.do else "ok"


def examine(shop: Path | None) -> list[Check]:
    """Look at everything a run needs, and go on past what is wrong. Credentials are named, never shown."""
    try:
        settings = read_settings({"shop": shop})
        folder = read_shop(settings.shop)
    except ForewarnError as error:
        return [Check("shop", str(error), "mend it and look again", bad=True)]
    found = [
        Check("shop", f"{folder.shop.name} in {folder.path}"),
        Check("policy", f"{len(folder.policy.bucket)} buckets, digest {folder.policy.digest}"),
    ]
    for look in LOOKS:
        found += look(settings, folder)
    return found


def _database(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    address = ""
    try:
        engine = connect(database_url(settings, folder))
        address = shown(engine.url)
        at = version(engine)
        apart = _apart(engine)
    except (DBAPIError, ForewarnError) as error:
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        found = f"{address}: {reason}" if address else reason
        yield Check("database", found, "start it, or mend FOREWARN_DATABASE_URL", bad=True)
        return
    yield Check("database", address)
    yield _migrations(at)
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


def _apart(engine: Engine) -> timedelta:
    if engine.dialect.name == "sqlite":
        return timedelta()
    with reading(engine) as connection:
        there: datetime = connection.execute(select(func.now())).scalar_one()
    return abs(datetime.now(UTC) - there.astimezone(UTC))


def _source(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    secret = settings.source_url
    try:
        with open_source(folder, settings.data, secret.get_secret_value() if secret else None) as source:
            yield Check("source", f"{folder.shop.source.kind}: {', '.join(source.tables)}")
    except ForewarnError as error:
        yield Check("source", str(error), "`forewarn shop check` says more", bad=True)


def _doors(settings: Settings, _: ShopFolder) -> Iterator[Check]:
    try:
        doors = chosen(settings)
    except ForewarnError as error:
        yield Check("doors", str(error), "mend the setting", bad=True)
        return
    for channel, kind in doors.items():
        lacking = missing(settings, kind)
        if lacking:
            yield Check(f"door {channel}", f"{kind} lacks credentials", f"set {', '.join(lacking)}", bad=True)
        elif kind is DoorKind.OUTBOX:
            yield Check(f"door {channel}", "local outbox", f"set FOREWARN_{channel.upper()} to send by a provider")
        else:
            yield Check(f"door {channel}", f"{kind}, credentials are present")


def _vendors(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    try:
        keys = keys_of(settings)
    except ForewarnError as error:
        yield Check("vendors", str(error), "mend the setting", bad=True)
        return
    for vendor, way in folder.shop.vendor.items():
        if way.by in WITH_SECRET and not keys.get(vendor):
            yield Check(f"vendor {vendor}", f"{way.by} lacks its secret", f"add {vendor} to {SETTING}", bad=True)
        else:
            yield Check(f"vendor {vendor}", f"by {way.by}")


def _templates(_: Settings, folder: ShopFolder) -> Iterator[Check]:
    own = folder.templates if folder.templates.is_dir() else None
    found = errors(folder.shop, own, [bucket.words for bucket in folder.policy.bucket])
    if found:
        yield Check("templates", f"{len(found)} wrong, first: {found[0]}", "`forewarn check templates`", bad=True)
    else:
        yield Check("templates", "every message renders")


def _outbox(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    place = _there(settings.outbox or state_folder(settings, folder))
    free = shutil.disk_usage(place).free
    if not os.access(place, os.W_OK):
        yield Check(
            "outbox", f"{place} cannot be written to", "give this user the right, or set FOREWARN_OUTBOX", bad=True
        )
    elif free < SPACE:
        yield Check("outbox", f"{free // 1024**2} MB free at {place}", "make room", bad=True)
    else:
        yield Check("outbox", f"{free // 1024**3} GB free at {place}")


def _there(path: Path) -> Path:
    return path.resolve() if path.exists() else _there(path.resolve().parent)


def _prefect(_: Settings, __: ShopFolder) -> Iterator[Check]:
    url = os.environ.get("PREFECT_API_URL")
    if url:
        yield Check("prefect", f"runs are recorded at {url}")
    else:
        yield Check(
            "prefect", "no server set: `forewarn run` works by itself", "README, 'Run it every day', sets one up"
        )


LOOKS: tuple[Callable[[Settings, ShopFolder], Iterator[Check]], ...] = (
    _database,
    _source,
    _doors,
    _vendors,
    _templates,
    _outbox,
    _prefect,
)
