"""Deliver by Forewarn and by what else could do it, in turns, and report what each costs."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from statistics import median
from typing import Any

from benchmarks.asked import Asked, in_turn
from benchmarks.bench import Bench, Case, Sent, bench
from benchmarks.costs import server_columns
from benchmarks.databases import POSTGRESQL, SQLITE_NAME
from benchmarks.sides import OURS, Side, sides

MAIN = Case(POSTGRESQL, 64, 1)
"""The case in which the SDK's loop is measured: its speed depends on no database and no concurrency."""
CASES = tuple(Case(*one) for one in product((POSTGRESQL, SQLITE_NAME), (16, 64, 128), (1, 2)))
QUICK_CASES = (Case(POSTGRESQL, 16, 1), MAIN, Case(SQLITE_NAME, 64, 1))
AHEAD = 16
"""Messages claimed ahead where few requests are in flight."""
FLOOR, BARE = "durable floor", "bare aiohttp"
ALONE = ", without requests"
"""The ledger's part of sending: claiming, what is written and read of each message, and its outcome."""
Relay = Callable[[Case], Sent]


def run_deliver(asked: Asked) -> Iterator[dict[str, Any]]:
    """Deliver the same mails by each relay, one after the other, in several rounds; a row is a relay's medians."""
    (n,) = asked.sizes
    with sides(asked.folder, asked.against) as compared, bench(asked.folder / "bench", compared, n) as ready:
        for case in QUICK_CASES if asked.quick else CASES:
            relays = relays_of(ready, case, compared)
            rounds = [_round(relays, case, turn) for turn in range(asked.rounds)]
            for name in relays:
                yield _row(name, case, rounds, compared)


def relays_of(ready: Bench, case: Case, compared: Sequence[Side]) -> dict[str, Relay]:
    """Return what is measured in a case, by name."""
    relays: dict[str, Relay] = {BARE: ready.bare, FLOOR: ready.durable}
    if case.database == POSTGRESQL:
        relays["pgqueuer"] = ready.pgqueuer
    relays |= {side.name: partial(ready.forewarn, side) for side in compared}
    if case == MAIN:
        relays |= {
            f"{side.name}{ALONE}": partial(ready.forewarn, side, BENCHMARKS_NO_REQUESTS="1") for side in compared
        }
    if case.parallel == AHEAD:
        relays[f"{OURS}, {AHEAD} ahead"] = partial(ready.forewarn, compared[0], FOREWARN_CLAIM_AHEAD=str(AHEAD))
    if case == MAIN:
        relays["SDK's loop"] = ready.sdk
    return relays


def _round(relays: dict[str, Relay], case: Case, turn: int) -> dict[str, Sent]:
    return {name: relays[name](case) for name in in_turn([*relays], turn)}


def _row(name: str, case: Case, rounds: Sequence[dict[str, Sent]], compared: Sequence[Side]) -> dict[str, Any]:
    done = [one[name] for one in rounds]

    def of(other: str, value: str = "rate") -> float:
        return float(median(getattr(one[name], value) / getattr(one[other], value) for one in rounds))

    return {
        "database": case.database,
        "at once": case.parallel,
        "workers": case.workers,
        "relay": name,
        "mails/s": median(one.rate for one in done),
        "of the floor": of(FLOOR),
        "of bare": of(BARE),
        **{f"of {side.name}": of(side.name) for side in compared[1:]},
        **{f"CPU, of {side.name}": of(side.name, "cpu_us") for side in compared[1:]},
        "client CPU, µs": median(one.client_us for one in done),
        **server_columns([one.server for one in done if one.server], done[0].n),
    }
