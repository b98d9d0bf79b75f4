"""Say what templates may read of a value, and name types in words that a template's author knows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from numbers import Number
from typing import Any

from jinja2 import Undefined
from markupsafe import Markup

from templates.rendering.palette import Palette
from templates.rendering.view_models import (
    AnswerView,
    BrandView,
    ChoicesView,
    DiscountView,
    HelpView,
    ItemView,
    LinksView,
    OrderView,
    ParcelView,
    ProductView,
    SenderView,
    ShipmentView,
    ShopView,
    SubstituteView,
)

_TYPE_NAMES: dict[type, str] = {
    ProductView: "a product",
    ItemView: "an item",
    OrderView: "an order",
    SubstituteView: "a choice of substitutes",
    ChoicesView: "the choices",
    ParcelView: "a parcel",
    ShipmentView: "a shipment",
    DiscountView: "a discount",
    AnswerView: "a choice",
    ShopView: "the shop",
    SenderView: "shop.sender",
    HelpView: "shop.help",
    LinksView: "shop.links",
    BrandView: "shop.brand",
    Palette: "a palette",
}
FIELDS: dict[type, frozenset[str]] = {view: frozenset(field.name for field in fields(view)) for view in _TYPE_NAMES}
"""The fields that a template may read of each type."""

_PRINTABLE_TYPES = frozenset({str, Markup, int, Decimal, float, date, datetime})
_PRINTABLE_BASES = (str, int, Undefined)
_BASIC_TYPES = ((bool, "true or false"), (str, "a text"), (date, "a date"), (Number, "a number"), (Mapping, "a table"))


def describe_type(kind: type) -> str:
    """Name a type in plain words, as `a date`."""
    if kind in _TYPE_NAMES:
        return _TYPE_NAMES[kind]
    if kind is type(None):
        return "no value (none)"
    if issubclass(kind, Sequence) and not issubclass(kind, str):
        return "a list"
    return next((name for basic, name in _BASIC_TYPES if issubclass(kind, basic)), "this value")


def describe_missing_field(kind: type, name: object) -> str:
    """Return a sentence that a type has no such field, with the nearest field or all of them."""
    sentence = f"{describe_type(kind)} has no attribute {name!r}"
    if kind not in FIELDS:
        return f"{sentence}: write the variable's name alone" if kind is str else sentence
    return sentence + (suggest(str(name), FIELDS[kind]) or f"; it has {', '.join(sorted(FIELDS[kind]))}")


def suggest(name: str, names: Iterable[str]) -> str:
    """Return `; did you mean ...?` where a name looks like a known one, else an empty text."""
    nearest = get_close_matches(name, sorted(names), 1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""


def check_printable(value: Any) -> Any:
    """Return a value that readers can be shown; raises TypeError for a list, an order, no value, and so on."""
    kind = type(value)
    if kind in _PRINTABLE_TYPES or (isinstance(value, _PRINTABLE_BASES) and kind is not bool):
        return value
    what = describe_type(kind)
    if kind in FIELDS:
        what += f" as a whole (it has {', '.join(sorted(FIELDS[kind]))})"
    raise TypeError(f"{what} cannot be printed")
