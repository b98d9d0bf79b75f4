"""What a million mail notices take on each database: as they were sent, without their words, and deleted."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, func, literal, select, text, update

from app.clock import make_clock
from app.composition import open_app
from benchmarks.asked import Asked
from benchmarks.databases import POSTGRESQL, SQLITE_NAME, databases, maintain
from benchmarks.fresh import Spent, Watch, fresh
from benchmarks.shop import AS_OF
from benchmarks.sides import Side, sides
from flows.prune import run_prune
from models.enums import Channel, State
from models.policy.policy import CLOSED
from tasks.db.engine import connect
from tasks.tables import NOTICES, OUTBOX, WATCHES

OPEN_PER_LATE = 2
WORDS_DAYS, EVIDENCE_DAYS = 200, 2_000
"""Ages at which the default policy deletes the words of a notice, and the notice."""
REFERENCE_LENGTH = 22
SIZES_ON = {
    "postgresql": "SELECT pg_table_size('{table}'), pg_indexes_size('{table}')",
    "sqlite": (
        "SELECT coalesce(sum(pgsize) FILTER (WHERE name = '{table}'), 0),"
        " coalesce(sum(pgsize) FILTER (WHERE name != '{table}'), 0)"
        " FROM dbstat JOIN sqlite_schema USING (name) WHERE tbl_name = '{table}'"
    ),
}
"""The bytes of a table, with what it keeps outside its rows, and those of its indexes."""


def run_size(asked: Asked) -> Iterator[dict[str, Any]]:
    """Record so many late orders' mails, count them as sent, and delete first their words and then them."""
    (late,) = asked.sizes
    with sides(asked.folder, None) as (ours,), databases(asked.folder / "databases") as made:
        file = ours.ask("build", ours.folder, late * OPEN_PER_LATE, late)
        made.template("new_size", partial(ours.ask, "copy", file))
        for database, template in ((POSTGRESQL, "new_size"), (SQLITE_NAME, file)):
            with made.copy(template) as url:
                yield from _measure(ours, database, url, late)


def _measure(ours: Side, database: str, url: str, late: int) -> Iterator[dict[str, Any]]:
    ours.ask("record", ours.folder, url, late)
    mails = _count_as_sent(url)
    yield {"database": database, "mails": mails, "kept": "all", **_sizes(url, mails), "deleted/s": ""}
    for kept, days, kind in (("what was told", WORDS_DAYS, "words"), ("nothing", EVIDENCE_DAYS, "notices")):
        _date_back(url, days)
        spent = fresh(prune_all, ours.folder, url, kind)
        assert spent.n == mails, f"{spent.n} of {mails} {kind} were deleted"
        yield {"database": database, "mails": mails, "kept": kept, **_sizes(url, mails), "deleted/s": spent.rate}


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    engine = connect(url)
    yield engine
    engine.dispose()


def _count_as_sent(url: str) -> int:
    """Count all mails as sent, delete what is no mail, and close every order; return how many mails there are."""
    with _opened(url) as engine, engine.begin() as connection:
        for table in (NOTICES, OUTBOX):
            connection.execute(delete(table).where(table.c.channel != Channel.EMAIL))
        sent = {"state": State.SENT, "attempts": 1, "reference": func.substr(OUTBOX.c.id, 1, REFERENCE_LENGTH)}
        moments = {"sending_at": OUTBOX.c.queued_at, "settled_at": OUTBOX.c.queued_at}
        connection.execute(update(OUTBOX).values(**sent, **moments))
        connection.execute(update(WATCHES).values(bucket=CLOSED, next_check_on=date.max))
        return connection.execute(select(func.count()).select_from(NOTICES)).scalar_one()


def _date_back(url: str, days: int) -> None:
    then = make_clock("UTC", AS_OF).now() - timedelta(days=days)
    with _opened(url) as engine, engine.begin() as connection:
        connection.execute(update(OUTBOX).values(settled_at=literal(then, OUTBOX.c.settled_at.type)))


def prune_all(folder: Path, url: str, kind: str) -> Spent:
    """Delete what the policy no longer keeps; return what it took, for the records of one kind."""
    os.environ["FOREWARN_DATABASE_URL"] = url
    with open_app(folder / "shop") as app, Watch() as watch:
        report = asyncio.run(run_prune(app, AS_OF))
    return watch.spent(report.deleted[kind])


def _sizes(url: str, mails: int) -> dict[str, float]:
    """Return megabytes for a million mails, once the database has given up its free space."""
    maintain(url, "VACUUM (FULL, ANALYZE)", "VACUUM")
    sizes: dict[str, float] = {}
    with _opened(url) as engine, engine.connect() as connection:
        for table in (NOTICES, OUTBOX):
            row, indexes = connection.execute(text(SIZES_ON[engine.dialect.name].format(table=table.name))).one()
            sizes |= {f"{table.name}, MB": row / mails, f"{table.name}'s indexes, MB": indexes / mails}
    return sizes | {"together, MB": sum(sizes.values())}
