"""Options that many commands share."""

import getpass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.clock import make_clock
from app.composition import App
from models.errors import ForewarnError
from tasks.context import Context

ISO_DATE = "%Y-%m-%d"


def parse_day(text: str) -> datetime:
    """Read a day that somebody typed; raises ForewarnError."""
    try:
        return datetime.strptime(text, ISO_DATE)  # noqa: DTZ007 - a day of the shop's, in no zone
    except ValueError:
        raise ForewarnError(f"{text!r} is not a date; write year, month and day, such as 2026-11-28") from None


Shop = Annotated[Path | None, typer.Option("--shop", help="the shop's folder \\[default: $FOREWARN_SHOP or ./shop]")]
Data = Annotated[Path | None, typer.Option("--data", help="folder of the shop's files \\[default: as in shop.toml]")]
AsOf = Annotated[
    datetime | None,
    typer.Option("--as-of", parser=parse_day, metavar="DATE", help="the shop's day to use \\[default: today]"),
]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object")]


def as_date(given: datetime | None) -> date | None:
    """Return the day that an option names."""
    return given.date() if given else None


Who = Annotated[
    str,
    typer.Option(
        help="who decided; recorded in the ledger \\[default: your login]",
        default_factory=getpass.getuser,
        show_default=False,
    ),
]


def now_of(app: App, as_of: datetime | None = None) -> Context:
    """Return the context of this moment, or of the day asked for."""
    return make_clock(app.folder.shop.zone, as_date(as_of), ahead=True).snapshot(app.context)
