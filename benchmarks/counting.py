"""What `status` takes with a long history: without counters of what is settled, and with them."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from sqlalchemy import Engine

from benchmarks.asked import Asked
from benchmarks.databases import POSTGRESQL, SQLITE_NAME, databases, maintain
from benchmarks.turns import SQLITE
from models.batches import batched
from models.enums import Channel, State
from tasks.db.bulk import bulk_insert
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.db.outbox import outbox_row
from tasks.db.settled_counts import count_settled
from tasks.db.sql import read_only
from tasks.reporting.status import Status, load_status
from tasks.tables import OUTBOX

NOW = datetime(2025, 6, 16, 10, tzinfo=UTC)
HISTORY = timedelta(days=365)
WAITING = 1_000
TIMES = 7
STATES = (*(State.SENT,) * 17, State.REJECTED, State.SKIPPED, State.SKIPPED)
BATCH = 20_000


def run_status(asked: Asked) -> Iterator[dict[str, Any]]:
    """Count so many messages of a year, and 1,000 that wait."""
    (messages,) = asked.sizes
    with databases(asked.folder / "databases") as made:
        made.server.run("CREATE DATABASE status")
        for database, url in ((POSTGRESQL, made.url("status")), (SQLITE_NAME, f"{SQLITE}{asked.folder / 'status.db'}")):
            engine = connect(url)
            _fill(engine, messages)
            maintain(url, "VACUUM ANALYZE", "ANALYZE")
            yield {"database": database, "messages": messages, **_measure(engine)}
            engine.dispose()


def _measure(engine: Engine) -> dict[str, float]:
    before, counted_all = _timed(lambda: _status(engine))
    started = time.perf_counter()
    assert count_settled(engine, NOW)
    counting = time.perf_counter() - started
    after, counted = _timed(lambda: _status(engine))
    assert before == after, "the counters say something else"
    return {"without counters, ms": 1e3 * counted_all, "with counters, ms": 1e3 * counted, "counting, s": counting}


def _status(engine: Engine) -> Status:
    with read_only(engine) as connection:
        return load_status(connection)


def _timed(work: Callable[[], Status]) -> tuple[Status, float]:
    """Return the result of some work, and the median of its times."""
    times = []
    for _ in range(TIMES):
        started = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - started)
    return result, median(times)


def _fill(engine: Engine, messages: int) -> None:
    migrate(engine)
    with engine.begin() as connection:
        for batch in batched(_rows(messages), BATCH):
            bulk_insert(connection, OUTBOX, batch)


def _rows(messages: int) -> Iterator[dict[str, Any]]:
    for n in range(messages):
        at, state = NOW - HISTORY * (1 - n / messages), STATES[n % len(STATES)]
        yield outbox_row(f"{n:032x}", Channel.EMAIL, state, at, settled_at=at, reference=f"{n:022x}")
    for n in range(WAITING):
        yield outbox_row(f"w{n:031x}", Channel.EMAIL, State.QUEUED, NOW, reference=None)
