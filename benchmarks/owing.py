"""What recording notices costs on each database, beside an older commit."""

from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median
from typing import Any

from benchmarks.asked import Asked, in_turn
from benchmarks.costs import ServerCosts, server_columns, server_costs
from benchmarks.databases import POSTGRESQL, SQLITE_NAME, Databases, databases
from benchmarks.fresh import Spent
from benchmarks.sides import Side, sides

OPEN_PER_LATE = 10
"""As many open orders for each late one."""
Recorded = tuple[Spent, ServerCosts | None]


def run_owing(asked: Asked) -> Iterator[dict[str, Any]]:
    """Record the notices of so many late orders, in several rounds; a row is a side's medians."""
    (late,) = asked.sizes
    with sides(asked.folder, asked.against) as compared, databases(asked.folder / "databases") as made:
        made_for = {side.name: _templates(made, side, late) for side in compared}
        for database in (POSTGRESQL, SQLITE_NAME):
            rounds = [
                {
                    side.name: _record(made, side, made_for[side.name][database], late)
                    for side in in_turn(compared, turn)
                }
                for turn in range(asked.rounds)
            ]
            for side in compared:
                yield _row(side, database, rounds, compared)


def _templates(made: Databases, side: Side, late: int) -> dict[str, str]:
    """Return a shop's ledger before anything was recorded, by database."""
    file, name = side.ask("build", side.folder, late * OPEN_PER_LATE, late), f"new_{side.folder.name}"
    made.template(name, partial(side.ask, "copy", file))
    return {POSTGRESQL: name, SQLITE_NAME: file}


def _record(made: Databases, side: Side, template: str, late: int) -> Recorded:
    with made.copy(template) as url:
        if template.startswith("/"):
            return Spent(**side.ask("record", side.folder, url, late)), None
        with server_costs(made.server, url) as server:
            spent = Spent(**side.ask("record", side.folder, url, late))
        return spent, server


def _row(side: Side, database: str, rounds: Sequence[dict[str, Recorded]], compared: Sequence[Side]) -> dict[str, Any]:
    done = [one[side.name][0] for one in rounds]
    servers = [server for one in rounds if (server := one[side.name][1])]
    return {
        "database": database,
        "code": side.name,
        "late": done[0].n,
        "recorded/s": median(one.rate for one in done),
        **{
            f"of {other.name}": median(one[side.name][0].rate / one[other.name][0].rate for one in rounds)
            for other in compared[1:]
        },
        "client CPU, µs": median(1e6 * one.cpu_seconds for one in done) / done[0].n,
        **server_columns(servers, done[0].n),
    }
