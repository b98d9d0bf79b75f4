"""Commands that export offers and handling dates."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Shop, now_of, parse_day

offers = typer.Typer(no_args_is_help=True, help="Export offers and handling dates.")


@offers.command()
def export(
    file: Annotated[Path, typer.Argument(help="CSV file to write")],
    shop: Shop = None,
    since: Annotated[
        datetime | None, typer.Option(parser=parse_day, metavar="DATE", help="only offers made on or after this day")
    ] = None,
) -> None:
    """Write the offers as CSV, so that the shop's system can import the codes."""
    from tasks.offers.exports import export_offers as write

    with open_app(shop, create=CreateLedger.NEVER) as app:
        written = write(app.context, file, since.date() if since else None)
    printing.out.print(f"{written:,} offers in {file}", markup=False)


@offers.command("handling-dates")
def handling_dates(
    file: Annotated[Path, typer.Argument(help="CSV file to write")], shop: Shop = None, as_of: AsOf = None
) -> None:
    """Write new handling dates as CSV, for order lines with short delays that get no notice."""
    from tasks.offers.exports import export_handling_dates

    with open_app(shop, create=CreateLedger.NEVER) as app:
        written = export_handling_dates(app.context, file, now_of(app, as_of).as_of)
    printing.out.print(f"{written:,} order lines in {file}", markup=False)
