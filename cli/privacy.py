"""`forewarn erase` and `forewarn export`: what the law asks for about one person."""

import json as jsons
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop, Who, now_of
from models.errors import ForewarnError
from models.private_files import write_private
from models.quantities import counted
from tasks.context import Context

Customer = Annotated[str, typer.Argument(help="the customer's id in the shop's system, or a mail address or number")]


def erase(
    customer: Customer,
    who: Who,
    shop: Shop = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    lift: Annotated[
        bool, typer.Option("--lift", help="let imports bring an erased customer again, who came back")
    ] = False,
    json: Json = False,
) -> None:
    """Erase one person: names, addresses and words go; what must be proved stays without them. Imports respect it."""
    from app.erasure import erase_customer, preview_erasure

    with open_app(shop, create=CreateLedger.NEVER) as app:
        context = now_of(app)
        if lift:
            _lift(context, customer, who, json=json)
            return
        if not yes:
            known, counts = preview_erasure(app, context, customer)
            _confirm(known, counts)
        report = erase_customer(app, context, customer, who)
    if json:
        printing.print_json(report)
        return
    printing.out.print(f"Erased. The customer is {report.customer} now.", markup=False)
    printing.print_table([{"looked through": what, "rows": n} for what, n in report.erased.items()], nothing="")
    printing.out.print("\n[bold]What stays[/]")
    printing.print_pairs(report.stays.items())
    printing.out.print("\n[bold]Not reached from here[/]")
    for place in report.elsewhere:
        printing.out.print(f"  {place}", markup=False)
    if report.compacted is False:
        printing.out.print("\nThe ledger's file was busy: deleted text may be left in it until it is erased again.")


def _lift(context: Context, customer: str, who: str, *, json: bool) -> None:
    from tasks.privacy.lift import lift_erasure

    with context.engine.begin() as connection:
        key = lift_erasure(context, connection, customer, who)
    if json:
        printing.print_json({"lifted": key})
    else:
        printing.out.print(f"The next import brings the customer again, who was {key}.", markup=False)


def export(
    customer: Customer,
    shop: Shop = None,
    json: Annotated[Path | None, typer.Option(help="file to write, for its owner alone")] = None,
) -> None:
    """Show how much is held about one person; with --json, write all of it into a file, unmasked."""
    from app.erasure import export_customer

    with open_app(shop, create=CreateLedger.NEVER) as app:
        held = export_customer(app, now_of(app), customer)
    if json is not None:
        text = jsons.dumps(held, default=printing.plain, ensure_ascii=False, indent=2)
        json.unlink(missing_ok=True)  # an existing file may be readable by others
        write_private(json, text.encode())
    printing.print_table(_summary(held), nothing="Nothing is held.")
    if json is not None:
        printing.out.print(f"\nAll of it is in {json}; only you can read the file.", markup=False)


def _summary(held: dict[str, Any]) -> list[dict[str, str | int]]:
    counts = {what: len(rows) for what, rows in held["held"].items()}
    counts |= {"messages in the local outbox": len(held["files"]), "rejected rows": len(held["rejected_rows"])}
    return [{"held": what, "rows": n} for what, n in counts.items() if n]


def _confirm(customer: str, counts: dict[str, int]) -> None:
    if not sys.stdin.isatty():
        raise ForewarnError("no terminal to ask whether the customer is erased for good: add --yes")
    held = counted(sum(counts.values()), "record")
    typer.confirm(f"{held} here are of customer {customer}. Erase what names them, for good?", abort=True)
