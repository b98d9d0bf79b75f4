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
Request = Annotated[str, typer.Argument(help="beginning of the purchase request's id")]
MAX_REJECTED_SHOWN = 20
Why = Annotated[str, typer.Option(help="reason; kept in the ledger")]


def _context_of_today(app: App) -> Context:
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

    with open_app(shop) as app, printing.progress("Requesting", quiet=json):
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
        requests = find_requests(app.context, most)
    if json:
        printing.print_json({"requests": requests})
        return
    printing.print_table([_request_row(request) for request in requests], nothing="There are no purchase requests.")


def _request_row(request: dict[str, Any]) -> dict[str, Any]:
    reminder_of, responses = request["reminder_of"], f"{request['responses'] or 0} of {request['lines'] or 0}"
    return {
        "request": request["id"][:8],
        "vendor": f"{request['vendor_id']} {request['name'] or ''}".strip(),
        "channel": request["channel"],
        "state": request["state"].replace("_", " "),
        "created": request["created_at"],
        "responses": f"reminder of {reminder_of[:8]}" if reminder_of else responses,
        "reason": request["reason"],
    }


@vendors.command()
def waiting(shop: Shop = None, *, json: Json = False) -> None:
    """Show what needs staff: requests without a response, refused lines, and requests that cannot be sent."""
    from tasks.purchasing.review import list_waiting

    with open_app(shop, create=CreateLedger.NEVER) as app:
        items = list_waiting(_context_of_today(app))
    if json:
        printing.print_json({"waiting": items})
        return
    rows = [item | {"request": item["request"][:8]} for item in items]
    printing.print_table(rows, nothing="Nothing waits for staff.")


@vendors.command()
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
    from tasks.purchasing.responses import record_responses

    with open_app(shop, create=CreateLedger.NEVER) as app, open_rejects(app.rejected_responses) as reject:
        context = make_clock(app.folder.shop.zone, as_date(as_of)).snapshot(app.context)
        summary = record_responses(context, read_responses(file), who, reject=reject)
        rejects_file = str(app.rejected_responses) if summary.rejected else None
    counts = {"accepted": summary.accepted, "refused": summary.refused, "unchanged": summary.unchanged}
    rejected = [str(row) for row in summary.rejected]
    if json:
        printing.print_json({**counts, "rejected": rejected, "rejects_file": rejects_file})
    else:
        printing.print_pairs([(name.capitalize(), f"{n:,}") for name, n in counts.items()])
        printing.print_pairs([("Rejected", row) for row in rejected[:MAX_REJECTED_SHOWN]])
        printing.print_pairs([("Rejects file", rejects_file)] if rejects_file else [])
    if rejected:
        raise typer.Exit(1)


@vendors.command()
def send(request: Request, who: Who, shop: Shop = None, why: Why = "") -> None:
    """Send a request that is held, dropped or rejected, or that certainly did not arrive."""
    from tasks.purchasing.review import approve_request

    _decide(approve_request, request, who, shop, why, "is sent by the next forward run")


@vendors.command()
def drop(request: Request, who: Who, shop: Shop = None, why: Why = "") -> None:
    """Drop a request: it is never sent, and its lines count as requested."""
    from tasks.purchasing.review import drop_request

    _decide(drop_request, request, who, shop, why, "is dropped")


@vendors.command()
def confirm(request: Request, who: Who, shop: Shop = None, why: Why = "") -> None:
    """Record that a request in doubt arrived."""
    from tasks.purchasing.review import mark_delivered

    _decide(mark_delivered, request, who, shop, why, "counts as sent")


def _decide(decide: Callable[..., str], request: str, who: str, shop: Path | None, why: str, outcome: str) -> None:
    with open_app(shop, create=CreateLedger.NEVER) as app:
        decided = decide(_context_of_today(app), request, who, why)
    printing.out.print(f"Request {decided[:8]} {outcome}.")


@vendors.command()
def reopen(request: Request, who: Who, shop: Shop = None, why: Why = "") -> None:
    """Reopen lines that a vendor refused or that were not sent. The next forward run requests them again."""
    from tasks.purchasing.review import reopen_lines

    with open_app(shop, create=CreateLedger.NEVER) as app:
        lines = reopen_lines(_context_of_today(app), request, who, why)
    printing.out.print(f"{lines} lines will be requested again.")
