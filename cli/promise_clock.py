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


Order = Annotated[str, typer.Argument(help="the order's number")]
Lines = Annotated[list[str] | None, typer.Option(help="number of a line; may be repeated \\[default: all]")]
LetterDay = Annotated[
    datetime | None,
    typer.Option(
        parser=parse_day,
        metavar="DATE",
        help="day on which the letter came, or was sent where the law counts that \\[default: today]",
    ),
]


@promise_clock.command()
def refunded(
    order: Order,
    who: Who,
    shop: Shop = None,
    on: Annotated[
        datetime | None,
        typer.Option(parser=parse_day, metavar="DATE", help="day on which the money went back \\[default: today]"),
    ] = None,
    line: Lines = None,
    why: Annotated[str, typer.Option(help="amount and way of the payment; kept in the ledger")] = "",
) -> None:
    """Record that the money went back: the clock of these lines ends, and the evidence shows it."""
    from tasks.promise_clock.staff_records import record_refund

    with open_app(shop, create=CreateLedger.NEVER) as app:
        context = now_of(app)
        lines = record_refund(context, order, line or [], as_date(on) or context.as_of, who, why)
    printing.out.print(f"Order {order}: refund of {counted(len(lines), 'line')} recorded.", markup=False)


@promise_clock.command("extra-time")
def extra_time(
    order: Order,
    until: Annotated[datetime, typer.Option(parser=parse_day, metavar="DATE", help="last day of the period")],
    who: Who,
    shop: Shop = None,
    on: LetterDay = None,
    line: Lines = None,
    why: Annotated[str, typer.Option(help="how the customer said so; kept in the ledger")] = "",
) -> None:
    """Record that the customer set a further period, in a letter or on the phone."""
    from models.promise_clock import AnswerKind, ClockAnswer
    from tasks.promise_clock.staff_records import record_letter

    with open_app(shop, create=CreateLedger.NEVER) as app:
        context = now_of(app)
        answer = ClockAnswer(AnswerKind.EXTRA_TIME, as_date(on) or context.as_of, until.date())
        lines = record_letter(context, order, line or [], answer, who, why)
    printing.out.print(f"Order {order}: further period until {until:%Y-%m-%d} for {_lines(lines)}.", markup=False)


@promise_clock.command()
def ended(
    order: Order,
    who: Who,
    shop: Shop = None,
    on: LetterDay = None,
    line: Lines = None,
    why: Annotated[str, typer.Option(help="how the customer said so; kept in the ledger")] = "",
) -> None:
    """Record that the customer ended the contract, in a letter or on the phone: its lines are cancelled."""
    from models.promise_clock import AnswerKind, ClockAnswer
    from tasks.customers.staff_cancellations import cancel_lines
    from tasks.promise_clock.staff_records import record_letter

    with open_app(shop, create=CreateLedger.NEVER) as app:
        context = now_of(app)
        answer = ClockAnswer(AnswerKind.END, as_date(on) or context.as_of)
        lines = record_letter(context, order, line or [], answer, who, why)
        left = cancel_lines(context, order, lines, who)
    printing.out.print(f"Order {order}: the contract about {_lines(lines)} is ended.", markup=False)
    if left:
        printing.out.print(f"Not cancelled here: line {', '.join(left)}. The shop's system has to.", markup=False)


@promise_clock.command("taken-back")
def taken_back(
    order: Order,
    who: Who,
    shop: Shop = None,
    line: Lines = None,
    why: Annotated[str, typer.Option(help="kept in the ledger")] = "",
) -> None:
    """Let the further period or the end that was recorded count no more: it was wrong, or the customer agreed."""
    from tasks.promise_clock.staff_records import take_letters_back

    with open_app(shop, create=CreateLedger.NEVER) as app:
        lines = take_letters_back(now_of(app), order, line or [], who, why)
    printing.out.print(f"Order {order}: what letters said of {_lines(lines)} counts no more.", markup=False)


def _lines(numbers: list[str]) -> str:
    return f"line {numbers[0]}" if len(numbers) == 1 else counted(len(numbers), "line")
