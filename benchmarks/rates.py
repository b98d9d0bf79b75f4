"""What it costs to keep a rate that all workers share: the ledger's gate, and Prefect's own limits."""

import importlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency, rate_limit
from sqlalchemy import Engine

from benchmarks.asked import Asked
from benchmarks.lives import NOON
from models.enums import Channel
from models.policy.messaging import SendingPolicy
from tasks.db.engine import connect
from tasks.delivery.rate_limit import count_sent, tokens

SENDING = SendingPolicy(per_second={Channel.EMAIL: 1_000_000})
"""A rate that nobody reaches: asking is measured, and not waiting."""
AT_ONCE = 8
"""Messages that a turn asks for at once."""
LIMIT, ROOM, DECAY = "forewarn-bench", 1_000_000, 1_000_000.0


def run_rates(asked: Asked) -> Iterator[dict[str, Any]]:
    """Ask so many times by each way whether messages may pass; a row is milliseconds for each time."""
    for n in asked.sizes:
        with importlib.import_module("tests.support.postgres").started({"listen_addresses": ""}) as server:
            ledger = connect(server.emptied())

            def by_gate(ledger: Engine = ledger) -> None:
                with ledger.begin() as connection:
                    assert tokens(connection, Channel.EMAIL, NOON, SENDING) >= AT_ONCE
                    count_sent(connection, Channel.EMAIL, AT_ONCE, NOON, SENDING)

            gate = _each(by_gate, n)
            ledger.dispose()
        with get_client(sync_client=True) as client:
            limit = GlobalConcurrencyLimitCreate(name=LIMIT, limit=ROOM, slot_decay_per_second=DECAY)
            client.create_global_concurrency_limit(limit)
            rate, held = _each(_rate, n // 10), _each(_held, n // 10)
        yield {"asked": n, "the ledger's gate, ms": gate, "rate_limit, ms": rate, "concurrency, ms": held}


def _rate() -> None:
    rate_limit(LIMIT, occupy=AT_ONCE, strict=True)


def _held() -> None:
    with concurrency(LIMIT, occupy=AT_ONCE, strict=True):
        pass


def _each(ask: Callable[[], object], n: int) -> float:
    """Return milliseconds for each of `n` times, after a first one that connects."""
    ask()
    begun = time.perf_counter()
    for _ in range(n):
        ask()
    return 1000 * (time.perf_counter() - begun) / n
