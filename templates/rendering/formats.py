"""Define the filters of templates: dates, money, numbers and plurals as the customer's locale writes them."""

import re
from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_timedelta
from babel.numbers import format_currency, format_decimal, format_percent
from jinja2 import pass_context
from jinja2.runtime import Context

from models.quantities import Quantity
from templates.rendering.template_fields import describe_type

_NAMED_FORMS = ("full", "long", "medium", "short")
_FORM_OF_SKELETON = {"yMMMMd": "long", "yMMMd": "medium"}
"""Skeletons that Babel shortens in some languages, and the CLDR formats with the same meaning."""
_DATE_LETTERS, _TIME_LETTERS = frozenset("yMLEd"), frozenset("hHms")
"""The letters of a CLDR skeleton: year, month, weekday and day; hour, minute and second."""
_FRENCH_FIRST = re.compile(r"(?<!\d)1(?=\s[^\W\d])")
_CACHE_SIZE = 8192


@lru_cache(_CACHE_SIZE)
def language_name(language: str) -> str:
    """Return a language's name in English, as `Portuguese (Brazil)`."""
    return str(Locale.parse(language).get_display_name("en") or language)


@lru_cache(_CACHE_SIZE)
def parse_locale(name: str) -> Locale | None:
    """Return the locale of a name written with `_` or `-`; None if there is none."""
    try:
        return Locale.parse(name, sep="-" if "-" in name else "_")
    except (ValueError, UnknownLocaleError):
        return None


def match_locale(name: str, available: Collection[str]) -> str | None:
    """Return the available locale of the same language, preferably of the same country; None if there is none."""
    wanted = parse_locale(name)
    if wanted is None:
        return None
    matches = sorted(
        other for other in available if (locale := parse_locale(other)) and locale.language == wanted.language
    )
    return next(
        (exact for exact in (str(wanted), wanted.language) if exact in matches), matches[0] if matches else None
    )


@lru_cache(_CACHE_SIZE)
def _date(value: date, form: str, locale: str) -> str:
    if form not in _NAMED_FORMS:
        _require_skeleton(form, value)
    return write_date(value, form, locale)


def write_date(value: date, form: str, locale: str) -> str:
    """Write a date in a named form or by a CLDR skeleton, and the first of a month as French does, as `1er juin`."""
    text = format_date(value, form, locale) if form in _NAMED_FORMS else format_skeleton(form, value, locale=locale)
    if value.day == 1 and locale.startswith("fr"):
        # CLDR writes `1 juin`; every French reader writes `1er juin`.
        return _FRENCH_FIRST.sub("1er", text)
    return text


@lru_cache(_CACHE_SIZE)
def _money(amount: Decimal, currency: str, locale: str) -> str:
    return format_currency(amount, currency, locale=locale)


@lru_cache(_CACHE_SIZE)
def _percent(value: Decimal, locale: str) -> str:
    return format_percent(value / 100, "#,##0.##%" if value % 1 else None, locale=locale)


@lru_cache(_CACHE_SIZE)
def _days(count: int, locale: str) -> str:
    # Not format_unit: Babel 2.18 writes `9 duration-day` in Portuguese.
    return format_timedelta(timedelta(days=count), granularity="day", threshold=10**6, locale=locale)


@lru_cache(_CACHE_SIZE)
def _quantity(value: Quantity, locale: str) -> str:
    return format_decimal(value, "#,##0.###", locale=locale)


@lru_cache(_CACHE_SIZE)
def _plural_form(count: Quantity, locale: str) -> str:
    return Locale.parse(locale).plural_form(count)


@pass_context
def format_date_filter(context: Context, value: date, form: str = "long") -> str:
    """Format a date; `form` is full, long, medium, short, or a CLDR skeleton such as MMMd.

    A skeleton without a year gets one where the date is not in the year of `today`.
    Raises TypeError for anything but a date: Babel would write today's date for an unknown one.
    Raises ValueError for an unknown form: Babel would use the nearest one.
    """
    if not isinstance(value, date):
        raise TypeError(f"date needs a date, not {describe_type(type(value))}")
    today = context.get("today")
    if today and value.year != today.year and {"M", "d"} <= set(form) and "y" not in form:
        form = f"y{form}"
        form = _FORM_OF_SKELETON.get(form, form)
    return _date(value, form, context["locale"])


@pass_context
def format_money(context: Context, amount: Decimal, currency: str) -> str:
    """Format an amount with its currency; raises TypeError for a wrong amount or currency."""
    _require_number("money", amount)
    if not isinstance(currency, str) or not currency.strip():
        raise TypeError(f"money needs a currency such as 'EUR', not {describe_type(type(currency))}")
    return _money(amount, currency, context["locale"])


@pass_context
def format_percent_filter(context: Context, value: Decimal) -> str:
    """Format a percentage; 10 is ten percent. Raises TypeError for anything but a number."""
    _require_number("percent", value)
    return _percent(value, context["locale"])


@pass_context
def format_days(context: Context, count: int) -> str:
    """Format a number of days, as `1 day` or `9 days`; raises TypeError for anything but a number."""
    _require_number("days", count)
    return _days(count, context["locale"])


@pass_context
def format_number(context: Context, value: Quantity) -> str:
    """Format a quantity, as `3` or `1.5`; raises TypeError for anything else."""
    _require_number("number", value)
    return _quantity(value, context["locale"])


@pass_context
def choose_plural(context: Context, count: Quantity, **forms: str) -> str:
    """Choose the plural form of a number by CLDR's rules; `other` where that form is missing.

    Raises TypeError for anything but a number, and where `other` is missing.
    """
    _require_number("plural", count)
    if "other" not in forms:
        raise TypeError('plural needs the form `other`, as in plural(one="item", other="items")')
    return forms.get(_plural_form(count, context["locale"]), forms["other"])


def _require_number(name: str, value: object) -> None:
    if not isinstance(value, int | Decimal | float) or isinstance(value, bool):
        raise TypeError(f"{name} needs a number, not {describe_type(type(value))}")


def _require_skeleton(form: str, value: date) -> None:
    runs = [run[0] for run in re.findall(r"((\w)\2*)", form)]
    letters = [run[0] for run in runs]
    if (
        "".join(runs) != form
        or not letters
        or len(set(letters)) < len(letters)
        or set(letters) - _DATE_LETTERS - _TIME_LETTERS
    ):
        raise ValueError(f"date has no format {form!r}; use {', '.join(_NAMED_FORMS)}, or letters such as MMMMd")
    if set(letters) & _TIME_LETTERS and not isinstance(value, datetime):
        raise ValueError(f"date cannot format {form!r}: the value has no time")


FILTERS: dict[str, Callable[..., Any]] = {
    "date": format_date_filter,
    "money": format_money,
    "percent": format_percent_filter,
    "days": format_days,
    "number": format_number,
    "plural": choose_plural,
}
