"""Take the sample shop's files in, new and unchanged, on each database, beside an older commit."""

from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median
from typing import Any

from benchmarks.asked import Asked, in_turn
from benchmarks.costs import ServerCosts, server_columns, server_costs
from benchmarks.databases import POSTGRESQL, SQLITE_NAME, Databases, databases
from benchmarks.fresh import Spent
from benchmarks.sides import Side, sides
from benchmarks.turns import SQLITE


class Import:
    """What the import of new rows took, that of the same rows unchanged, and the server in both."""

    def __init__(self, taken: dict[str, dict[str, Any]], server: ServerCosts | None) -> None:
        self.new, self.unchanged = (Spent(**taken[name]) for name in ("first", "again"))
        self.server = server


def run_import(asked: Asked) -> Iterator[dict[str, Any]]:
    """Import a sample shop of so many orders twice, in several rounds; a row is a side's medians.

    The server's costs are those of both imports, for each row of each.
    """
    (orders,) = asked.sizes
    with sides(asked.folder, asked.against) as compared, databases(asked.folder / "databases") as made:
        for side in compared:
            made.template(f"empty_{side.folder.name}", partial(side.ask, "migrate"))
        for database in (POSTGRESQL, SQLITE_NAME):
            rounds = [
                {side.name: _import(made, side, f"{database}-{turn}", orders) for side in in_turn(compared, turn)}
                for turn in range(asked.rounds)
            ]
            for side in compared:
                yield _row(side, database, rounds, compared)


def _import(made: Databases, side: Side, name: str, orders: int) -> Import:
    folder = side.folder / name
    if name.startswith(SQLITE_NAME):
        url = f"{SQLITE}{made.folder / f'{side.folder.name}-{name}.db'}"
        side.ask("migrate", url)
        return Import(side.ask("take_in", folder, url, orders), None)
    with made.copy(f"empty_{side.folder.name}") as url, server_costs(made.server, url) as server:
        taken = side.ask("take_in", folder, url, orders)
    return Import(taken, server)


def _row(side: Side, database: str, rounds: Sequence[dict[str, Import]], compared: Sequence[Side]) -> dict[str, Any]:
    done = [one[side.name] for one in rounds]
    n = done[0].new.n
    return {
        "database": database,
        "code": side.name,
        "rows": n,
        "new/s": median(one.new.rate for one in done),
        "unchanged/s": median(one.unchanged.rate for one in done),
        **{
            f"unchanged, of {other.name}": median(
                one[side.name].unchanged.rate / one[other.name].unchanged.rate for one in rounds
            )
            for other in compared[1:]
        },
        "new, µs": median(1e6 * one.new.cpu_seconds for one in done) / n,
        "unchanged, µs": median(1e6 * one.unchanged.cpu_seconds for one in done) / n,
        **server_columns([one.server for one in done if one.server], 2 * n),
        "MB": median(one.unchanged.peak_mb for one in done),
    }
