"""A starter shop whose files tests change, import and run."""

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Engine, select

from app.composition import open_app
from flows.deliver import run_deliver
from flows.late_orders import run_late_orders
from models.config.shop import read_shop
from sources.check import check
from sources.reader import open_source
from tasks.imports.load import import_all
from tasks.tables import NOTICES, ORDER_LINES, ORDERS, OUTBOX
from tests.support.at_once import run_at_once

DAY = date(2026, 1, 15)
NEXT = date(2026, 1, 16)


@dataclass(frozen=True)
class StarterShop:
    """A shop's folder beside its ledger."""

    folder: Path
    engine: Engine
    rejects: Path

    def take_in(self, as_of=DAY, **how):
        with open_source(read_shop(self.folder)) as source:
            return import_all(self.engine, source, as_of, self.rejects, **how)

    def check(self, as_of=DAY):
        with open_source(read_shop(self.folder)) as source:
            return check(source, as_of)

    def live(self, as_of=NEXT):
        """Run a day with import and delivery; return the report and the orders whose customers were notified."""
        with open_app(self.folder) as app:
            found = run_at_once(run_late_orders(app, as_of, import_first=True))
            run_at_once(run_deliver(app, as_of))
        return found, self.told()

    def told(self):
        query = (
            select(NOTICES.c.order_id)
            .join(OUTBOX, OUTBOX.c.id == NOTICES.c.id)
            .where(OUTBOX.c.state == "sent")
            .distinct()
        )
        return {order for (order,) in self.ask(query)}

    def write(self, file, text):
        (self.folder / "data" / file).write_text(text)

    def change(self, file, old, new):
        path = self.folder / "data" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def select(self, table, old, new):
        """Change a SELECT."""
        path = self.folder / "sources" / f"{table}.sql"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def says(self, line):
        """Add a line to the source's section of shop.toml."""
        path = self.folder / "shop.toml"
        path.write_text(path.read_text().replace("[source]", f"[source]\n{line}"))
        assert line in path.read_text()

    def ask(self, query):
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def lines(self, order):
        """Return by line number whether it is cancelled, whether it is done, and why it ended."""
        query = select(ORDER_LINES.c.number, ORDER_LINES.c.cancelled_at, ORDER_LINES.c.done, ORDER_LINES.c.ended)
        found = self.ask(query.where(ORDER_LINES.c.order_id == order))
        return {number: (cancelled is not None, done, why) for number, cancelled, done, why in found}

    def order(self, order):
        """Return whether an order is cancelled, whether it is done, and why it ended."""
        query = select(ORDERS.c.cancelled_at, ORDERS.c.done, ORDERS.c.ended).where(ORDERS.c.id == order)
        ((cancelled, done, why),) = self.ask(query)
        return cancelled is not None, done, why

    def refused(self):
        if not self.rejects.exists():
            return []
        with self.rejects.open(newline="") as stream:
            return [(row["table"], row["line"], row["column"], row["reason"]) for row in csv.DictReader(stream)]
