"""Databases that each begin with the same: copies of templates, on a PostgreSQL of their own and as SQLite's files."""

import importlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.turns import SQLITE

POSTGRESQL, SQLITE_NAME = "PostgreSQL", "SQLite"
# As a shop's server, which waits for its disk; nothing is cleaned up meanwhile, or one relay pays for another.
SERVER = {"listen_addresses": "", "autovacuum": "off"}


@dataclass(slots=True)
class Databases:
    """A PostgreSQL and a folder: databases made from templates, each for one measurement."""

    server: Any
    folder: Path
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, name: str) -> str:
        """Return the address of a database of the server."""
        return f"postgresql://forewarn@/{name}?host={self.server.folder}"

    @property
    def postmaster(self) -> int:
        """Return the server's process."""
        (found,) = Path(self.server.folder).rglob("postmaster.pid")
        return int(found.read_text().split()[0])

    def template(self, name: str, fill: Callable[[str], object]) -> None:
        """Make a template of the server by a function that is given its address."""
        self.server.run(f"CREATE DATABASE {name}")
        fill(self.url(name))
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute("VACUUM (FREEZE, ANALYZE)")

    @contextmanager
    def copy(self, template: str) -> Iterator[str]:
        """Yield the address of a copy of a template: of the server by a name, of SQLite by a file."""
        name = f"run_{next(self._numbers)}"
        if Path(template).is_absolute():
            file = self.folder / f"{name}.db"
            shutil.copy(template, file)
            yield f"{SQLITE}{file}"
            for one in self.folder.glob(f"{file.name}*"):
                one.unlink()
        else:
            self.server.run(f"CREATE DATABASE {name} TEMPLATE {template}")
            self.server.run("CHECKPOINT")
            yield self.url(name)
            self.server.run(f"DROP DATABASE {name} WITH (FORCE)")


def server_seconds(postmaster: int) -> float:
    """Return the processor time of a server's processes that run now, in seconds; 0 where the system does not tell."""
    ticks = 0
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = file.read_text().rpartition(")")[2].split()
            if int(fields[1]) == postmaster:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def databases(folder: Path) -> Iterator[Databases]:
    """Start a PostgreSQL that waits for its disk."""
    folder.mkdir(parents=True, exist_ok=True)
    # The tests' own server: it is no part of what is measured, and the tests are not typed.
    with importlib.import_module("tests.support.postgres").started(SERVER) as server:
        yield Databases(server, folder)


def maintain(url: str, postgresql: str, sqlite: str) -> None:
    """Run a statement that no transaction may contain, the one of the database's kind."""
    if url.startswith(SQLITE):
        with closing(sqlite3.connect(url.removeprefix(SQLITE))) as connection:
            connection.execute(sqlite)
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(postgresql.encode())
