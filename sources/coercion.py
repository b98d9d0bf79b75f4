"""Convert one value of a shop's data to its type: many spellings are accepted, ambiguous values are not."""

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
from models.reasons import reason_code

MAX_EXACT_FLOAT = 2**53
"""Below it, a float holds every whole number exactly (IEEE 754 binary64)."""
YEARS = range(1900, 2201)
AMOUNT_LIMIT = Decimal(10) ** 12
WHOLE_LIMIT = 10**18
FLAGS = dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True) | dict.fromkeys(
    ("0", "false", "f", "no", "n", "off"), False
)

WHOLE = re.compile(r"[+-]?\d{1,18}(\.0+)?")
NULL_TEXTS = frozenset(
    (
        "",
        "0000-00-00",
        *(f"0000-00-00{separator}00:00{end}" for separator in " T" for end in ("", ":00", ":00.000000", ":00Z")),
    )
)
"""Texts that mean no value. MySQL, and files exported from it, write a missing date as the zero date."""
QUANTITY = re.compile(r"[+-]?\d{1,18}(\.\d+)?")
AMOUNT = re.compile(r"\d+(\.\d*)?(E[+-]\d{1,4})?", re.IGNORECASE)

EXPECTED_DAY = "a date such as 2026-11-30 is right"
EXPECTED_MOMENT = "a date and time such as 2026-11-30 14:05:00, with or without an offset, is right"
EXPECTED_AMOUNT = "an amount such as 12.50 is right: digits, a point for the decimals, no sign or currency"
EXPECTED_UTC = "UTC is written Z or +00:00, as in 2026-11-30 14:05:00Z"
EXPECTED_QUANTITY = "a number such as 3 or 1.5 is right, with at most three decimals"
EXPECTED_WHOLE = "a whole number such as 3 is right"
EXPECTED_YEAR = f"a year from {YEARS[0]} to {YEARS[-1]} is right"
EXPECTED_FLAG = "yes or no is right (also true or false, 1 or 0)"


@dataclass(frozen=True, slots=True)
class Zones:
    """The time zone of moments without an offset, and the shop's time zone, in which dates are communicated."""

    source: ZoneInfo
    shop: ZoneInfo


def _zones(info: ValidationInfo) -> Zones:
    if not isinstance(info.context, Zones):
        raise TypeError("a row is validated with context=Zones(...)")
    return info.context


def _text(value: Any) -> Any:
    if isinstance(value, str):
        if "\0" in value or not _is_valid_text(value):
            raise ValueError("text without NUL characters and halves of surrogate pairs is right")
        # One letter may be one code point or two: macOS writes é as two. Both are the same order id.
        return value if value.isascii() else normalize("NFC", value)
    if isinstance(value, int | Decimal | UUID) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < MAX_EXACT_FLOAT:
        # pandas writes a column of whole numbers with gaps as floats: 17.0 is the key 17.
        return str(int(value))
    if value is None:
        return None
    raise ValueError("text is right")


def _none_to_empty(value: Any) -> Any:
    return "" if value is None else value


def _is_valid_text(value: str) -> bool:
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
    """Return text in lower case."""
    return value.lower() if isinstance(value, str) else value


def reason_code_or_none(value: Any) -> Any:
    """Return text as a reason's code; None where it has no letter or digit, so that no row is rejected for it."""
    return reason_code(value) if isinstance(value, str) else value


def _flag(value: Any) -> bool:
    flag = False if value is None else FLAGS.get(str(value).lower())
    if flag is None:
        raise ValueError(EXPECTED_FLAG)
    return flag


def _whole(value: Any) -> Any:
    if value is None or type(value) is int:
        return value
    if isinstance(value, str) and WHOLE.fullmatch(value):
        return int(value.partition(".")[0])
    if (
        isinstance(value, float | Decimal)
        and isfinite(value)
        and -WHOLE_LIMIT < value < WHOLE_LIMIT
        and value == int(value)
    ):
        return int(value)
    raise ValueError(EXPECTED_WHOLE)


def _quantity(value: Any) -> Any:
    if type(value) is int:
        return value
    if isinstance(value, str) and QUANTITY.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, float | Decimal) and isfinite(value) and -WHOLE_LIMIT < value < WHOLE_LIMIT:
        with suppress(ValueError):
            return normalized(value)
    raise ValueError(EXPECTED_QUANTITY)


def _none_to_zero(value: Any) -> Any:
    return 0 if value is None else value


def _amount(value: Any) -> Any:
    if value is None:
        return None
    text = str(value)
    if not AMOUNT.fullmatch(text):
        raise ValueError(EXPECTED_AMOUNT)
    amount = Decimal(text)
    if amount >= AMOUNT_LIMIT:
        raise ValueError(f"an amount below {AMOUNT_LIMIT:,.0f} is right")
    return amount


def _parse_date(value: Any, expected: str) -> Any:
    """Return a date or datetime from ISO 8601 text, or unchanged. Raises ValueError with what is expected."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if len(value) == len("2026-11-30") else datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(EXPECTED_UTC if value.upper().endswith(("UTC", "GMT")) else expected) from error
    if not isinstance(value, date):
        raise ValueError(expected)  # noqa: TRY004 - pydantic reports a ValueError only
    if value.year not in YEARS:
        raise ValueError(EXPECTED_YEAR)
    return value


def _day(value: Any, info: ValidationInfo) -> Any:
    """Return a date. A timestamp becomes the shop's day, but midnight without an offset is that date itself."""
    if value is None:
        return None
    parsed = _parse_date(value, EXPECTED_DAY)
    if not isinstance(parsed, datetime):
        return parsed
    if parsed.tzinfo is None and parsed.time() == time():
        return parsed.date()
    zones = _zones(info)
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=zones.source)
    return aware.astimezone(zones.shop).date()


def _moment(value: Any, info: ValidationInfo) -> Any:
    """Return a moment in UTC. One without an offset, or a date alone, is in the source's time zone."""
    if value is None:
        return None
    parsed = _parse_date(value, EXPECTED_MOMENT)
    if not isinstance(parsed, datetime):
        parsed = datetime.combine(parsed, time())
    aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=_zones(info).source)
    return aware.astimezone(UTC)


Text = Annotated[str, BeforeValidator(_text)]
TextOrEmpty = Annotated[Text, BeforeValidator(_none_to_empty)]
ZoneName = Annotated[str, BeforeValidator(_zone), BeforeValidator(_text)]
Upper = Annotated[str, BeforeValidator(_upper)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Whole = Annotated[int, BeforeValidator(_whole)]
Pieces = Annotated[Quantity, BeforeValidator(_quantity)]
PiecesOrZero = Annotated[Quantity, BeforeValidator(_quantity), BeforeValidator(_none_to_zero)]
WholeOrZero = Annotated[Whole, BeforeValidator(_none_to_zero)]
Amount = Annotated[Decimal, BeforeValidator(_amount)]
Day = Annotated[date, BeforeValidator(_day)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
