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
MAX_PRINTED = 100


@shipments.command("list")
def list_shipments(shop: Shop = None, as_of: AsOf = None, *, json: Json = False) -> None:
    """Show the orders that ship in parts, the next to ship first."""
    from tasks.shipments.packing_list import list_split_orders

    with open_app(shop, create=CreateLedger.NEVER) as app:
        orders = list_split_orders(app.context, now_of(app, as_of).as_of)
    if json:
        printing.print_json({"orders": orders})
        return
    nothing = "No order is sent in parts; `forewarn allocate` plans all orders again."
    printing.print_table([_row(order) for order in orders[:MAX_PRINTED]], nothing=nothing)
    if (more := len(orders) - MAX_PRINTED) > 0:
        printing.out.print(f"\n{more:,} more: --json lists all of them.")


def _row(order: dict[str, Any]) -> dict[str, Any]:
    ship_dates = [parcel["ships_on"] or "no date" for parcel in order["parcels"]]
    return {"order": order["order_id"], "leave on": ship_dates, "why": order["why"]}


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
        rows = packing_rows(app.context, connection, now_of(app, as_of).as_of)
    if csv is None:
        sys.stdout.write(escape_control(csv_text(COLUMNS, rows).replace("\r\n", "\n")))
        return
    write_csv(csv, COLUMNS, rows)
    orders = len({row[0] for row in rows})
    printing.out.print(f"{len(rows):,} rows of {orders:,} orders in {csv}", markup=False)


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
    from tasks.shipments.preferences import set_shipping_preference

    if clear == (value is not None):
        raise typer.BadParameter("give either complete or available, or --clear")
    with open_app(shop, create=CreateLedger.NEVER) as app:
        why = set_shipping_preference(now_of(app), order, value, who)
    printing.out.print(f"Order {order}: {why or 'no line has to wait for another so far'}.", markup=False)
