"""`forewarn evidence`: what the ledger can prove about one order."""

from pathlib import Path
from typing import Annotated, Any

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import AsOf, Json, Shop, now_of
from models.private_files import write_private
from tasks.db.sql import read_only


def evidence(
    order: Annotated[str, typer.Argument(help="the order's number")],
    shop: Shop = None,
    as_of: AsOf = None,
    html: Annotated[Path | None, typer.Option(help="file to write as a page that can be printed")] = None,
    *,
    json: Json = False,
) -> None:
    """Show what was promised, told, delivered, answered and refunded, each with its time and source."""
    from tasks.promise_clock.evidence import load_evidence

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        found = load_evidence(now_of(app, as_of), connection, order)
    if html is not None:
        from web.evidence.page import evidence_page

        write_private(html, evidence_page(found).encode())
    if json:
        printing.print_json(found)
    elif html is not None:
        printing.out.print(f"The evidence of order {order} is in {html}; it names the customer.", markup=False)
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    printing.print_pairs([("Order", found["order"]), ("Customer", found["customer"]["name"])])
    for line in found["lines"]:
        printing.out.print(f"\nLine {line['line']}, by the rules of {line['country']}:", markup=False)
        for entry in line["timeline"]:
            printing.out.print(f"  {entry['on']}  {entry['what']}", markup=False)
    printing.out.print("\n[bold]Messages[/]")
    told = [{name: notice[name] for name in ("channel", "sent_at", "became", "subject")} for notice in found["told"]]
    printing.print_table(told, nothing="none")
    printing.out.print("\n[bold]Answers[/]")
    answers = [{name: one[name] for name in ("id", "made_at", "act", "state")} for one in found["answered"]]
    printing.print_table(answers, nothing="none")
    printing.out.print("\n[bold]Refunds[/]")
    printing.print_table(found["refunded"], nothing="none")
