"""What a template may see of its values: plain fields, said in words of the trade where a template asks for others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from numbers import Number
from typing import Any

from jinja2 import Undefined
from markupsafe import Markup

from models.config.shop import ShopConfig, in_language
from models.decisions import Discount
from templates.rendering import view_models as facts
from templates.rendering.palette import Palette


@dataclass(frozen=True, slots=True)
class Sender(facts.View):
    """Who the messages come from."""

    name: str
    email: str
    reply_to: str | None


@dataclass(frozen=True, slots=True)
class Help(facts.View):
    """How a customer reaches the shop, in the customer's language."""

    email: str
    phone: str | None
    hours: str | None


@dataclass(frozen=True, slots=True)
class Links(facts.View):
    """The shop's own pages."""

    home: str
    help: str | None


@dataclass(frozen=True, slots=True)
class Shop(facts.View):
    """The shop as templates see it: no method, and nothing of its vendors or its source."""

    name: str
    zone: str
    locale: str
    country: str
    currency: str
    sender: Sender
    help: Help
    links: Links


def shop_view(shop: ShopConfig, language: str) -> Shop:
    """Return the shop as the templates of one language see it.

    A phone number or a link in another language still helps. Hours in another language do not: they are left out.
    """
    ask, links = shop.help, shop.links
    return Shop(
        name=shop.name,
        zone=shop.zone,
        locale=shop.locale,
        country=shop.country,
        currency=shop.currency,
        sender=Sender(shop.sender.name, shop.sender.email, shop.sender.reply_to),
        help=Help(
            email=ask.email,
            phone=in_language(ask.phone, language, shop.locale),
            hours=in_language(ask.hours, language),
        ),
        links=Links(home=links.home, help=in_language(links.help, language, shop.locale)),
    )


_FACTS = (facts.Product, facts.Item, facts.Order, facts.Instead, facts.Packed, facts.Sent, Discount)
_KINDS = (*_FACTS, Shop, Sender, Help, Links, Palette)
FIELDS: dict[type, frozenset[str]] = {kind: frozenset(field.name for field in fields(kind)) for kind in _KINDS}
"""What a template may ask of each kind of value."""

_SAID: dict[type, str] = {
    facts.Instead: "a choice of substitutes",
    facts.Packed: "a parcel",
    facts.Sent: "a parcel under way",
    facts.Item: "an item",
    facts.Order: "an order",
    Help: "shop.help",
    Sender: "shop.sender",
    Links: "shop.links",
    Shop: "the shop",
}
_PRINTED = frozenset({str, Markup, int, Decimal, float, date, datetime})
_ALSO_PRINTED = (str, int, Undefined)
_BASIC = ((bool, "yes or no"), (str, "a text"), (date, "a date"), (Number, "a number"), (Mapping, "a table"))


def said_of(kind: type) -> str:
    """Name a kind of value in plain words, without Python's names for it."""
    if kind in _SAID:
        return _SAID[kind]
    if kind in FIELDS:
        return f"a {kind.__name__.lower()}"
    if kind is type(None):
        return "nothing (none)"
    if issubclass(kind, Sequence) and not issubclass(kind, str):
        return "a list"
    return next((said for basic, said in _BASIC if issubclass(kind, basic)), "this")


def lacks(kind: type, name: object) -> str:
    """Say that a kind of value has nothing of that name, and what it has."""
    has = f"{said_of(kind)} has no attribute {name!r}"
    if kind not in FIELDS:
        return f"{has}: write the name alone" if kind is str else has
    return has + (nearest(str(name), FIELDS[kind]) or f"; it has {', '.join(sorted(FIELDS[kind]))}")


def nearest(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean ...?` where a name looks like a known one, else nothing."""
    near = get_close_matches(name, sorted(names), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def printable(value: Any) -> Any:
    """Return a value that a reader can be shown; raises TypeError for a list, an order, nothing, and so on."""
    kind = type(value)
    if kind in _PRINTED or (isinstance(value, _ALSO_PRINTED) and kind is not bool):
        return value
    what = said_of(kind)
    if kind in FIELDS:
        what += f" as a whole (it has {', '.join(sorted(FIELDS[kind]))})"
    raise TypeError(f"{what} cannot be printed")
