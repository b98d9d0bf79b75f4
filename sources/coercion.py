"""How one value of a shop's data is read: tolerant of how it is written, strict about what it means."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any
from unicodedata import normalize
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, ValidationInfo

from models.quantities import Quantity, normalized

EXACT_BELOW = 2**53
"""Whole numbers below it are told exactly by a float."""
YEARS = range(1900, 2201)
AMOUNTS_BELOW = Decimal(10) ** 12
WHOLES_BELOW = 10**18
FLAGS = dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True) | dict.fromkeys(
    ("0", "false", "f", "no", "n", "off"), False
)

WHOLE = re.compile(r"[+-]?\d{1,18}(\.0+)?")
NOTHING = frozenset(
    ("", "0000-00-00", *(f"0000-00-00{t}00:00{rest}" for t in " T" for rest in ("", ":00", ":00.000000", ":00Z")))
)
"""Text that says nothing; the zero date is how MySQL, and what was filled from it, writes that there is none."""
QUANTITY = re.compile(r"[+-]?\d{1,18}(\.\d+)?")
AMOUNT = re.compile(r"\d+(\.\d*)?(E[+-]\d{1,4})?", re.IGNORECASE)

A_DAY = "a date such as 2026-11-30 is right"
A_MOMENT = "a date and time such as 2026-11-30 14:05:00, with or without an offset, is right"
AN_AMOUNT = "an amount such as 12.50 is right: digits, a point for the decimals, no sign or currency"
UTC_WRITTEN = "UTC is written Z or +00:00, as in 2026-11-30 14:05:00Z"
A_QUANTITY = "a number such as 3 or 1.5 is right, with at most three decimals"
A_WHOLE = "a whole number such as 3 is right"
A_YEAR = f"a year from {YEARS[0]} to {YEARS[-1]} is right"
A_FLAG = "yes or no is right (also true or false, 1 or 0)"


@dataclass(frozen=True, slots=True)
class Zones:
    """The zone in which moments without one are written, and the one whose days are told to customers."""

    source: ZoneInfo
    shop: ZoneInfo


def _zones(info: ValidationInfo) -> Zones:
    if not isinstance(info.context, Zones):
        raise TypeError("a row is validated with context=Zones(...)")
    return info.context


def _text(value: Any) -> Any:
    if isinstance(value, str):
        if "\0" in value or not _whole_text(value):
            raise ValueError("text without NUL characters and halves of surrogate pairs is right")
        # Two ways to write one letter are one: macOS writes é in two characters, and such an order id is no other's.
        return value if value.isascii() else normalize("NFC", value)
    if isinstance(value, int | Decimal | UUID) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_BELOW:
        # A key of which some are missing is written so by pandas and others: 17.0 is the key 17.
        return str(int(value))
    if value is None:
        return None
    raise ValueError("text is right")


def _blank(value: Any) -> Any:
    return "" if value is None else value


def _whole_text(value: str) -> bool:
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False


def _zone(value: Any) -> Any:
    try:
        ZoneInfo(str(value))
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("a time zone such as Europe/Berlin is right") from error
    return value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def lower(value: Any) -> Any:
    """Read a word in any case."""
    return value.lower() if isinstance(value, str) else value


def _flag(value: Any) -> bool:
    flag = False if value is None else FLAGS.get(str(value).lower())
    if flag is None:
        raise ValueError(A_FLAG)
    return flag


def _whole(value: Any) -> Any:
    if value is None or type(value) is int:
        return value
    if isinstance(value, str) and WHOLE.fullmatch(value):
        return int(value.partition(".")[0])
    if (
        isinstance(value, float | Decimal)
        and isfinite(value)
        and -WHOLES_BELOW < value < WHOLES_BELOW
        and value == int(value)
    ):
        return int(value)
    raise ValueError(A_WHOLE)


def _quantity(value: Any) -> Any:
    if type(value) is int:
        return value
    if isinstance(value, str) and QUANTITY.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, float | Decimal) and isfinite(value) and -WHOLES_BELOW < value < WHOLES_BELOW:
        with suppress(ValueError):
            return normalized(value)
    raise ValueError(A_QUANTITY)


def _nothing(value: Any) -> Any:
    return 0 if value is None else value


def _amount(value: Any) -> Any:
    if value is None:
        return None
    written = str(value)
    if not AMOUNT.fullmatch(written):
        raise ValueError(AN_AMOUNT)
    amount = Decimal(written)
    if amount >= AMOUNTS_BELOW:
        raise ValueError(f"an amount below {AMOUNTS_BELOW:,.0f} is right")
    return amount


def _written(value: Any, right: str) -> Any:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == len("2026-11-30") else datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(UTC_WRITTEN if value.upper().endswith(("UTC", "GMT")) else right) from error
    if not isinstance(value, date):
        raise ValueError(right)  # noqa: TRY004 - pydantic makes a refused row of a ValueError only
    if value.year not in YEARS:
        raise ValueError(A_YEAR)
    return value


def _day(value: Any, info: ValidationInfo) -> Any:
    """Read a date; a timestamp becomes the shop's day, save that midnight without an offset only means that day."""
    if value is None:
        return None
    found = _written(value, A_DAY)
    if not isinstance(found, datetime):
        return found
    if found.tzinfo is None and found.time() == time():
        return found.date()
    zones = _zones(info)
    aware = found if found.tzinfo else found.replace(tzinfo=zones.source)
    return aware.astimezone(zones.shop).date()


def _moment(value: Any, info: ValidationInfo) -> Any:
    """Read a moment into UTC; one without an offset, or a bare date, is in the source's zone."""
    if value is None:
        return None
    found = _written(value, A_MOMENT)
    if not isinstance(found, datetime):
        found = datetime.combine(found, time())
    aware = found if found.tzinfo else found.replace(tzinfo=_zones(info).source)
    return aware.astimezone(UTC)


Text = Annotated[str, BeforeValidator(_text)]
TextOrNothing = Annotated[Text, BeforeValidator(_blank)]
ZoneName = Annotated[str, BeforeValidator(_zone), BeforeValidator(_text)]
Upper = Annotated[str, BeforeValidator(_upper)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Whole = Annotated[int, BeforeValidator(_whole)]
Pieces = Annotated[Quantity, BeforeValidator(_quantity)]
PiecesOrZero = Annotated[Quantity, BeforeValidator(_quantity), BeforeValidator(_nothing)]
WholeOrNothing = Annotated[Whole, BeforeValidator(_nothing)]
Amount = Annotated[Decimal, BeforeValidator(_amount)]
Day = Annotated[date, BeforeValidator(_day)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
