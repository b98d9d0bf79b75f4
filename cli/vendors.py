"""Commands about purchase requests to vendors and their responses."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from app.clock import make_clock
from app.composition import App, open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Json, Shop, Who, as_date
from tasks.context import Context

vendors = typer.Typer(no_args_is_help=True, help="Purchase requests to vendors, and their responses.")
Request = Annotated[str, typer.Argument(help="purchase request, by the beginning of its id")]
Why = Annotated[str, typer.Option(help="reason; kept in the ledger")]


def _now(app: App) -> Context:
    return make_clock(app.folder.shop.zone, None).snapshot(app.context)


@vendors.command()
def forward(
    shop: Shop = None,
    as_of: AsOf = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="show what would be requested; write nothing")] = False,
    json: Json = False,
) -> None:
    """Request backordered and drop-shipped lines from vendors, each piece once, and send reminders."""
    from app.reports.run import lines
    from flows.forward_to_vendors import check_is_today, run_forward_to_vendors

    with open_app(shop) as app, printing.progress("Asking", quiet=json):
        check_is_today(app, as_date(as_of), dry_run=dry_run)
        report = asyncio.run(run_forward_to_vendors(app, as_date(as_of), dry_run=dry_run))
    if json:
        printing.print_json(report)
    else:
        printing.print_pairs(lines(report))
        if report.plans:
            printing.out.print()
            printing.print_table(report.plans, nothing="")
    if not report.ok:
        raise typer.Exit(1)


@vendors.command("list")
def list_requests(
    shop: Shop = None,
    most: Annotated[int, typer.Option(min=1, help="how many")] = 50,
    *,
    json: Json = False,
) -> None:
    """Show the newest purchase requests and reminders."""
    from tasks.purchasing.review import find_requests

    with open_app(shop, create=CreateLedger.NEVER) as app:
        found = find_requests(app.context, most)
    if json:
        printing.print_json({"requests": found})
        return
    printing.print_table([_request(one) for one in found], nothing="Nothing was asked of any vendor so far.")


def _request(one: dict[str, Any]) -> dict[str, Any]:
    reminder_of, answered = one["reminder_of"], f"{one['answered'] or 0} of {one['lines'] or 0}"
    return {
        "request": one["id"][:8],
        "vendor": f"{one['vendor_id']} {one['name'] or ''}".strip(),
        "by": one["channel"],
        "state": one["state"].replace("_", " "),
        "asked": one["created_at"],
        "answered": f"reminds of {reminder_of[:8]}" if reminder_of else answered,
        "reason": one["reason"],
    }


@vendors.command()
def waiting(shop: Shop = None, *, json: Json = False) -> None:
    """Show what needs staff: requests without a response, refused lines, and requests that cannot be sent."""
    from tasks.purchasing.review import list_waiting as look

    with open_app(shop, create=CreateLedger.NEVER) as app:
        found = look(_now(app))
    if json:
        printing.print_json({"waiting": found})
        return
    printing.print_table([one | {"request": one["request"][:8]} for one in found], nothing="Nothing waits for staff.")


@vendors.command("import-responses")
def import_responses(
    file: Annotated[Path, typer.Argument(help="CSV or JSON: request, order, line, answer, reason, promised_on")],
    who: Who,
    shop: Shop = None,
    as_of: AsOf = None,
    *,
    json: Json = False,
) -> None:
    """Import vendors' responses from a file. Rejected rows go to a rejects file."""
    from sources.vendor_responses import read_responses
    from tasks.imports.rejects import open_rejects
    from tasks.purchasing.responses import record_responses as take

    with open_app(shop, create=CreateLedger.NEVER) as app, open_rejects(app.rejected_answers) as refuse:
        context = make_clock(app.folder.shop.zone, as_date(as_of)).snapshot(app.context)
        taken = take(context, read_responses(file), who, refuse=refuse)
        place = str(app.rejected_answers) if taken.bad else None
    counts = {"accepted": taken.accepted, "refused": taken.refused, "unchanged": taken.unchanged}
    if json:
        printing.print_json({**counts, "bad": [str(bad) for bad in taken.bad], "rejects": place})
    else:
        printing.print_pairs([(name.capitalize(), f"{n:,}") for name, n in counts.items()])
        printing.print_pairs([("Bad", str(bad)) for bad in taken.bad[:20]] + ([("Rejects", place)] if place else []))
    if taken.bad:
        raise typer.Exit(1)


@vendors.command()
def send(request: Request, who: Who, shop: Shop = None, why: Why = "") -> None:
    """Send a request that is held, dropped or rejected, or that certainly did not arrive."""
    from tasks.purchasing.review import approve_request

    _decide(approve_request, request, who, shop, why, "leaves with the next forward run")


@vendors.command()
def drop(request: Request, who: Who, shop: Shop = None, why: Why = "") -> None:
    """Drop a request: it is never sent, and its lines count as requested."""
    from tasks.purchasing.review import drop_request as forget

    _decide(forget, request, who, shop, why, "is dropped")


@vendors.command()
def confirm(request: Request, who: Who, shop: Shop = None, why: Why = "") -> None:
    """Record that a request in doubt arrived."""
    from tasks.purchasing.review import mark_delivered as vouch

    _decide(vouch, request, who, shop, why, "counts as sent")


def _decide(decide: Callable[..., str], request: str, who: str, shop: Path | None, why: str, outcome: str) -> None:
    with open_app(shop, create=CreateLedger.NEVER) as app:
        found = decide(_now(app), request, who, why)
    printing.out.print(f"Request {found[:8]} {outcome}.")


@vendors.command()
def reopen(request: Request, who: Who, shop: Shop = None, why: Why = "") -> None:
    """Reopen lines that a vendor refused or that were not sent. The next forward run requests them again."""
    from tasks.purchasing.review import reopen_lines as free

    with open_app(shop, create=CreateLedger.NEVER) as app:
        lines = free(_now(app), request, who, why)
    printing.out.print(f"{lines} lines will be requested again.")
