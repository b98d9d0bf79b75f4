"""Commands that allocate stock and set expected dates."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from app.clock import make_clock
from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Json, Shop, Who, as_date, parse_day

MAX_PRINTED = 20


def allocate(shop: Shop = None, as_of: AsOf = None, *, json: Json = False) -> None:
    """Allocate stock and inbound deliveries to open lines, and compute expected dates. Only changes are written."""
    from app.reports.run import lines
    from app.reports.stock_shortage import shortage_rows
    from flows.allocate import run_allocate

    with open_app(shop) as app, printing.progress("Allocating", quiet=json) as progress:
        report, shortage = asyncio.run(run_allocate(app, as_date(as_of), progress=progress))
    if json:
        printing.print_json({"report": report, "short": shortage})
        return
    printing.print_pairs(lines(report))
    if not report.coverage:
        printing.out.print(
            "No open line has a product with stock or deliveries in the source: the shop's own dates stay."
        )
    if shortage:
        printing.out.print("\n[bold]Products that orders wait for[/]")
        printing.print_table(shortage_rows(shortage[:MAX_PRINTED]), nothing="")


def expect(
    order: Annotated[str, typer.Argument(help="the order's number")],
    line: Annotated[str, typer.Argument(help="the line's number in the order")],
    who: Who,
    day: Annotated[datetime | None, typer.Argument(metavar="DATE", parser=parse_day, help="the expected date")] = None,
    shop: Shop = None,
    *,
    clear: Annotated[bool, typer.Option("--clear", help="clear the date set by staff")] = False,
) -> None:
    """Set the expected date of an open line. It overrides every other source until that day has passed."""
    from tasks.inventory.overrides import clear_override, set_override

    if clear == (day is not None):
        raise typer.BadParameter("give either a DATE or --clear")
    with open_app(shop, create=CreateLedger.NEVER) as app:
        context = make_clock(app.folder.shop.zone, None).snapshot(app.context)
        if day is None:
            clear_override(context, order, line, who)
        else:
            set_override(context, order, line, day.date(), who)
    expected = "by its stock and deliveries" if day is None else f"on {day.date()}"
    printing.out.print(f"Line {line} of order {order} is expected {expected}.", markup=False)
