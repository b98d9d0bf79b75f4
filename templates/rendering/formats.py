"""Money, dates and plurals as the customer's locale writes them; the filters that templates use."""

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
from templates.rendering.template_fields import said_of

_NAMED = ("full", "long", "medium", "short")
_WHOLE = {"yMMMMd": "long", "yMMMd": "medium"}
"""Skeletons that Babel lacks in some languages, and then writes shorter, as the CLDR's forms that they name."""
_DAY, _TIME = frozenset("yMLEd"), frozenset("hHms")
"""The letters of a CLDR skeleton: year, month, weekday and day; hour, minute and second."""
_REMEMBERED = 8192


@lru_cache(_REMEMBERED)
def known(name: str) -> Locale | None:
    """Return the locale of that name, written with `_` or `-`, or None."""
    try:
        return Locale.parse(name, sep="-" if "-" in name else "_")
    except (ValueError, UnknownLocaleError):
        return None


def match(asked: str, there: Collection[str]) -> str | None:
    """Return the locale among those there that speaks the language asked for, its own country's first, or None."""
    wanted = known(asked)
    if wanted is None:
        return None
    kin = sorted(name for name in there if (locale := known(name)) and locale.language == wanted.language)
    return next((name for name in (str(wanted), wanted.language) if name in kin), kin[0] if kin else None)


@lru_cache(_REMEMBERED)
def _date(value: date, form: str, locale: str) -> str:
    if form in _NAMED:
        return format_date(value, form, locale)
    _skeleton(form, value)
    return format_skeleton(form, value, locale=locale)


@lru_cache(_REMEMBERED)
def _money(amount: Decimal, currency: str, locale: str) -> str:
    return format_currency(amount, currency, locale=locale)


@lru_cache(_REMEMBERED)
def _percent(value: Decimal, locale: str) -> str:
    return format_percent(value / 100, "#,##0.##%" if value % 1 else None, locale=locale)


@lru_cache(_REMEMBERED)
def _days(count: int, locale: str) -> str:
    # Not format_unit: Babel 2.18 writes `9 duration-day` in Portuguese.
    return format_timedelta(timedelta(days=count), granularity="day", threshold=10**6, locale=locale)


@lru_cache(_REMEMBERED)
def _quantity(value: Quantity, locale: str) -> str:
    return format_decimal(value, "#,##0.###", locale=locale)


@lru_cache(_REMEMBERED)
def _form(count: Quantity, locale: str) -> str:
    return Locale.parse(locale).plural_form(count)


@pass_context
def show_date(context: Context, value: date, form: str = "long") -> str:
    """Write a date; `form` is full, long, medium, short, or a CLDR skeleton such as MMMd.

    A skeleton without a year gets one where the date is not in the year of `today`.
    Raises TypeError for anything else: Babel would write today's date where none is known. Raises ValueError for a form
    that is no skeleton: Babel would write what it takes for the nearest one.
    """
    if not isinstance(value, date):
        raise TypeError(f"date writes a day, not {said_of(type(value))}")
    today = context.get("today")
    if today and value.year != today.year and {"M", "d"} <= set(form) and "y" not in form:
        form = f"y{form}"
        form = _WHOLE.get(form, form)
    return _date(value, form, context["locale"])


@pass_context
def show_money(context: Context, amount: Decimal, currency: str) -> str:
    """Write an amount with its currency; raises TypeError for an amount or a currency that is none."""
    _number("money", amount)
    if not isinstance(currency, str) or not currency.strip():
        raise TypeError(f"money needs a currency such as 'EUR', not {said_of(type(currency))}")
    return _money(amount, currency, context["locale"])


@pass_context
def show_percent(context: Context, value: Decimal) -> str:
    """Write a percent; 10 is ten percent. Raises TypeError for anything but a number."""
    _number("percent", value)
    return _percent(value, context["locale"])


@pass_context
def show_days(context: Context, count: int) -> str:
    """Write a number of days, as `1 day` or `9 days`; raises TypeError for anything but a number."""
    _number("days", count)
    return _days(count, context["locale"])


@pass_context
def show_number(context: Context, value: Quantity) -> str:
    """Write a quantity, as `3` or `1.5`; raises TypeError for anything else."""
    _number("number", value)
    return _quantity(value, context["locale"])


@pass_context
def plural(context: Context, count: Quantity, **forms: str) -> str:
    """Choose the form that goes with a number by CLDR's rules; `other` where that form is not given.

    Raises TypeError for anything but a number, and where `other` is not given.
    """
    _number("plural", count)
    if "other" not in forms:
        raise TypeError('plural needs the form `other`, as in plural(one="item", other="items")')
    return forms.get(_form(count, context["locale"]), forms["other"])


def _number(name: str, value: object) -> None:
    if not isinstance(value, int | Decimal | float) or isinstance(value, bool):
        raise TypeError(f"{name} writes a number, not {said_of(type(value))}")


def _skeleton(form: str, value: date) -> None:
    runs = [run[0] for run in re.findall(r"((\w)\2*)", form)]
    letters = [run[0] for run in runs]
    if "".join(runs) != form or not letters or len(set(letters)) < len(letters) or set(letters) - _DAY - _TIME:
        raise ValueError(f"date knows no form {form!r}; {', '.join(_NAMED)}, or letters such as MMMMd are right")
    if set(letters) & _TIME and not isinstance(value, datetime):
        raise ValueError(f"date cannot write the time that {form!r} asks for: the value is a day")


FILTERS: dict[str, Callable[..., Any]] = {
    "date": show_date,
    "money": show_money,
    "percent": show_percent,
    "days": show_days,
    "number": show_number,
    "plural": plural,
}
