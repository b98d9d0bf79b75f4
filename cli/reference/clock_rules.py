"""The part of docs/policy.md about the legal clock: the keys of a country, and each country's values."""

from collections.abc import Iterator
from enum import Enum

from pydantic import BaseModel

from app.safe_text import markdown_table
from models.policy.promise_clock import CountryRules, PromiseClockPolicy

ABOUT = """Each country is a table, as `[promise_clock.country.US]`; a country that `policy.toml` has replaces the one
below with all its keys, and the others stay. [promise-clock.md](promise-clock.md) names the texts behind the numbers.
"""
HOUSE = """A value with `(house)` is the house's own choice: no law that was read says it. Counsel checks those first.
A cell with – has the key's default.
"""


def country_values() -> Iterator[str]:
    """Yield the values of each country, as one table by key and country."""
    countries = PromiseClockPolicy().country
    keys = [name for name in CountryRules.model_fields if name != "house_choices"]
    yield HOUSE
    yield markdown_table(
        ("key", *countries), (("`" + key + "`", *(_value(rules, key) for rules in countries.values())) for key in keys)
    )


def _value(rules: CountryRules, key: str) -> str:
    value, house = getattr(rules, key), key in rules.house_choices
    if value == CountryRules.model_fields[key].get_default() and not house:
        return "–"
    return f"{_shown(value)} (house)" if house else _shown(value)


def _shown(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case Enum():
            return str(value.value)
        case BaseModel():
            percent, days = value.model_dump().values()
            return f"{percent} %" + (f" up to {days} days" if days is not None else "")
        case dict():
            return ", ".join(f"{name}: {words}" for name, words in value.items())
        case tuple():
            return ", ".join(map(_shown, value))
        case _:
            return str(value)
