"""The facts of a random history: what a small shop's system says, and how it changes from day to day."""

from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal

from models.orders import ProductFacts
from tests.support.builders import ANNA, day, line
from tests.support.imported_shop import line_row
from tests.support.shop_driver import customer, noon

PRODUCTS = [
    ProductFacts(f"p{n}", f"Lamp {name}", "lamps", Decimal(40)) for n, name in enumerate(["Ada", "Bea", "Cleo"])
]
CHAIR = ProductFacts("p3", "Chair D", "chairs", Decimal(80))
SUBSTITUTES = [ProductFacts(f"s{n}", f"Spare {name}", "lamps", Decimal(42)) for n, name in enumerate("EF")]
"""They are in no order: whether a substitute is late itself would depend on other orders."""
PHONES = {"phone": "+4915112345678", "sms_consent": True}
NAMES = ("Anna Keller", "Anna Kessler", "A. Keller")


class RandomFacts:
    """The facts of one history, drawn by its random numbers; each change returns a sentence for its log."""

    def __init__(self, shop, rng):
        self.shop, self.rng, self.system = shop, rng, shop.system
        self.flapping = rng.random() < 0.4

    def begin(self, orders=4):
        people = [ANNA, customer("c2", **PHONES, marketing_consent=True), customer("c3", **PHONES, prefers="sms")]
        for product in SUBSTITUTES:
            self.shop.enter_stock(product, self.rng.randint(0, 3))
        for person in people:
            self.system.put("customers", **asdict(person))
        for product in (*PRODUCTS, CHAIR):
            self.system.put("products", **asdict(product))
        for n in range(orders):
            self._place_order(people[n % len(people)].id, placed=-10, promised=(-4, 12))
        self.shop.import_facts()

    def _place_order(self, customer_id, placed, promised):
        key = str(1040 + len(self.system.all("orders")))
        self.system.put("orders", id=key, customer_id=customer_id, placed_at=noon(placed), currency="EUR")
        for number in range(self.rng.choice([1, 1, 2, 3])):
            self.system.put("lines", **line_row(key, self._line(str(number + 1), *promised)))
        return key

    def _line(self, number, first, last):
        promised = self.rng.randint(first, last)
        expected = self.rng.choice([None, promised + self.rng.randint(-2, 18)])
        product = self.rng.choice([*PRODUCTS, CHAIR])
        found = line(number, promised=promised, expected=expected, product=product)
        return replace(found, quantity=self.rng.randint(1, 3))

    def change(self, on):
        """Change something in the shop's system on a day; return what, in words."""
        changes = {
            self._date: 12 if self.flapping else 6, self._date_back: 8 if self.flapping else 2, self._promise: 1,
            self._order: 2, self._ship: 2, self._cancel: 1, self._reopen: 1, self._quantity: 2, self._product: 2,
            self._stock: 3, self._price: 1, self._consent: 2, self._language: 1, self._name: 1, self._address: 1,
            self._opt_out: 1, self._parcel: 1,
        }  # fmt: skip
        (change,) = self.rng.choices(list(changes), list(changes.values()))
        return f"{change.__name__.strip('_')}: {change(on)}"

    def _some_line(self):
        row = self.rng.choice(self.system.all("lines"))
        return row, {"order_id": row["order_id"], "number": row["number"]}

    def _put_line(self, key, **facts):
        self.system.put("lines", **key, **facts)
        return f"{key['order_id']}/{key['number']} {facts}"

    def _date(self, on):
        row, key = self._some_line()
        today, old = day(on), row["expected_on"]
        drawn = [None, today + timedelta(self.rng.randint(-2, 25))]
        drawn += [max(today, (old or today) + timedelta(self.rng.randint(*by))) for by in ((-12, -3), (-6, 6), (1, 9))]
        self.before = (key, old)
        source = self.rng.choice([None, None, "carrier", "vendor"])
        return self._put_line(key, expected_on=self.rng.choice(drawn), expected_source=source)

    before = None

    def _date_back(self, _):
        if self.before is None:
            return "nothing"
        key, old = self.before
        self.before = (key, self.system.get("lines", *key.values())["expected_on"])
        return self._put_line(key, expected_on=old)

    def _order(self, on):
        person = self.rng.choice(self.system.all("customers"))["id"]
        return f"{self._place_order(person, placed=on, promised=(on, on + 4))} by {person}"

    def _ship(self, on):
        return self._put_line(self._some_line()[1], shipped_at=noon(on) - timedelta(hours=8))

    def _cancel(self, on):
        return self._put_line(self._some_line()[1], cancelled_at=noon(on) - timedelta(hours=8))

    def _reopen(self, _):
        closed = [row for row in self.system.all("lines") if row["shipped_at"] or row["cancelled_at"]]
        if not closed:
            return "nothing"
        row = self.rng.choice(closed)
        key = {"order_id": row["order_id"], "number": row["number"]}
        return self._put_line(key, shipped_at=None, cancelled_at=None)

    def _quantity(self, _):
        return self._put_line(self._some_line()[1], quantity=self.rng.randint(1, 4))

    def _product(self, _):
        product = self.rng.choice([*PRODUCTS, CHAIR])
        self.system.put("products", id=product.id, name=product.name, category=product.category, price=product.price)
        return self._put_line(self._some_line()[1], product_id=product.id)

    def _promise(self, _):
        row, key = self._some_line()
        return self._put_line(key, promised_on=row["promised_on"] + timedelta(self.rng.randint(-3, 10)))

    def _parcel(self, on):
        row, key = self._some_line()
        number = self.rng.choice(["T1", "T2"])
        shipped = noon(on) - timedelta(hours=9)
        self.system.put(
            "shipments", **key, id="A", quantity=1, shipped_at=shipped, carrier="DHL", tracking_number=number
        )
        return f"{key['order_id']}/{key['number']} 1 of {row['quantity']} as {number}"

    def _stock(self, _):
        product, pieces = self.rng.choice(SUBSTITUTES), self.rng.choice([0, 0, 1, 2, 5])
        self.system.put("stock", product_id=product.id, location="main", on_hand=pieces, allocated=0)
        return f"{product.id} {pieces}"

    def _price(self, _):
        product, price = self.rng.choice(SUBSTITUTES), self.rng.choice([36, 42, 45, 90])
        self.system.put("products", id=product.id, price=price)
        return f"{product.id} {price}"

    def _customer(self, **facts):
        row = self.rng.choice(self.system.all("customers"))
        self.system.put("customers", id=row["id"], **facts)
        return f"{row['id']} {facts}"

    def _consent(self, _):
        name = self.rng.choice(["marketing_consent", "marketing_consent", "sms_consent"])
        return self._customer(**{name: self.rng.random() < 0.5})

    def _language(self, _):
        return self._customer(locale=self.rng.choice(["en", "pt_BR"]))

    def _name(self, _):
        return self._customer(name=self.rng.choice(NAMES))

    def _address(self, _):
        row = self.rng.choice(self.system.all("customers"))
        email = self.rng.choice([f"{row['id']}.new@example.com", f"{row['id']}@example.com", None])
        self.system.put("customers", id=row["id"], email=email)
        return f"{row['id']} {email}"

    def _opt_out(self, _):
        return self._customer(opted_out=self.rng.random() < 0.2)
