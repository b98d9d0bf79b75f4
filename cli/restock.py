"""`forewarn restock`: allocate arrived goods, and record good news and posts about them."""

import asyncio
from typing import Annotated

import typer

from app.composition import open_app
from cli import console as printing
from cli.console import fail_if_not_ok
from cli.options import AsOf, Data, Json, Shop, as_date


def restock(
    shop: Shop = None,
    data: Data = None,
    as_of: AsOf = None,
    *,
    import_first: Annotated[bool, typer.Option("--import", help="import the shop's data first")] = False,
    json: Json = False,
) -> None:
    """Allocate arrived goods, record good news for orders that can ship, and compose posts about what is back."""
    from app.reports.run import lines
    from flows.restock import run_restock

    with open_app(shop, data=data) as app, printing.progress("Restocking", quiet=json) as progress:
        day = as_date(as_of)
        report, posts = asyncio.run(run_restock(app, day, import_first=import_first, progress=progress))
    if json:
        printing.print_json({"report": report, "posts": posts})
    else:
        printing.print_pairs([*lines(report), ("Posts to approve", str(len(posts)))])
    fail_if_not_ok(report)
