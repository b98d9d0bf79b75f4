"""`forewarn stock`: safety stocks, reorder points and the reorder list."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Json, Shop, as_date

PRINTED = 100
WIDE = 150


def stock(
    shop: Shop = None,
    as_of: AsOf = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="also write the list to this CSV file")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="list all products, not only those to reorder")] = False,
    json: Json = False,
) -> None:
    """Compute safety stocks and reorder points, and list what to order, the most urgent first."""
    from app.reports.stock import FEW, MOST, left_out, row, short_row, write_sheet
    from flows.stock_report import run_stock_report

    with open_app(shop, create=CreateLedger.NEVER) as app, printing.progress("Computing", quiet=json) as progress:
        day = as_date(as_of)
        found = asyncio.run(run_stock_report(app, day, everything=everything, progress=progress))
    if csv is not None:
        write_sheet(csv, found.positions)
    if json:
        listed = [row(one) for one in found.positions]
        counts = {"products": found.products, "changed": found.written, "without_stock": found.unstocked}
        printing.print_json({"as_of": found.as_of, **counts, "list": listed})
        return
    nothing = f"Of {found.products:,} products none is to be ordered now."
    columns = MOST if printing.out.width >= WIDE else FEW
    printing.print_table([short_row(one, columns) for one in found.positions[:PRINTED]], nothing=nothing)
    if (more := len(found.positions) - PRINTED) > 0:
        printing.out.print(f"\n{more:,} more: --csv FILE writes all of them.")
    printing.out.print(left_out(found.unstocked), end="")
    if csv is not None:
        printing.out.print(f"\n{len(found.positions):,} products in {csv}", markup=False)
