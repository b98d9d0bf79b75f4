"""Commands about the legal deadlines of late orders."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Json, Shop, Who, as_date, now_of, parse_day
from models.quantities import counted

promise_clock = typer.Typer(no_args_is_help=True, help="What the law asks for late orders, and by when.")


@promise_clock.command()
def run(shop: Shop = None, as_of: AsOf = None, *, json: Json = False) -> None:
    """Look at the late orders, record the deadlines missed, and show what has to be done by when."""
    from app.reports.promise_clock import duty_row
    from flows.promise_clock import run_promise_clock

    with open_app(shop, create=CreateLedger.NEVER) as app, printing.progress("Checking", quiet=json) as progress:
        report = asyncio.run(run_promise_clock(app, as_date(as_of), progress=progress))
    if json:
        printing.print_json(report.as_data())
        return
    printing.print_table([duty_row(duty, report.as_of) for duty in report.duties], nothing="Nothing is due.")
    for one in report.missed:
        printing.out.print(f"Missed: order {one.order}, line {one.line}: {one.what}", markup=False)
    new, near = counted(len(report.missed), "missed deadline"), len(report.warnings)
    printing.out.print(f"{counted(report.checked, 'order')} looked at; {new}, {near} coming up.", markup=False)


@promise_clock.command()
def refunded(
    order: Annotated[str, typer.Argument(help="the order's number")],
    who: Who,
    shop: Shop = None,
    on: Annotated[
        datetime | None,
        typer.Option(parser=parse_day, metavar="DATE", help="day on which the money went back \\[default: today]"),
    ] = None,
    line: Annotated[list[str] | None, typer.Option(help="number of a line; may be repeated \\[default: all]")] = None,
    why: Annotated[str, typer.Option(help="amount and way of the payment; kept in the ledger")] = "",
) -> None:
    """Record that the money went back: the clock of these lines ends, and the evidence shows it."""
    from tasks.promise_clock.refunds import record_refund

    with open_app(shop, create=CreateLedger.NEVER) as app:
        context = now_of(app)
        lines = record_refund(context, order, line or [], as_date(on) or context.as_of, who, why)
    printing.out.print(f"Order {order}: refund of {counted(len(lines), 'line')} recorded.", markup=False)
