"""Each provider's transport by itself, without a ledger: beside bare requests, and beside the provider's own SDK."""

import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from benchmarks.asked import Asked
from benchmarks.bench import finished_mails
from benchmarks.loops import LOOPS
from benchmarks.posting import DOORS, bare, by_the_door, read_message
from benchmarks.provider import a_provider
from benchmarks.side import ANSWERED_AFTER_SECONDS
from benchmarks.sides import sides
from models.messages import Message

PARALLEL = 64
LOOPED = 200
"""Messages of the SDK's loop, whose speed does not depend on how many there are."""


def run_transports(asked: Asked) -> Iterator[dict[str, Any]]:
    """Send so many messages by each transport, in several rounds; a row is medians."""
    (n,) = asked.sizes
    with sides(asked.folder, None) as (ours,):
        messages = [read_message(body) for body in finished_mails(ours, n)]
    with a_provider(ANSWERED_AFTER_SECONDS) as provider:
        for door in DOORS:
            rounds = [
                (
                    bare(provider, messages, door, PARALLEL).rate,
                    by_the_door(provider, messages, door, PARALLEL),
                    looped(provider, messages[:LOOPED], door),
                )
                for _ in range(asked.rounds)
            ]
            yield {
                "transport": door,
                "at once": PARALLEL,
                "bare/s": median(one[0] for one in rounds),
                "transport/s": median(one[1] for one in rounds),
                "of bare": median(one[1] / one[0] for one in rounds),
                "SDK's loop/s": median(one[2] for one in rounds),
                "of the loop": median(one[1] / one[2] for one in rounds),
            }


def looped(provider: str, messages: Sequence[Message], door: str) -> float:
    """Return messages a second by the provider's own SDK, one after the other."""
    begun = time.perf_counter()
    LOOPS[door](provider, messages)
    return len(messages) / (time.perf_counter() - begun)
