"""Commands about the runs in the ledger."""

from typing import Annotated

import typer

from flows import printing
from flows.cli_ledger import Who, now_of
from flows.house import open_house
from flows.ledgers import Begin
from flows.options import Json, Shop
from tasks.db import reading

runs = typer.Typer(no_args_is_help=True, help="The runs that the ledger knows.")


@runs.command("list")
def list_runs(
    shop: Shop = None, most: Annotated[int, typer.Option(min=1, help="how many")] = 20, *, json: Json = False
) -> None:
    """Show the latest runs, newest first."""
    from tasks.status import status

    with open_house(shop, begin=Begin.NEVER) as house, reading(house.desk.engine) as connection:
        found = status(connection, most).runs
    if json:
        printing.as_json({"runs": found})
    else:
        printing.rows(found, nothing="No run yet: `forewarn run --import` makes the first.")


@runs.command("forget-ahead")
def forget_ahead(who: Who, shop: Shop = None) -> None:
    """Forget the runs of days that have not come: the clock was ahead. Every order is looked at again."""
    from tasks.run_days import forget_days_ahead

    with open_house(shop, begin=Begin.NEVER) as house:
        found = forget_days_ahead(house.desk, now_of(house), who)
    if not found.runs:
        printing.out.print("No run is of a day that has not come.")
        return
    printing.out.print(f"{found.runs:,} runs count no more; {found.orders:,} orders are looked at by the next run.")
