"""The memory of a worker that delivers few mails, and ten times as many."""

from collections.abc import Iterator
from typing import Any

from benchmarks.asked import Asked
from benchmarks.provider import a_provider
from benchmarks.side import ANSWERED_AFTER_SECONDS
from benchmarks.sides import sides
from benchmarks.turns import SQLITE

PARALLEL = 64


def run_memory(asked: Asked) -> Iterator[dict[str, Any]]:
    """Deliver shops of growing size from SQLite; `MB, x` is relative to the first."""
    first = None
    with sides(asked.folder, None) as (ours,):
        for n in asked.sizes:
            shop = ours.folder / f"{n}"
            ours.ask("make", shop, n)
            with a_provider(ANSWERED_AFTER_SECONDS) as provider:
                (done,) = ours.ask("deliver", shop, f"{SQLITE}{shop / 'owed.db'}", provider, PARALLEL, 1, {})
            assert done["sent"] == n, f"{done['sent']} mails were sent, and {n} are owed"
            first = first or done["peak_mb"]
            yield {"mails": done["sent"], "MB": done["peak_mb"], "MB, x": done["peak_mb"] / first}
