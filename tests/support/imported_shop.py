"""A small shop whose facts reach the ledger by imports, from rows that tests change."""

from dataclasses import asdict
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from sources.connectors.queries import Select
from sources.contract import CONTRACT, KEYS
from sources.reader import Source
from sources.rows import Row
from tasks.imports.load import import_all, import_table
from tests.support.builders import ANNA, day, line
from tests.support.shop_driver import ShopDriver, noon


class ShopSystem:
    """The shop's own system: rows by table, with the columns of the data contract. It is a connector."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {table: {} for table in CONTRACT}
        self.changed: set[str] = set()
        """The tables that were changed since they were last imported."""

    def rows(self, select):
        yield from (Row.of(row, f"{select.table}.csv", n) for n, row in enumerate(self._rows[select.table].values(), 2))

    def close(self):
        pass

    def put(self, table, **values):
        """Insert a row, or change these values of the row with the same key."""
        key = tuple(values[name] for name in KEYS[table])
        blank = dict.fromkeys(CONTRACT[table].model_fields)  # a SELECT returns all its columns, of every row
        self._rows[table][key] = self._rows[table].get(key, blank) | values
        self.changed.add(table)

    def drop(self, table, *key):
        """Delete the row with this key."""
        del self._rows[table][key]
        self.changed.add(table)

    def get(self, table, *key):
        return self._rows[table][key]

    def all(self, table):
        return list(self._rows[table].values())

    def sorted_tables(self):
        return [table for table in CONTRACT if table in self.changed]


class ImportedShop(ShopDriver):
    """A shop driver whose orders and facts arrive by imports."""

    def __init__(self, context):
        super().__init__(context)
        self.system = ShopSystem()
        selects = {table: Select(table, Path(f"{table}.sql"), "") for table in CONTRACT}
        self.source = Source(context.shop, selects, self.system)

    def order(self, key="1041", *lines, on=0, **given):
        """Take an order in, and import it."""
        self.enter_order(key, *lines, **given)
        self.import_facts(on)

    def enter_order(self, key, *lines, customer=ANNA, placed=-60, currency="EUR", shipping_fee=None):
        self.system.put("customers", **asdict(customer))
        order = {"currency": currency, "shipping_fee": shipping_fee, "placed_at": noon(placed)}
        self.system.put("orders", id=key, customer_id=customer.id, **order)
        for one in lines or (line(promised=-9),):
            self.system.put("products", **asdict(one.product))
            self.system.put("lines", **line_row(key, one))

    def stock(self, product, on_hand, allocated=0, on=0):
        self.enter_stock(product, on_hand, allocated)
        self.import_facts(on)

    def enter_stock(self, product, on_hand, allocated=0):
        self.system.put("products", **asdict(product))
        self.system.put("stock", product_id=product.id, location="main", on_hand=on_hand, allocated=allocated)

    def put(self, table, *, on=0, **values):
        """Change a row of the shop's system, and import it."""
        self.system.put(table, **values)
        self.import_facts(on)

    def change(self, key, on=0, **facts):
        """Change every line of an order, and import them."""
        for row in self.system.all("lines"):
            if row["order_id"] == key:
                self.system.put("lines", order_id=key, number=row["number"], **facts)
        self.import_facts(on)

    def customer(self, key, on=0, **facts):
        self.put("customers", id=key, on=on, **facts)

    def import_facts(self, on=0):
        """Import all tables, as a run does."""
        import_all(self.context.engine, self.source, day(on), erasure_key=self.context.erasure_key)
        self.system.changed.clear()

    def import_changes(self, on=0):
        """Import only the tables that were changed, which takes a tenth of the time."""
        for table in self.system.sorted_tables():
            import_table(self.context.engine, self.source, table, day(on), erasure_key=self.context.erasure_key)
        self.system.changed.clear()


def line_row(order, one):
    """Return the row of an order line in the shop's system."""
    days = {name: getattr(one, f"{name}_on") for name in ("shipped", "delivered", "cancelled")}
    moments = {f"{name}_at": None if on is None else datetime.combine(on, time(10), UTC) for name, on in days.items()}
    names = ("number", "quantity", "promise", "promised_on", "price", "expected_on")
    return {"order_id": order, "product_id": one.product.id, **moments} | {name: getattr(one, name) for name in names}
