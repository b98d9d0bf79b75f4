"""`forewarn restock`: what to do when goods have arrived."""

import asyncio
from typing import Annotated

import typer

from app.composition import open_house
from cli import console as printing
from cli.console import fail_if_not_ok
from cli.options import AsOf, Data, Json, Shop, day_of


def restock(
    shop: Shop = None,
    data: Data = None,
    as_of: AsOf = None,
    *,
    take_in: Annotated[bool, typer.Option("--import", help="take the shop's facts in first")] = False,
    json: Json = False,
) -> None:
    """Share out what has arrived, owe good news to those whose orders can go, and compose posts about what is back."""
    from app.reports.run import lines
    from flows.restock import bring_good_news

    with open_house(shop, data=data) as house, printing.working("Restocking", quiet=json) as progress:
        day = day_of(as_of)
        report, posts = asyncio.run(bring_good_news(house, day, take_in=take_in, progress=progress))
    if json:
        printing.as_json({"report": report, "posts": posts})
    else:
        printing.pairs([*lines(report), ("Posts to approve", str(len(posts)))])
    fail_if_not_ok(report)
