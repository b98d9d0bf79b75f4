"""Take the sample shop's files in: all of it new, and once more with nothing changed."""

from dataclasses import dataclass
from pathlib import Path

from app.composition import open_app
from benchmarks.fresh import Spent, Watch
from benchmarks.shop import AS_OF
from sources.sample import write_sample
from tasks.imports.load import import_all


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What the first import's rows took, and the second's."""

    first: Spent
    again: Spent


def take_in(folder: Path, orders: int) -> TakenIn:
    """Import a sample shop of so many orders twice."""
    write_sample(folder / "shop", orders=orders, as_of=AS_OF)
    watches, counts = (Watch(), Watch()), []
    with open_app(folder / "shop") as app:
        for watch in watches:
            with watch, app.source() as source:
                counts.append(import_all(app.context.engine, source, AS_OF, app.rejects))
    first, again = (sum(one.inserted + one.updated for one in tables.values()) for tables in counts)
    assert first > orders, f"{first} rows were written for {orders} orders"
    assert not again, f"the second import wrote {again} rows"
    rows = sum(one.read for one in counts[0].values())
    return TakenIn(watches[0].spent(rows), watches[1].spent(rows))
