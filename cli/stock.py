"""`forewarn stock`: safety stocks, reorder points and the reorder list."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Json, Shop, as_date

MAX_PRINTED = 100
WIDE_TERMINAL = 150
"""Characters of a line from which on all columns are shown."""


def stock(
    shop: Shop = None,
    as_of: AsOf = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="also write the list to this CSV file")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="list all products, not only those to reorder")] = False,
    json: Json = False,
) -> None:
    """Compute safety stocks and reorder points, and list what to order, the most urgent first."""
    from app.reports import stock as stock_list
    from flows.stock_report import run_stock_report

    with open_app(shop, create=CreateLedger.NEVER) as app, printing.progress("Computing", quiet=json) as progress:
        day = as_date(as_of)
        report = asyncio.run(run_stock_report(app, day, everything=everything, progress=progress))
    if csv is not None:
        stock_list.write_positions(csv, report.positions)
    if json:
        rows = [stock_list.row(position) for position in report.positions]
        counts = {"products": report.products, "changed": report.written, "without_stock": report.unstocked}
        printing.print_json({"as_of": report.as_of, **counts, "list": rows})
        return
    nothing = f"Of {report.products:,} products none has to be ordered now."
    columns = stock_list.WIDE_COLUMNS if printing.out.width >= WIDE_TERMINAL else stock_list.NARROW_COLUMNS
    shown = [stock_list.short_row(position, columns) for position in report.positions[:MAX_PRINTED]]
    printing.print_table(shown, nothing=nothing)
    if (more := len(report.positions) - MAX_PRINTED) > 0:
        printing.out.print(f"\n{more:,} more: --csv FILE writes all of them.")
    printing.out.print(stock_list.unstocked_line(report.unstocked), end="")
    if csv is not None:
        printing.out.print(f"\n{len(report.positions):,} products in {csv}", markup=False)
