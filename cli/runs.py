"""Commands that list and release runs."""

from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop, Who, now_of
from tasks.db.sql import read_only

runs = typer.Typer(no_args_is_help=True, help="The runs recorded in the ledger.")


@runs.command("list")
def list_runs(
    shop: Shop = None, limit: Annotated[int, typer.Option("--most", min=1, help="how many")] = 20, *, json: Json = False
) -> None:
    """Show the latest runs, newest first."""
    from tasks.reporting.status import load_status

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        rows = load_status(connection, limit).runs
    if json:
        printing.print_json({"runs": rows})
    else:
        printing.print_runs(rows)


@runs.command("forget-ahead")
def forget_ahead(who: Who, shop: Shop = None) -> None:
    """Forget runs for future days, recorded while the clock was ahead. The next run evaluates every order again."""
    from tasks.guardrails.run_days import discard_days_ahead

    with open_app(shop, create=CreateLedger.NEVER) as app:
        found = discard_days_ahead(now_of(app), who)
    if not found.runs:
        printing.out.print("No run is for a future day.")
        return
    printing.out.print(f"{found.runs:,} runs no longer count; the next run evaluates {found.orders:,} orders.")


def release(
    run: Annotated[str, typer.Argument(help="the held run, by the beginning of its id")],
    who: Who,
    shop: Shop = None,
    why: Annotated[str, typer.Option(help="reason; kept in the ledger")] = "",
    *,
    drop: Annotated[bool, typer.Option("--drop", help="never send its notices")] = False,
) -> None:
    """Release or drop the notices of a held run."""
    from tasks.guardrails.release import ReviewDecision, release_or_drop_run

    with open_app(shop, create=CreateLedger.NEVER) as app:
        result = release_or_drop_run(
            now_of(app), run, ReviewDecision.DROP if drop else ReviewDecision.RELEASE, who, why
        )
    if result.data_accepted:
        printing.out.print(f"Run {result.run[:8]}: its data is accepted; the next run evaluates the orders.")
        return
    outcome = "are dropped" if drop else "leave with the next deliver run"
    printing.out.print(f"Run {result.run[:8]}: {result.notices:,} notices {outcome}.")
