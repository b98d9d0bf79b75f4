"""`forewarn prune`: delete what is older than the policy keeps it."""

import asyncio
from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Json, Shop, as_date


def prune(
    shop: Shop = None,
    as_of: AsOf = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="count what would be deleted, and delete nothing")] = False,
    json: Json = False,
) -> None:
    """Delete words, notices, events, offers, runs and replaced dates that are older than the policy keeps them."""
    from app.reports.retention import prune_rows
    from flows.prune import run_prune

    with open_app(shop, create=CreateLedger.NEVER) as app, printing.progress("Deleting", quiet=json) as progress:
        report = asyncio.run(run_prune(app, as_date(as_of), dry_run=dry_run, progress=progress))
        policy = app.context.policy.retention
    if json:
        printing.print_json(report)
    else:
        printing.print_table(prune_rows(policy, report.deleted, dry_run=dry_run), nothing="")
