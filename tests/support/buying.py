"""A shop that buys from vendors: place orders, run `forward-to-vendors` and record responses, on any ledger."""

import base64
import csv
import io
from dataclasses import replace

from pydantic import SecretStr
from sqlalchemy import delete, insert, select, update

from app.composition import App
from flows.forward_to_vendors import run_forward_to_vendors
from models.config.settings import Settings
from models.config.shop import ShopConfig, ShopFolder
from models.inventory import Coverage
from models.orders import ProductFacts
from sources.vendor_responses import read_responses, rows_of
from tasks.imports.rejects import open_rejects
from tasks.purchasing.responses import record_responses
from tasks.purchasing.review import list_waiting
from tasks.tables import ALLOCATIONS, EVENTS, ORDER_LINES, ORDERS, PRODUCTS, PURCHASE_LINES, PURCHASE_REQUESTS, VENDORS
from tests.support.at_once import run_at_once
from tests.support.builders import day, line
from tests.support.shop_driver import ShopDriver, noon

HOME = {"recipient": "Anna Keller", "street": "Ahornweg 3", "postcode": "10115", "city": "Berlin", "country": "DE"}
WAREHOUSE = {"recipient": "Lamps & Co", "street": "Hafen 1", "postcode": "20457", "city": "Hamburg", "country": "DE"}
SECRET = f"whsec_{base64.b64encode(b'planted-vendor-secret-24').decode()}"


class Buying:
    """A shop with orders and vendors. Days are counted as in `tests.support.builders`."""

    def __init__(self, context, folder, keys="{}", **settings):
        self.driver, self.folder = ShopDriver(context), folder
        self.settings = Settings(
            shop=folder, home=folder, outbox_dir=folder / "outbox", vendor_keys=SecretStr(keys), timeout=1, **settings
        )

    @property
    def context(self):
        return self.driver.context

    def say(self, **shop):
        """Change shop.toml."""
        told = self.context.shop.model_dump(exclude_unset=True) | shop
        self.driver.context = replace(self.context, shop=ShopConfig.model_validate(told))
        return self

    def policy(self, **vendors):
        changed = self.context.policy.purchasing.model_copy(update=vendors)
        self.driver.context = replace(
            self.context, policy=self.context.policy.model_copy(update={"purchasing": changed})
        )

    def vendor(self, key="v1", *, email="orders@vendor.example.com", name="Vendor & Sons"):
        with self.context.engine.begin() as connection:
            connection.execute(insert(VENDORS).values(id=key, name=name, email=email))
        return self

    def order(
        self, key="1041", *, vendor="v1", quantity=2, lacking=None, drop_shipped=False, address=HOME, name="Lamp"
    ):
        """Place an order of one line, of which `lacking` pieces are not covered; by default all of them."""
        product = ProductFacts(f"p-{vendor}{'-drop' if drop_shipped else ''}", name)
        self.driver.order(key, line(promised=9, quantity=quantity, product=product))
        with self.context.engine.begin() as connection:
            facts = {"vendor_id": vendor, "drop_shipped": drop_shipped}
            connection.execute(update(PRODUCTS).where(PRODUCTS.c.id == product.id).values(**facts))
            connection.execute(update(ORDERS).where(ORDERS.c.id == key).values(**(address or dict.fromkeys(HOME))))
        if not drop_shipped:
            self.cover(key, product.id, quantity, quantity if lacking is None else lacking)
        return self

    def cover(self, key, product, quantity, lacking):
        """Replace the allocation of a line: `lacking` of its pieces are not covered."""
        parts = [(Coverage.STOCK, quantity - lacking), (Coverage.UNCOVERED, lacking)]
        with self.context.engine.begin() as connection:
            connection.execute(delete(ALLOCATIONS).where(ALLOCATIONS.c.order_id == key))
            for part, (cover, pieces) in enumerate(parts, 1):
                if pieces:
                    row = {"order_id": key, "line": "1", "part": part, "product_id": product, "quantity": pieces}
                    connection.execute(insert(ALLOCATIONS).values(**row, cover=cover))

    def change(self, key, **line):
        """Change the line of an order in the shop's facts."""
        with self.context.engine.begin() as connection:
            connection.execute(update(ORDER_LINES).where(ORDER_LINES.c.order_id == key).values(**line))
        return self

    def cancel(self, key="1041"):
        return self.change(key, cancelled_at=noon(-1))

    def supplied_by(self, vendor, product="p-v1"):
        """Change the vendor of a product."""
        with self.context.engine.begin() as connection:
            connection.execute(update(PRODUCTS).where(PRODUCTS.c.id == product).values(vendor_id=vendor))
        return self

    def hold(self):
        """Run with a policy that holds the requests; return the first one's id."""
        self.policy(max_lines=0)
        self.run()
        self.policy(max_lines=1000)
        return self.requests[0]["id"]

    @property
    def app(self):
        folder = ShopFolder(self.folder, self.context.shop, self.context.policy)
        return App(self.settings, folder, self.context)

    async def ask(self, on=0, *, dry_run=False):
        return await run_forward_to_vendors(self.app, day(on), dry_run=dry_run)

    def run(self, on=0, *, dry_run=False):
        """Run `forward-to-vendors` once; return its report."""
        return run_at_once(self.ask(on, dry_run=dry_run))

    def at(self, on=0):
        return self.context.with_run("", day(on), noon(on))

    def respond(self, *responses, on=0, **options):
        """Record responses, each a mapping as a vendor writes it."""
        return record_responses(self.at(on), rows_of(list(responses), "answers"), "vendor", **options)

    def import_responses(self, file):
        """Record the responses of a file."""
        with open_rejects(self.app.rejected_responses) as reject:
            return record_responses(self.at(), read_responses(file), "eva", reject=reject)

    def waiting(self, on=0):
        return [(one["vendor"], one["order"], one["what"]) for one in list_waiting(self.at(on))]

    @property
    def requests(self):
        return sorted(
            self.driver.rows(PURCHASE_REQUESTS), key=lambda row: (row["reminder_of"] is not None, row["vendor_id"])
        )

    @property
    def lines(self):
        rows = self.driver.rows(PURCHASE_LINES)
        return sorted(
            (row["order_id"], row["attempt"], row["quantity"], row["response"], row["promised_on"]) for row in rows
        )

    def states(self):
        return [(row["vendor_id"], row["channel"], row["state"]) for row in self.requests]

    def happened(self, key):
        query = select(EVENTS.c.kind).where(EVENTS.c.subject == key).order_by(EVENTS.c.id)
        with self.context.engine.connect() as connection:
            return list(connection.execute(query).scalars())


def table(text):
    """Return the rows of a CSV file."""
    return list(csv.DictReader(io.StringIO(text if isinstance(text, str) else text.decode())))
