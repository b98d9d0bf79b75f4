"""Options that many commands share."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

Shop = Annotated[Path | None, typer.Option("--shop", help="the shop's folder \\[default: $FOREWARN_SHOP or ./shop]")]
Data = Annotated[Path | None, typer.Option("--data", help="where the shop's files lie, if not where shop.toml says")]
AsOf = Annotated[
    datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="the day to live \\[default: today]")
]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object")]


def day_of(given: datetime | None) -> date | None:
    """Return the day that an option names."""
    return given.date() if given else None
