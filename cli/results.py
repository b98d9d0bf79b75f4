"""`forewarn results`: count again what messages led to, and print it."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop, as_date, now_of, parse_day
from models.errors import ForewarnError

DEFAULT_DAYS = 90

FirstDay = Annotated[
    datetime | None,
    typer.Option("--from", parser=parse_day, metavar="DATE", help="first day \\[default: 90 days before the last]"),
]
LastDay = Annotated[
    datetime | None, typer.Option("--to", parser=parse_day, metavar="DATE", help="last day \\[default: today]")
]


def results(first: FirstDay = None, last: LastDay = None, shop: Shop = None, *, json: Json = False) -> None:
    """Count again what the messages of a period led to, as the desk's page Results shows it, and print it."""
    from tasks.db.sql import read_only
    from tasks.desk.results import load_results
    from tasks.reporting.result_days import count_results
    from tasks.reporting.result_schedule import result_days_between

    with open_app(shop, create=CreateLedger.NEVER) as app:
        context = now_of(app, None)
        to = min(as_date(last) or context.as_of, context.as_of)
        begins = as_date(first) or to - timedelta(days=DEFAULT_DAYS - 1)
        if begins > to:
            raise ForewarnError(f"the first day, {begins}, is after the last one, {to}")
        with printing.progress("Counting", quiet=json):
            count_results(context, result_days_between(context, begins, to, context.as_of), context.started_at)
        with read_only(context.engine) as connection:
            found = load_results(context.policy, connection, begins, to)
    if json:
        printing.print_json(found)
        return
    shown = ("told", "reached", "answered", "waited", "swapped", "cancelled", "codes", "redeemed")
    rows = [{"bucket": row.bucket} | {name: f"{getattr(row, name):,}" for name in shown} for row in found.rows]
    printing.print_table(rows, nothing="No message left in these days.")
