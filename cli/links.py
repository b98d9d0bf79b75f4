"""Commands about the secret links to order pages."""

from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop, Who, now_of
from models.quantities import counted
from tasks.db.sql import read_only

links = typer.Typer(no_args_is_help=True, help="The secret links to order pages.")
Order = Annotated[str, typer.Argument(help="the order's id")]


@links.command()
def create(order: Order, shop: Shop = None, *, json: Json = False) -> None:
    """Make a link to an order's page, and print it; it is shown only now, and everybody who has it can choose."""
    from tasks.customers.links import create_link

    with open_app(shop, create=CreateLedger.NEVER) as app:
        link = create_link(now_of(app), order)
    if json:
        printing.print_json(link)
        return
    printing.out.print(link.url, markup=False)


@links.command("list")
def list_them(order: Order, shop: Shop = None, *, json: Json = False) -> None:
    """Show the links of an order, the newest first, and which of them open its page now."""
    from tasks.customers.links import customer_of, list_links

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        customer_of(connection, order)
        context = now_of(app)
        found = list_links(context, connection, order, context.started_at)
    if json:
        printing.print_json({"links": found})
        return
    printing.print_table([{**link, "id": link["id"][:8]} for link in found], nothing="This order has no link.")


@links.command()
def revoke(
    order: Order, who: Who, shop: Shop = None, why: Annotated[str, typer.Option(help="reason; kept in the ledger")] = ""
) -> None:
    """Revoke all links of an order: they open nothing from now on. New messages bring new links."""
    from tasks.customers.links import customer_of, revoke_links

    with open_app(shop, create=CreateLedger.NEVER) as app, app.context.engine.begin() as connection:
        customer_of(connection, order)
        revoked = revoke_links(connection, [order], now_of(app).started_at, who, why)
    printing.out.print(f"{counted(revoked, 'link')} revoked.")
