"""Find a shop's ledger, and create one only on purpose: a new ledger does not know who was notified."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum, auto
from pathlib import Path

from sqlalchemy import URL, Engine

from app.safe_text import escape_control
from models.config.database_url import database_address, redacted
from models.config.settings import Settings
from models.config.shop import ShopFolder
from models.errors import ForewarnError, NoLedger
from models.identity import Identity
from rules.ownership import is_same_shop
from tasks.db.engine import connect, translate_connection_errors
from tasks.db.migrations import migrate, version
from tasks.db.ownership import adopt, check_owner, load_owner, record_owner

LEDGER = "forewarn.db"
SETTING = "FOREWARN_DATABASE_URL"


class CreateLedger(Enum):
    """Where a missing ledger may be created."""

    NEVER = auto()
    """For commands that only read."""
    AT_HOME = auto()
    """In the home's `var/`, if no setting names a place: a mistyped address must not create a new ledger."""
    ANYWHERE = auto()
    """For a person who imports at the command line, and sees a message about the new ledger."""


def state_folder(settings: Settings, folder: ShopFolder) -> Path:
    """Return the default folder of a shop's state, outside the shop's own folder.

    Prefers the current name, then ledgers of this shop under other names, ownerless ledgers under names of earlier
    versions, and ledgers of the same folder: a second ledger would notify everybody again.
    """
    home = (settings.home or folder.path.parent).resolve()
    if not home.is_dir():
        raise ForewarnError(f"FOREWARN_HOME: {home} is not a folder; make it, or correct the path")
    current, *earlier = (home / "var" / name for name in folder.state_names)
    if (current / LEDGER).exists():
        return current
    owners = {ledger.parent: _owner_at(ledger) for ledger in sorted((home / "var").glob(f"*/{LEDGER}"))}
    owned = [(place, owner) for place, owner in owners.items() if owner]
    candidates = [place for place, owner in owned if is_same_shop(owner, folder.identity)]
    candidates += [place for place in earlier if place in owners and owners[place] is None]
    candidates += [place for place, owner in owned if owner.folder == folder.identity.folder]
    return candidates[0] if candidates else current


def _owner_at(ledger: Path) -> Identity | None:
    engine = connect(f"sqlite:///{ledger}")
    try:
        return load_owner(engine)
    finally:
        engine.dispose()


def database_url(settings: Settings, folder: ShopFolder) -> str:
    """Return the address of the ledger; by default SQLite in the state folder."""
    configured = settings.database_url
    return configured.get_secret_value() if configured else f"sqlite:///{state_folder(settings, folder) / LEDGER}"


def find_ledger(settings: Settings, folder: ShopFolder) -> Engine:
    """Open the ledger without changing it. Raises NoLedger when there is none, without creating a file."""
    address = database_url(settings, folder)
    url = database_address(address, SETTING)
    if url.get_backend_name() == "sqlite" and not _file(url, settings).exists():
        raise _missing(url, settings)
    engine = connect(address)
    if version(engine) is None:
        engine.dispose()
        raise _missing(url, settings)
    return engine


def _file(url: URL, settings: Settings) -> Path:
    """Return the file of a SQLite ledger. Raises ForewarnError for an address that cannot have a file."""
    if not url.database or url.database == ":memory:":
        raise ForewarnError(f"{SETTING} names no file, so its records would be lost; use sqlite:///path")
    file = Path(url.database.removeprefix("file:")).absolute()
    if settings.database_url and not file.parent.is_dir():
        raise ForewarnError(f"{SETTING}: there is no folder {file.parent}; make it, or correct the path")
    return file


def _missing(url: URL, settings: Settings) -> NoLedger:
    where = ledger_location(url)
    if settings.database_url:
        return NoLedger(f"there is no ledger at {where}: correct {SETTING}, or begin one by `forewarn ledger create`")
    return NoLedger(f"there is no ledger at {where} yet: `forewarn import` begins one")


def ledger_location(url: URL) -> str:
    """Return the place of a ledger for people, without a password."""
    if url.get_backend_name() == "sqlite" and url.database:
        return str(Path(url.database.removeprefix("file:")).absolute())
    return redacted(url)


def open_ledger(settings: Settings, folder: ShopFolder, begin: CreateLedger) -> Engine:
    """Open a shop's ledger and migrate it. Raises ForewarnError when it is missing or belongs to another shop."""
    with translate_connection_errors():
        engine = _find_or_create(settings, folder, begin)
        try:
            where = ledger_location(engine.url)
            check_owner(engine, where, folder.identity)
            migrate(engine)
            record_owner(engine, where, folder.identity, datetime.now(UTC))
        except BaseException:
            engine.dispose()
            raise
    return engine


def _find_or_create(settings: Settings, folder: ShopFolder, begin: CreateLedger) -> Engine:
    try:
        return find_ledger(settings, folder)
    except NoLedger:
        if begin is CreateLedger.NEVER or (begin is CreateLedger.AT_HOME and settings.database_url):
            raise
    if not settings.database_url:
        state_folder(settings, folder).mkdir(parents=True, exist_ok=True)
    engine = connect(database_url(settings, folder))
    sys.stderr.write(escape_control(f"Created a new ledger at {ledger_location(engine.url)}\n"))
    return engine


@contextmanager
def _open_unmigrated(settings: Settings, folder: ShopFolder) -> Iterator[Engine]:
    with translate_connection_errors():
        engine = find_ledger(settings, folder)
        try:
            yield engine
        finally:
            engine.dispose()


def adopt_ledger(settings: Settings, folder: ShopFolder, who: str) -> None:
    """Make this shop the owner of the ledger. Raises NoLedger when there is none."""
    with _open_unmigrated(settings, folder) as engine:
        migrate(engine)
        adopt(engine, folder.identity, datetime.now(UTC), who)


def examine_ledger(settings: Settings, folder: ShopFolder) -> str:
    """Return who owns the ledger, without changing it. Raises WrongShop when it is another shop."""
    with _open_unmigrated(settings, folder) as engine:
        check_owner(engine, ledger_location(engine.url), folder.identity)
        return f"belongs to {load_owner(engine) or 'the first shop that opens it'}"


def ledger_owner(settings: Settings, folder: ShopFolder) -> tuple[str, Identity | None]:
    """Return the place and the owner of the ledger. Raises NoLedger when there is none."""
    with _open_unmigrated(settings, folder) as engine:
        return ledger_location(engine.url), load_owner(engine)
