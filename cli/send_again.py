"""`forewarn send-again`: send a message about an order again."""

from typing import Annotated, Any

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop, Who, now_of
from models.customers import MailKind
from models.enums import Channel
from models.errors import ForewarnError

WAYS = {"mail": Channel.EMAIL, "text": Channel.SMS}


def send_again(
    order: Annotated[str, typer.Argument(help="the order's number")],
    who: Who,
    message: Annotated[
        int | None, typer.Option(min=1, help="number of the message, as `--list` shows it; by default the last one")
    ] = None,
    by: Annotated[str | None, typer.Option(help="mail or text; by default as it was sent")] = None,
    to: Annotated[str, typer.Option(help="another address or number, for this message only")] = "",
    why: Annotated[str, typer.Option(help="kept in the log")] = "",
    shop: Shop = None,
    *,
    show: Annotated[
        bool, typer.Option("--list", help="show the messages that can be sent again; send nothing")
    ] = False,
    json: Json = False,
) -> None:
    """Send a message about an order again, by mail or text; what holds for every message holds for it."""
    from tasks.desk.acts.send_again import load_past_messages, queue_words, write_again
    from tasks.desk.acts.subject import load_act_order
    from tasks.desk.staff_words import channel_word
    from tasks.orders.instructions import lock_unheld
    from tasks.staff.audit import record

    if by is not None and by not in WAYS:
        raise typer.BadParameter("--by is mail or text")
    with open_app(shop, create=CreateLedger.NEVER) as app, app.context.engine.begin() as connection:
        context = now_of(app)
        found = load_act_order(context, connection, order)
        if found is None:
            raise ForewarnError(f"no order {order}")
        past = load_past_messages(context, connection, found)[::-1]
        if show:
            _print(past, json=json)
            return
        if not past or (message or 0) > len(past):
            raise ForewarnError(f"order {order} has no such message that can be sent again")
        picked = past[message - 1] if message else past[-1]
        channel = WAYS[by] if by else Channel(picked.channel)
        lock_unheld(connection, order)
        words = write_again(context, connection, found, picked, channel, to)
        key = queue_words(context, connection, found, words, MailKind.AGAIN, who)
        record(
            connection,
            at=context.started_at,
            who=who,
            kind="order.again",
            subject_kind="order",
            subject=order,
            what=f"asked for a message about order {order} again, as a {channel_word(channel)}",
            why=why,
            after={"message": key, "repeats": picked.id, "channel": str(channel)},
        )
    if json:
        printing.print_json({"id": key, "repeats": picked.id, "channel": channel})
        return
    printing.out.print(f"Message {key[:8]} leaves with the next deliver run, if it is still true.")


def _print(past: Any, *, json: bool) -> None:
    rows = [
        {
            "message": number,
            "at": f"{one.at:%Y-%m-%d %H:%M}",
            "by": one.channel,
            "state": "trial" if one.trial else str(one.state),
            "still true": "yes" if one.still_true else "no",
            "subject": one.subject or one.text[:60],
        }
        for number, one in enumerate(past, 1)
    ]
    if json:
        printing.print_json({"messages": rows})
        return
    printing.print_table(rows, nothing="No message of this order can be sent again.")
