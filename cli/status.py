"""Commands that show the state of the ledger and check the installation."""

from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop
from models.enums import State
from models.policy.policy import ON_TIME
from tasks.db.sql import read_only


def status(shop: Shop = None, *, json: Json = False) -> None:
    """Show the state of open orders, notices, posts and purchase requests, and the latest runs."""
    from app.reports.run import by_delay, counted
    from tasks.reporting.status import load_status as look

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        found, policy = look(connection), app.context.policy
    if json:
        printing.print_json(found)
        return
    printing.print_pairs(
        [
            ("Open orders", counted(by_delay(found.orders, policy) | {"on time": found.orders.get(ON_TIME, 0)})),
            ("Notices", counted(found.notices)),
            ("Posts", counted(found.posts)),
            *([("Purchase requests", counted(found.purchases))] if found.purchases else []),
        ]
    )
    if found.needs_staff:
        printing.out.print(f"\n[bold]{found.needs_staff} messages in doubt need staff: `forewarn in-doubt list`[/]")
    if doubted := found.purchases.get(State.IN_DOUBT):
        said = f"{doubted} purchase requests in doubt need staff: `forewarn vendors waiting`"
        printing.out.print(f"\n[bold]{said}[/]")
    if found.held:
        printing.out.print("\n[bold]Runs that are held: `forewarn release RUN`, or with --drop[/]")
        printing.print_table(found.held, nothing="")
    printing.out.print()
    printing.print_table(found.runs, nothing="No run yet: `forewarn run --import` makes the first.")


def doctor(
    shop: Shop = None,
    *,
    providers: Annotated[
        bool, typer.Option("--providers/--no-providers", help="check whether providers accept the credentials")
    ] = True,
    json: Json = False,
) -> None:
    """Check settings, ledger, source, providers, schedule and clocks. Exits with 1 if something is wrong."""
    from app.health.doctor import examine

    with printing.progress("Checking", quiet=json):
        found = examine(shop, providers=providers)
    if json:
        printing.print_json({"checks": found})
    else:
        printing.print_table(
            [{"": one.mark, "what": one.what, "found": one.found, "do": one.do} for one in found], nothing=""
        )
    if any(one.bad for one in found):
        raise typer.Exit(1)
