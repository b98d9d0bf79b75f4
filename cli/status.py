"""Commands that show the state of the ledger and check the installation."""

from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from app.reports.counts import by_delay, counted
from cli import console as printing
from cli.options import Json, Shop
from models.enums import State
from models.policy.policy import ON_TIME
from tasks.db.sql import read_only


def status(shop: Shop = None, *, json: Json = False) -> None:
    """Show the state of open orders, notices, posts and purchase requests, and the latest runs."""
    from tasks.reporting.status import load_status

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        current, policy = load_status(connection), app.context.policy
    if json:
        printing.print_json(current)
        return
    printing.print_pairs(
        [
            ("Open orders", counted(by_delay(current.orders, policy) | {"on time": current.orders.get(ON_TIME, 0)})),
            ("Notices", counted(current.notices)),
            ("Posts", counted(current.posts)),
            *([("Purchase requests", counted(current.purchases))] if current.purchases else []),
            *([("Webhook events", counted(current.webhooks))] if current.webhooks else []),
        ]
    )
    if taken_at := current.restored_from:
        restored = f"Restored from a backup of {taken_at:%Y-%m-%d %H:%M} UTC"
        sentence = f"{restored}: `forewarn restore --over`, once nothing is in doubt any more"
        printing.out.print(f"\n[bold]{sentence}[/]")
    if current.supervised:
        printing.out.print(
            "\n[bold]The notices of every run wait for a person: `forewarn supervision off` ends that[/]"
        )
    if current.needs_staff:
        printing.out.print(f"\n[bold]{current.needs_staff} messages in doubt need staff: `forewarn in-doubt list`[/]")
    if in_doubt := current.purchases.get(State.IN_DOUBT):
        sentence = f"{in_doubt} purchase requests in doubt need staff: `forewarn vendors waiting`"
        printing.out.print(f"\n[bold]{sentence}[/]")
    if rejected := current.webhooks.get(State.REJECTED):
        sentence = f"Webhook events given up: {rejected}; `forewarn choices webhooks` shows them"
        printing.out.print(f"\n[bold]{sentence}[/]")
    if current.callbacks:
        sentence = f"{current.callbacks} callbacks and texts need staff: `forewarn callbacks list`"
        printing.out.print(f"\n[bold]{sentence}[/]")
    if since := current.alerts_failing_since:
        sentence = f"No alert went through since {since:%Y-%m-%d %H:%M} UTC: `forewarn alerts test` says why"
        printing.out.print(f"\n[bold]{sentence}[/]")
    if current.held:
        printing.out.print("\n[bold]Runs that are held: `forewarn release RUN`, or with --drop[/]")
        printing.print_table(current.held, nothing="")
    printing.out.print()
    printing.print_runs(current.runs)


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
        checks = examine(shop, providers=providers)
    if json:
        printing.print_json({"checks": checks})
    else:
        printing.print_table(
            [{"": check.mark, "what": check.what, "found": check.found, "do": check.remedy} for check in checks],
            nothing="",
        )
    if any(check.bad for check in checks):
        raise typer.Exit(1)
