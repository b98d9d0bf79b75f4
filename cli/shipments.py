"""Commands about shipping plans."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from app.safe_text import escape_control
from cli import console as printing
from cli.options import AsOf, Json, Shop, Who, now_of
from models.shipments import ShippingPreference
from tasks.db.sql import read_only

shipments = typer.Typer(
    no_args_is_help=True, help="Orders whose lines are ready on different days: shipped in parts or complete."
)
PRINTED = 100


@shipments.command("list")
def list_parcels(shop: Shop = None, as_of: AsOf = None, *, json: Json = False) -> None:
    """Show the orders that ship in parts, the next to ship first."""
    from tasks.shipments.packing_list import find_parcels

    with open_app(shop, create=CreateLedger.NEVER) as app:
        found = find_parcels(app.context, now_of(app, as_of).as_of)
    if json:
        printing.print_json({"orders": found})
        return
    nothing = "No order is to be sent in parts; `forewarn allocate` decides it anew."
    printing.print_table([_shown(one) for one in found[:PRINTED]], nothing=nothing)
    if (more := len(found) - PRINTED) > 0:
        printing.out.print(f"\n{more:,} more: --json lists all of them.")


def _shown(one: dict[str, Any]) -> dict[str, Any]:
    leave = [parcel["ships_on"] or "no date" for parcel in one["parcels"]]
    return {"order": one["order_id"], "leave on": leave, "why": one["why"]}


@shipments.command()
def export(
    csv: Annotated[Path | None, typer.Option("--csv", help="CSV file to write \\[default: print it]")] = None,
    shop: Shop = None,
    as_of: AsOf = None,
) -> None:
    """Write a packing list as CSV, for orders whose lines are ready on different days."""
    from tasks.csv_files import csv_text, write_csv
    from tasks.shipments.packing_list import COLUMNS, packing_rows

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        found = packing_rows(app.context, connection, now_of(app, as_of).as_of)
    if csv is None:
        sys.stdout.write(escape_control(csv_text(COLUMNS, found).replace("\r\n", "\n")))
        return
    write_csv(csv, COLUMNS, found)
    orders = len({row[0] for row in found})
    printing.out.print(f"{len(found):,} rows of {orders:,} orders in {csv}", markup=False)


@shipments.command()
def prefer(
    order: Annotated[str, typer.Argument(help="the order's number")],
    who: Who,
    value: Annotated[
        ShippingPreference | None, typer.Argument(metavar="complete|available", help="the customer's preference")
    ] = None,
    shop: Shop = None,
    *,
    clear: Annotated[bool, typer.Option("--clear", help="clear the customer's preference")] = False,
) -> None:
    """Record a customer's shipping preference: complete in one parcel, or each line as it is available.

    It overrides what the shop's system says and what the policy computes.
    """
    from tasks.shipments.preferences import set_shipping_preference as keep

    if clear == (value is not None):
        raise typer.BadParameter("give either complete or available, or --clear")
    with open_app(shop, create=CreateLedger.NEVER) as app:
        why = keep(now_of(app), order, value, who)
    said = why or "no line has to wait for another so far"
    printing.out.print(f"Order {order}: {said}.", markup=False)
