"""What a template may name: an order's delay as plain values, links filled in and names made harmless.

Every message knows `shop` (shop.toml), `lang` and `locale`. A mail or text knows besides: `customer` (a name, or
empty), `order` (id, placed_on, url), `late` and `on_time` (items), `most` (how many items a list shows, so that the
mail of a long order stays short), `ships` (a late item was promised to ship rather than to arrive), `expected_on`
(None: of one late item at least it is unknown; `some_dated`: of others it is known, `told_part`: so it was when we last
wrote), `sooner` (False where only a part comes sooner than told), `today`, `told_before` and `told_date` (when we last
wrote, and the date told; either may be None), `substitutes` (item, products), `discount`, `offer` (`shown`, `on_page`
where only the order page may show it, or `none`), `ready` (`all` or `part` of what was late is there for the customer,
or `none`), and `parcels` (items, ships_on) where it comes in more than one. A mail's bodies know `subject`; a text
knows `item`, the name of the one late product (empty: several, or no room). A post knows `product`; of a late one
`days` and `expected_on`, of one that is back or running low how many are `left`.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote

from models.config.shop import Links, ShopConfig
from models.decisions import LateLine, Plan
from models.enums import ChangeKind, Promise
from models.orders import LineFacts, ProductFacts, Shipment
from models.posts import ProductDelay, ProductStock
from models.quantities import Quantity
from models.shipments import Parcel

Link = TypeVar("Link", str, str | None)

_HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_LEFT_OUT = {"Cf", "Cs"}
_JOINERS = "\u200c\u200d"
_LETTERS_FROM = "\u0590"
"""Scripts whose letters a joiner joins or parts begin here; Latin, Greek, Cyrillic and Armenian come before."""
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f")
"""A regional flag: letters and digits that are not seen, and their end, after a black flag."""
_ADDRESS = re.compile(r"://|@|\bwww\.|\b\d{1,3}(?:\.\d{1,3}){3}\b|\w\.[^\W\d_]{2,}(?!\w)", re.IGNORECASE)
"""What mail clients make a link of: an address with a scheme, a mail address, a host's name or number."""
LONGEST_NAME = 200
LONGEST_PERSON = 60
MOST = (24, 8, 2)
"""How many items a list of a mail shows, tried in turn until the mail is short enough."""


class View:
    """A value whose fields a template may name; it is never printed as a whole."""

    __slots__ = ()

    def __str__(self) -> str:
        """Refuse: a reader would be shown Python's own notation."""
        raise TypeError(f"{type(self).__name__.lower()} cannot be printed as a whole: name one of its fields")


@dataclass(frozen=True, slots=True)
class Product(View):
    """A product to name and link to."""

    name: str
    url: str | None
    image: str | None
    category: str | None
    category_url: str | None
    price: Decimal | None
    currency: str

    def named(self, name: str) -> "Product":
        """Return the product under another, shorter name."""
        return replace(self, name=name)


@dataclass(frozen=True, slots=True)
class Sent(View):
    """A parcel under way; each of its fields may be empty, but not all of them."""

    carrier: str
    number: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Item(View):
    """A line of the order: of the pieces `ordered`, the `quantity` that the customer still waits for."""

    product: Product
    quantity: Quantity
    ships: bool
    promised_on: date
    expected_on: date | None
    ready: bool
    ordered: Quantity
    partly: bool
    """A part of it is not waited for any more."""
    under_way: tuple[Sent, ...]


@dataclass(frozen=True, slots=True)
class Order(View):
    """The order, as far as words name it."""

    id: str
    placed_on: date
    url: str


@dataclass(frozen=True, slots=True)
class Packed(View):
    """Items that leave in one parcel; no day where one of them has none."""

    items: tuple[Item, ...]
    ships_on: date | None


@dataclass(frozen=True, slots=True)
class Instead(View):
    """What could come instead of a late item."""

    item: Item
    products: tuple[Product, ...]


def order_facts(plan: Plan, shop: ShopConfig) -> dict[str, Any]:
    """Return what the words of one notice may name."""
    delay, order, links = plan.delay, plan.delay.order, shop.links
    told = order.told if order.told and not order.told.assumed else None
    late = tuple(_item(line.line, links, order.currency, delay.as_of, line) for line in delay.late)
    offered = bool(plan.substitutes or plan.discount)
    return {
        "customer": addressed(order.customer.name),
        "order": Order(harmless(order.id), order.placed_on, _web(order.url) or order_link(links, order.id)),
        "late": late,
        "on_time": tuple(_item(line, links, order.currency, delay.as_of) for line in delay.on_time),
        "ships": any(item.ships for item in late),
        "expected_on": delay.expected_on,
        "some_dated": _in_part([item.expected_on for item in late]),
        "told_part": _in_part([line.expected_on for line in told.lines] if told else []),
        "sooner": plan.change is not ChangeKind.EARLIER or _all_sooner(plan),
        "most": MOST[0],
        "today": delay.as_of,
        "told_before": told and told.told_on,
        "told_date": plan.told_date,
        "substitutes": tuple(
            Instead(
                _item(choice.line, links, order.currency, delay.as_of),
                tuple(_product(product, links, shop.currency) for product in choice.products),
            )
            for choice in plan.substitutes
        ),
        "discount": plan.discount,
        "ready": "all" if all(item.ready for item in late) else "part" if plan.change is ChangeKind.READY else "none",
        "parcels": tuple(_packed(parcel, plan, links) for parcel in plan.parcels) if len(plan.parcels) > 1 else (),
        "offer": ("shown" if plan.show_offer else "on_page") if offered else "none",
    }


def post_facts(about: ProductDelay | ProductStock, shop: ShopConfig) -> dict[str, Any]:
    """Return what a post may name: nothing of any customer."""
    product = product_facts(about.product, shop)
    if isinstance(about, ProductStock):
        return {"product": product, "left": about.left}
    return {"product": product, "days": about.days, "expected_on": about.expected_on}


def product_facts(product: ProductFacts, shop: ShopConfig) -> Product:
    """Return a product as words may name it, its links filled in."""
    return _product(product, shop.links, shop.currency)


def harmless(text: str) -> str:
    """Return a name on one line, without control, zero-width or direction characters.

    Joiners stay where spelling or an emoji needs them: after a letter that joins, or a symbol.
    """
    if not text.isprintable():
        flags = {at for flag in _FLAG.finditer(text) for at in range(*flag.span())}
        text = "".join(text[at] if at in flags else _kept(text, at) for at in range(len(text)))
    return " ".join(text.split())


def _kept(text: str, at: int) -> str:
    character = text[at]
    if character in _JOINERS:
        return character if at and _joins(text[at - 1]) else ""
    kind = unicodedata.category(character)
    return "" if kind in _LEFT_OUT else " " if kind in _HARMFUL else character


def _joins(character: str) -> bool:
    kind = unicodedata.category(character)
    return character >= _LETTERS_FROM and (kind[0] in "LM" or kind in {"So", "Sk"})


def named(name: str) -> str:
    """Return a name fit to stand in a sentence: harmless, and no longer than any real one."""
    return shortened(harmless(name), LONGEST_NAME)


def addressed(name: str) -> str:
    """Return a customer's name as a greeting or a To may hold it; empty where mail clients would make a link of it.

    Anybody can type a name at a shop, and the address of somebody else.
    """
    whole = harmless(name)
    folded = unicodedata.normalize("NFKC", whole).replace("\u3002", ".")
    return "" if _ADDRESS.search(folded) else shortened(whole, LONGEST_PERSON)


def cut(given: dict[str, Any], most: int) -> dict[str, Any]:
    """Return what words may name, without parcels and pictures, and without what lies beyond `most` in each list.

    Counts made of it are too low: it is for words that become too long even where they show few items.
    """
    lists = {name: tuple(_unpictured(item) for item in given[name][:most]) for name in ("late", "on_time")}
    substitutes = tuple(
        replace(choice, products=tuple(replace(product, image=None) for product in choice.products[:most]))
        for choice in given["substitutes"][:most]
    )
    return given | lists | {"substitutes": substitutes, "parcels": (), "most": most}


def _unpictured(item: Item) -> Item:
    return replace(item, product=replace(item.product, image=None))


def unaddressed(name: str) -> str:
    """Return a name that mentions nobody on a social network."""
    return re.sub(r"[@\uff20]+(?=\w)", "", name)


def shortened(name: str, limit: int) -> str:
    """Return a name of at most `limit` characters, cut between words where that leaves half of them; 0 gives none."""
    if len(name) <= limit or not limit:
        return name if limit else ""
    cut = name[: limit - 1]
    words = cut.rpartition(" ")[0]
    return (words if len(words) * 2 >= limit else cut).rstrip(" ,;:-–(") + "…"


def _all_sooner(plan: Plan) -> bool:
    """Say whether the whole order comes sooner than told, rather than some lines of it."""
    told = [line.expected_on for line in plan.delay.order.told.lines] if plan.delay.order.told else []
    if plan.delay.expected_on is None or None in told:
        return False
    return plan.delay.expected_on < max((day for day in told if day), default=date.max)


def _in_part(dates: Sequence[date | None]) -> bool:
    """Say whether some of the dates are known, and others not."""
    return any(dates) and not all(dates)


def _item(line: LineFacts, links: Links, currency: str, as_of: date, late: LateLine | None = None) -> Item:
    expected_on = late.expected_on if late else None
    ships = line.promise is Promise.SHIP
    product = _product(line.product, links, currency)
    return Item(
        product=product,
        quantity=line.owed(as_of),
        ships=ships,
        promised_on=line.promised_on,
        expected_on=expected_on,
        ready=line.ready,
        ordered=line.ordered,
        partly=line.owed(as_of) != line.ordered,
        under_way=tuple(filter(None, map(_sent, line.under_way(as_of)))),
    )


def _sent(parcel: Shipment) -> Sent | None:
    carrier, number = named(parcel.carrier or ""), named(parcel.tracking_number or "")
    url = _web(parcel.tracking_url)
    secure = url if url and url.startswith("https://") else None
    return Sent(carrier, number, secure) if carrier or number or secure else None


def _packed(parcel: Parcel, plan: Plan, links: Links) -> Packed:
    order = plan.delay.order
    lines = {line.number: line for line in order.lines}
    as_of = plan.delay.as_of
    items = (_item(lines[number], links, order.currency, as_of) for number in parcel.lines if number in lines)
    return Packed(tuple(items), parcel.ships_on)


def _product(product: ProductFacts, links: Links, currency: str) -> Product:
    category = product.category and named(product.category)
    return Product(
        name=named(product.name) or named(product.id),
        url=_web(product.url) or _filled(links.product, "product", product.id),
        image=product.image if product.image and product.image.startswith(("https://", "data:image/")) else None,
        category=category,
        category_url=_filled(links.category, "category", product.category) if product.category else None,
        price=product.price,
        currency=currency,
    )


def order_link(links: Links, order: str) -> str:
    """Return the shop's own link for an order."""
    return _filled(links.order, "order", order)


def _web(url: str | None) -> str | None:
    return url if url and url.startswith(("https://", "http://")) and url.isprintable() and " " not in url else None


def _filled(link: Link, name: str, value: str) -> Link:
    return link.replace(f"{{{name}}}", quote(value, safe="")) if link else link
