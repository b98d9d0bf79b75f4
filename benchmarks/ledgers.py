"""The ledgers of the shop that is struck: made, copied, and looked at when all is over."""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select
from sqlmodel import SQLModel

from app.composition import open_app
from benchmarks import lives
from benchmarks.provider import taken
from benchmarks.shop import AS_OF, build
from flows.late_orders import run_late_orders
from models.enums import Channel, State
from models.policy.policy import NOT_OPEN
from models.posts import PostWords, Writer
from models.tables.column_types import SCALE
from tasks.context import Context
from tasks.db.counters import count_orders_by_bucket
from tasks.db.engine import connect
from tasks.db.migrations import migrate
from tasks.db.sql import read_only
from tasks.posts.approval import approve_post, ask_for_approval
from tasks.posts.drafts import write_post
from tasks.tables import COUNTERS, EVENTS, NOTICES, OFFERS, OUTBOX, POST_MESSAGES, WATCHES

Flow = Callable[..., None]
OPEN_PER_LATE = 4
CAP = 100
LIMITS = f"""
[budget]
per_run = {{ EUR = 1_000_000 }}
per_month = {{ EUR = {CAP} }}

[guardrails]
max_data_age_hours = 0
max_late_share = 1
max_discount_multiple = 0

[sending]
max_age_hours = 87_600
"""
BEFORE = {lives.deliver: "owed.db", lives.publish: "posts.db", lives.owe: "new.db"}
"""The ledger with which a trial begins."""
ALIVE = (State.HELD, State.QUEUED, State.SENDING, State.IN_DOUBT)
CHANNELS = {lives.publish: Channel.X}
"""By what a trial sends; all others send mails."""
SAID = (
    "order_id",
    "revision",
    "channel",
    "state",
    "reason",
    "change",
    "bucket",
    "days",
    "expected_on",
    "told_on",
    "lines",
)
OFFERED = ("order_id", "kind", "line", "revision", "products", "value", "expires_on")


def make(folder: Path, late: int, _: Connection) -> None:
    """Make a shop of which so many orders are late, its ledger before anything was owed, and after."""
    build(folder, late * OPEN_PER_LATE, late, LIMITS)
    with open_app(folder / "shop") as app:
        file = str(app.context.engine.url.database)
    shutil.copy(file, folder / BEFORE[lives.owe])
    with open_app(folder / "shop") as app:
        report = asyncio.run(run_late_orders(app, AS_OF))
    assert not report.held, report.held
    assert sum(report.changes.values()) == late, report.changes
    shutil.copy(file, folder / BEFORE[lives.deliver])
    shutil.copy(folder / BEFORE[lives.owe], folder / BEFORE[lives.publish])
    with opened(folder / BEFORE[lives.publish]) as ledger, open_app(folder / "shop") as app:
        _approve_posts(replace(app.context, engine=ledger), late)


def _approve_posts(context: Context, posts: int) -> None:
    """Schedule so many posts for noon, and have a second person approve them."""
    context = context.with_run("", AS_OF, lives.NOON - timedelta(hours=1))
    with context.engine.begin() as connection:
        for n in range(posts):
            words = PostWords(f"Lamp number {n} is back: https://shop.example.com", (Channel.X,), {}, lives.NOON)
            key = write_post(context, connection, words, Writer("Mara"))
            ask_for_approval(context, connection, key, Writer("Mara"))
            approve_post(context, connection, key, Writer("Jan"))


@contextmanager
def opened(file: Path) -> Iterator[Engine]:
    """Open one of the ledgers that were made."""
    engine = connect(f"sqlite:///{file}")
    yield engine
    engine.dispose()


def copy(file: Path, ledger: Engine) -> None:
    """Fill a ledger without a row."""
    migrate(ledger)
    with opened(file) as source, read_only(source) as old, ledger.begin() as new:
        for table in SQLModel.metadata.sorted_tables:
            # Numbers that the database draws are drawn anew, or it would draw them again.
            kept = [column for column in table.c if column is not table.autoincrement_column]
            if rows := [dict(row) for row in old.execute(select(*kept)).mappings()]:
                new.execute(table.insert(), rows)


def under_way(ledger: Engine, flow: Flow) -> int:
    """Return how many messages a process left behind of which only their provider knows whether it took them."""
    return _count(ledger, flow, State.SENDING)


def over(ledger: Engine, flow: Flow) -> bool:
    """Say whether every message of a trial has come to its end; texts have no door here, and wait."""
    return not _count(ledger, flow, *ALIVE)


def _count(ledger: Engine, flow: Flow, *states: State) -> int:
    own = OUTBOX.c.channel == CHANNELS.get(flow, Channel.EMAIL)
    with read_only(ledger) as connection:
        return int(connection.execute(select(func.count()).where(own, OUTBOX.c.state.in_(states))).scalar_one())


def doubted(ledger: Engine) -> int:
    """Return how many mails were ever in doubt."""
    with read_only(ledger) as connection:
        return int(connection.execute(select(func.count()).where(EVENTS.c.kind == State.IN_DOUBT)).scalar_one())


def delivered(ledger: Engine, provider: str) -> tuple[int, int]:
    """Return how many mails were lost, and how many the provider received twice."""
    received = taken(provider)
    mails = {row["id"]: row["state"] for row in _rows(ledger, NOTICES) if row["channel"] == Channel.EMAIL}
    lost = [key for key, state in mails.items() if state != State.SENT or key not in received]
    assert received.keys() <= mails.keys(), "the provider received what nobody owed"
    return len(lost), sum(1 for n in received.values() if n > 1)


def published(ledger: Engine, provider: str) -> tuple[int, int]:
    """Return how many posts were lost, and how many the network received twice."""
    received = taken(provider)
    posts = {row["text"]: row["state"] for row in _rows(ledger, POST_MESSAGES)}
    lost = [text for text, state in posts.items() if state != State.SENT or text not in received]
    assert received.keys() <= posts.keys(), "the network received what nobody approved"
    return len(lost), sum(1 for n in received.values() if n > 1)


def owed(ledger: Engine, undisturbed: Path) -> tuple[int, int]:
    """Return how many orders were forgotten, and how many told otherwise or oftener than in an undisturbed run."""
    with opened(undisturbed) as twin:
        ours, theirs = (_said(one) for one in (ledger, twin))
        gifts, same = (_offered(one) for one in (ledger, twin))
    _tallied(ledger)
    return (theirs - ours).total() + (same - gifts).total(), (ours - theirs).total() + (gifts - same).total()


def _said(ledger: Engine) -> Counter[str]:
    return Counter(str([row[name] for name in SAID]) for row in _rows(ledger, NOTICES))


def _offered(ledger: Engine) -> Counter[str]:
    return Counter(str([row[name] for name in OFFERED]) for row in _rows(ledger, OFFERS))


def _tallied(ledger: Engine) -> None:
    """Check what is kept beside the rows against the rows, and the caps."""
    watches = Counter(row["bucket"] for row in _rows(ledger, WATCHES) if row["bucket"] not in (None, *NOT_OPEN))
    with read_only(ledger) as connection:
        assert count_orders_by_bucket(connection) == watches, f"the counters do not say {watches}"
    codes, spent = [], Counter[str]()
    for row in _rows(ledger, OFFERS):
        if row["code"] is not None:
            codes.append(row["code"])
            for of in (row["run_id"], f"{AS_OF:%Y-%m}"):
                spent[f"offered:{of}:{row['currency']}"] += round(row["value"] * SCALE)
    counters = {row["name"]: row["value"] for row in _rows(ledger, COUNTERS) if row["name"].startswith("offered:")}
    assert counters == spent, f"the counters say that {counters} was offered, and the offers {spent}"
    assert 0.9 * CAP < spent[f"offered:{AS_OF:%Y-%m}:EUR"] / SCALE <= CAP, "the cap was not tried, or not kept"
    assert len(codes) == len(set(codes)), "two orders have the same code"


def _rows(ledger: Engine, table: Any) -> list[dict[str, Any]]:
    query = select(table)
    if table in (NOTICES, POST_MESSAGES):
        query = select(table, OUTBOX.c.state, OUTBOX.c.reason).join(OUTBOX, OUTBOX.c.id == table.c.id)
    with read_only(ledger) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
