"""Options that many commands share."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from models.errors import ForewarnError

ISO_DATE = "%Y-%m-%d"


def a_day(text: str) -> datetime:
    """Read a day that somebody typed; raises ForewarnError."""
    try:
        return datetime.strptime(text, ISO_DATE)  # noqa: DTZ007 - a day of the shop's, in no zone
    except ValueError:
        raise ForewarnError(f"{text!r} is no day; year, month and day are right, as 2026-11-28") from None


Shop = Annotated[Path | None, typer.Option("--shop", help="the shop's folder \\[default: $FOREWARN_SHOP or ./shop]")]
Data = Annotated[Path | None, typer.Option("--data", help="where the shop's files lie, if not where shop.toml says")]
AsOf = Annotated[
    datetime | None, typer.Option("--as-of", parser=a_day, metavar="DATE", help="the day to live \\[default: today]")
]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object")]


def day_of(given: datetime | None) -> date | None:
    """Return the day that an option names."""
    return given.date() if given else None
