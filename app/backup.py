"""Back the ledger up while it is in use, and put a backup in its place."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL

from app.composition import open_app, read_settings
from app.ledger import SETTING, CreateLedger, database_url, ledger_location
from models.config.database_url import database_address
from models.config.settings import Settings
from models.config.shop import ShopFolder, read_shop
from models.errors import ForewarnError
from models.private_files import private_file
from tasks.guardrails.restored import RestoredSummary, backed_up_at, begin_restored, mark_backup

BEFORE = ".before-restore"
"""Added to the name of a SQLite ledger that a restore replaces."""
SIDE_FILES = ("-wal", "-shm")
SQLITE_HEAD = b"SQLite format 3\0"


def back_up(shop: Path | None, file: Path) -> str:
    """Write the ledger to a file that must not exist; return the ledger's place. Everything may run meanwhile."""
    if file.exists():
        raise ForewarnError(f"{file} exists already; nothing was changed")
    if not file.absolute().parent.is_dir():
        raise ForewarnError(f"there is no folder {file.absolute().parent}; make it, or correct the path")
    with open_app(shop, create=CreateLedger.NEVER) as app:
        with app.context.engine.begin() as connection:
            mark_backup(connection, datetime.now(UTC))
        url = app.context.engine.url
        private_file(file)
        if url.get_backend_name() == "sqlite":
            _copy_sqlite(str(url.database), file)
        else:
            _run_postgresql("pg_dump", url, ["--format=custom", "--no-owner", f"--file={file}"])
        return ledger_location(url)


def restore(shop: Path | None, file: Path, who: str) -> tuple[str, RestoredSummary]:
    """Put a backup in the place of the ledger, and make it safe. Return the ledger's place and what was made safe.

    Raises ForewarnError for a file that is no backup, or that says nothing of when it was taken.
    """
    if not file.is_file():
        raise ForewarnError(f"{file}: no such file")
    settings = read_settings({"shop": shop})
    folder = read_shop(settings.shop)
    url = _address(settings, folder)
    if url.get_backend_name() == "sqlite":
        _replace_sqlite(file, Path(str(url.database)))
    else:
        options = ["--clean", "--if-exists", "--no-owner", "--single-transaction", str(file)]
        if _is_sqlite(file):
            raise ForewarnError(f"{file} is of a ledger on SQLite, and this one is on PostgreSQL; nothing was changed")
        _run_postgresql("pg_restore", url, options)
    with open_app(shop, create=CreateLedger.NEVER) as app:
        with app.context.engine.connect() as connection:
            taken_at = backed_up_at(connection)
        # Of a copy that was made without `forewarn backup`, the file's own time is the best that is known.
        since = taken_at or datetime.fromtimestamp(file.stat().st_mtime, UTC)
        return ledger_location(url), begin_restored(app.context, since, who)


def make_safe(shop: Path | None, taken_at: datetime, who: str) -> tuple[str, RestoredSummary]:
    """Make a ledger safe that came back by its database's own means; return its place and what was made safe."""
    with open_app(shop, create=CreateLedger.NEVER) as app:
        return ledger_location(app.context.engine.url), begin_restored(app.context, taken_at, who)


def _address(settings: Settings, folder: ShopFolder) -> URL:
    return database_address(database_url(settings, folder), SETTING)


def _copy_sqlite(database: str, file: Path) -> None:
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(file)) as target:
        source.backup(target)


def _replace_sqlite(backup: Path, ledger: Path) -> None:
    if not _is_sqlite(backup):
        raise ForewarnError(f"{backup} is no backup of a SQLite ledger; nothing was changed")
    with closing(sqlite3.connect(f"file:{backup}?mode=ro", uri=True)) as connection:
        if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise ForewarnError(f"{backup} is damaged; nothing was changed")
    _check_unused(ledger)
    ledger.parent.mkdir(parents=True, exist_ok=True)
    copy = ledger.with_name(f"{ledger.name}.restoring")
    shutil.copyfile(backup, copy)
    private_file(copy)
    for name in ("", *SIDE_FILES):
        old = ledger.with_name(ledger.name + name)
        if old.exists():
            old.replace(ledger.with_name(ledger.name + BEFORE + name))
    copy.replace(ledger)


def _is_sqlite(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(len(SQLITE_HEAD)) == SQLITE_HEAD


def _check_unused(ledger: Path) -> None:
    """Raise ForewarnError while a process has the ledger open: it would go on writing to the file that is put aside."""
    if not ledger.exists():
        return
    with closing(sqlite3.connect(ledger, timeout=1)) as connection:
        try:
            # Leaving the write-ahead log needs the file alone. What it held is in the file then.
            connection.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.DatabaseError as error:  # of any other kind: a damaged ledger is what a restore is for
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                said = "is in use: stop the worker, `forewarn serve` and `forewarn deliver`; nothing was changed"
                raise ForewarnError(f"{ledger} {said}") from error


def _run_postgresql(program: str, url: URL, options: Sequence[str]) -> None:
    path = shutil.which(program)
    if path is None:
        raise ForewarnError(f"{program} is not installed; it comes with PostgreSQL's client, of the server's version")
    # The password goes by the environment: a command line is seen by everybody on the machine.
    names = {"PGHOST": url.host or url.query.get("host"), "PGPORT": url.port, "PGUSER": url.username}
    given = names | {"PGPASSWORD": url.password, "PGDATABASE": url.database, "PGSSLMODE": url.query.get("sslmode")}
    environment = os.environ | {name: str(value) for name, value in given.items() if value}
    target = [f"--dbname={url.database}"] if program == "pg_restore" else []
    done = subprocess.run(  # noqa: S603 - the program of the PATH, with our own options
        [path, *target, *options], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise ForewarnError(f"{program} did not do it: {said}")
