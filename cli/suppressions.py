"""Commands about suppressed addresses and numbers."""

from typing import Annotated

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop, Who, now_of
from rules.contact.masking import mask_address
from tasks.db.sql import read_only

suppressions = typer.Typer(no_args_is_help=True, help="Addresses and numbers to which nothing is sent.")
Address = Annotated[str, typer.Argument(help="mail address, or number")]
Why = Annotated[str, typer.Option(help="reason; kept in the ledger")]


def _spelled(address: str, country: str) -> str:
    # Here, because every other command would load the numbering plans of all countries as well.
    from rules.contact.addresses import BadAddress, email_address, phone_number

    try:
        return email_address(address) if "@" in address else phone_number(address, country)
    except BadAddress as error:
        raise typer.BadParameter(str(error)) from error


@suppressions.command("add")
def suppress(address: Address, who: Who, shop: Shop = None, why: Why = "asked for it") -> None:
    """Suppress an address or number: nothing is sent to it again."""
    from tasks.notices.suppressions import customers_with, suppress_by_staff

    with open_app(shop, create=CreateLedger.NEVER) as app:
        known = _spelled(address, app.folder.shop.country)
        context = now_of(app)
        with app.context.engine.begin() as connection:
            suppress_by_staff(connection, known, why, context.started_at, who)
            customers = customers_with(connection, known, app.folder.shop.country)
    printing.out.print(f"{mask_address(known)} will not be written to again.", markup=False)
    if not customers:
        printing.out.print(
            "No customer here has it: look whether it is mistyped. `forewarn suppressions remove` undoes it."
        )


@suppressions.command("list")
def list_them(shop: Shop = None, *, json: Json = False) -> None:
    """Show the suppressed addresses and numbers, newest first."""
    from tasks.notices.suppressions import list_suppressions

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        found = list_suppressions(connection)
    if json:
        printing.print_json({"suppressions": found})
    else:
        printing.print_table(found, nothing="No address is suppressed.")


@suppressions.command()
def remove(address: Address, who: Who, shop: Shop = None, why: Why = "") -> None:
    """Remove a suppression, so that messages are sent there again. The ledger records who decided."""
    from tasks.notices.suppressions import unsuppress

    with open_app(shop, create=CreateLedger.NEVER) as app:
        known = _spelled(address, app.folder.shop.country)
        with app.context.engine.begin() as connection:
            unsuppress(connection, known, now_of(app).started_at, who, why, app.context.erasure_key)
    printing.out.print(f"{mask_address(known)} may be written to again.", markup=False)
