"""What work costs a PostgreSQL server on this machine: processor time, WAL and row versions."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

PROCESSES = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PARENT, TIMES = 1, slice(11, 15)
"""Of a process's fields after its name: its parent; its own time in two parts, and that of its ended children."""
PATIENCE_SECONDS = 10
WAL = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"
CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'"
VERSIONS = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del), sum(n_tup_hot_upd) FROM pg_stat_user_tables"


@dataclass(slots=True)
class ServerCosts:
    """What a server spent: seconds of processor, bytes of WAL, rows inserted, updated or deleted, and HOT updates."""

    cpu_seconds: float = 0.0
    wal_bytes: int = 0
    row_versions: int = 0
    hot_updates: int = 0


@contextmanager
def server_costs(server: Any, url: str) -> Iterator[ServerCosts]:
    """Yield the costs of the work of this block in a new database; they are filled in when it ends.

    The work closes its connections: a server counts a connection's rows at the latest when it ends.
    """
    spent, wal, cpu = ServerCosts(), _wal(server), cpu_seconds(server)
    yield spent
    _wait_until_left(server, url.rpartition("/")[2].partition("?")[0])
    spent.cpu_seconds, spent.wal_bytes = cpu_seconds(server) - cpu, _wal(server) - wal
    with psycopg.connect(url) as connection:
        versions, hot = connection.execute(VERSIONS).fetchone() or (None, None)
    spent.row_versions, spent.hot_updates = int(versions or 0), int(hot or 0)


def cpu_seconds(server: Any) -> float:
    """Return the processor time of all processes that a server has, and ever had."""
    postmaster = (server.folder / "data" / "postmaster.pid").read_text().split()[0]
    while True:
        own = _ticks(_fields(postmaster))
        children = (_fields(process.name) for process in PROCESSES.glob("[0-9]*"))
        ticks = own[0] + sum(sum(_ticks(fields)) for fields in children if fields[PARENT:][:1] == [postmaster])
        # A child that ended meanwhile may be in neither sum.
        if _ticks(_fields(postmaster))[1] == own[1]:
            return (ticks + own[1]) / TICKS_PER_SECOND


def _ticks(fields: Sequence[str]) -> tuple[int, int]:
    """Return a process's own time, and that of its ended children."""
    user, system, ended_user, ended_system = map(int, fields[TIMES])
    return user + system, ended_user + ended_system


def _fields(pid: str) -> list[str]:
    """Return a process's fields after its name; none of one that has ended."""
    try:
        return (PROCESSES / pid / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _wal(server: Any) -> int:
    return int(server.run(WAL).scalar_one())


def _wait_until_left(server: Any, database: str) -> None:
    over = time.monotonic() + PATIENCE_SECONDS
    while server.run(CONNECTED.format(database=database)).scalar_one():
        assert time.monotonic() < over, f"somebody is still connected to {database}"
        time.sleep(0.02)


def server_columns(spent: Sequence[ServerCosts], n: int) -> dict[str, float | str]:
    """Return a table's columns of a server's costs for each of `n` things, medians of several rounds."""

    def each(name: str, scale: int = 1) -> float | str:
        return median(scale * getattr(one, name) for one in spent) / n if spent else ""

    return {
        "server CPU, µs": each("cpu_seconds", 1_000_000),
        "WAL, B": each("wal_bytes"),
        "row versions": each("row_versions"),
        "HOT": each("hot_updates"),
    }
