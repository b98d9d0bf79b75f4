"""Commands about what providers tell of messages."""

from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from app.reports.counts import counted
from cli import console as printing
from cli.options import Json, Shop, Who, now_of
from models import quantities
from tasks.db.sql import read_only

callbacks = typer.Typer(no_args_is_help=True, help="What providers tell of messages, and texts from customers.")


@callbacks.command("list")
def list_callbacks(
    shop: Shop = None,
    most: Annotated[int, typer.Option("--most", min=1, help="most callbacks to show")] = 50,
    *,
    json: Json = False,
) -> None:
    """Show what staff must look at, the newest first: texts from customers, contradictions, complaints."""
    from tasks.callbacks.review import list_for_staff

    with open_app(shop, create=CreateLedger.NEVER) as app:
        rows = list_for_staff(app.context, most)
    if json:
        printing.print_json({"callbacks": rows})
    else:
        printing.print_table(rows, nothing="Nothing waits for staff.")


@callbacks.command()
def done(
    numbers: Annotated[list[int], typer.Argument(help="numbers of callbacks, as `list` shows them")],
    who: Who,
    shop: Shop = None,
    why: Annotated[str, typer.Option(help="what you did; recorded in the ledger")] = "",
) -> None:
    """Take callbacks off the list, because they were looked at."""
    from tasks.callbacks.review import mark_reviewed

    with open_app(shop, create=CreateLedger.NEVER) as app:
        found = mark_reviewed(app.context, numbers, now_of(app).started_at, who, why)
    printing.out.print(f"{quantities.counted(len(found), 'callback')} off the list.")


@callbacks.command()
def status(shop: Shop = None, *, json: Json = False) -> None:
    """Show how many callbacks came and what they changed, by their source."""
    from tasks.callbacks.review import count_callbacks, last_arrivals

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        counts, last = count_callbacks(connection), last_arrivals(connection)
    if json:
        printing.print_json({"counts": counts, "last": last})
        return
    pairs = [(source.replace("_", " "), counted(effects)) for source, effects in counts.items()]
    pairs += [(f"last {source.replace('_', ' ')}", f"{at:%Y-%m-%d %H:%M} UTC") for source, at in last.items() if at]
    printing.print_pairs(pairs or [("callbacks", "none so far")])
