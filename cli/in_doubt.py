"""Commands about messages in doubt."""

from typing import Annotated

import typer

from app.clock import make_clock
from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop, Who

in_doubt = typer.Typer(no_args_is_help=True, help="Messages that may or may not have been sent.")


@in_doubt.command("list")
def list_messages(shop: Shop = None, *, json: Json = False) -> None:
    """Show messages in doubt, oldest first, and whether the provider or staff resolve each."""
    from tasks.delivery.in_doubt import list_in_doubt

    with open_app(shop, create=CreateLedger.NEVER) as app:
        messages = list_in_doubt(app.context)
    if json:
        printing.print_json({"in_doubt": messages})
        return
    rows = [
        {"message": row["id"][:8], **{name: value for name, value in row.items() if name != "id"}} for row in messages
    ]
    printing.print_table(rows, nothing="Nothing is in doubt.")


@in_doubt.command()
def resolve(
    message: Annotated[str, typer.Argument(help="notice or post in doubt, by the beginning of its id")],
    who: Who,
    shop: Shop = None,
    why: Annotated[str, typer.Option(help="what you found; recorded in the ledger")] = "",
    *,
    sent: Annotated[
        bool | None, typer.Option("--sent/--not-sent", help="whether the provider accepted it", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Record whether a message in doubt was sent. If it was not, the next deliver run sends it, if it is still true."""
    from tasks.delivery.in_doubt import resolve_manually

    if sent is None:
        raise typer.BadParameter("say --sent or --not-sent")
    with open_app(shop, create=CreateLedger.NEVER) as app:
        now = make_clock(app.folder.shop.zone, None).now()
        message_id = resolve_manually(app.context, now, message, who, sent=sent, why=why)
    if json:
        printing.print_json({"id": message_id, "state": "sent" if sent else "queued", "who": who})
        return
    outcome = "counts as sent" if sent else "leaves with the next deliver run, if it is still true"
    printing.out.print(f"Message {message_id[:8]} {outcome}.")
