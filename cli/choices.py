"""Commands about what customers chose on the order page, and how the shop's systems are told."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop, Who, now_of, parse_day
from models.customers import Choice, ChoiceState
from models.errors import ForewarnError
from models.quantities import counted
from tasks.db.sql import read_only

choices = typer.Typer(no_args_is_help=True, help="What customers chose, and what waits for the shop.")
Reference = Annotated[str, typer.Argument(help="the choice's reference, as 1041-C1")]
Why = Annotated[str, typer.Option(help="reason; kept in the ledger")]
Most = Annotated[int, typer.Option(min=1, help="how many")]


@choices.command("list")
def list_them(
    shop: Shop = None,
    state: Annotated[ChoiceState, typer.Option(help="in which state")] = ChoiceState.REQUESTED,
    order: Annotated[str | None, typer.Option(help="only those of this order")] = None,
    most: Most = 50,
    *,
    all_: Annotated[bool, typer.Option("--all", help="in any state")] = False,
    json: Json = False,
) -> None:
    """Show choices, the oldest first; by default those that the shop still has to act on."""
    from rules.customers.choice_fields import choice_fields
    from tasks.customers.choice_list import list_choices

    with open_app(shop, create=CreateLedger.NEVER) as app, read_only(app.context.engine) as connection:
        found = list_choices(connection, None if all_ else state, most, order=order)
    if json:
        printing.print_json({"choices": [choice_fields(choice) for choice in found]})
        return
    printing.print_table([_row(choice) for choice in found], nothing="No choice is in this state.")


def _row(choice: Choice) -> dict[str, Any]:
    from rules.customers.choice_fields import amount_text

    amounts = [("back", choice.refund), ("difference", choice.price_difference)]
    money = [f"{amount_text(amount)} {choice.currency} {word}" for word, amount in amounts if amount is not None]
    return {
        "choice": choice.id,
        "state": str(choice.state),
        "made_at": choice.made_at,
        "act": str(choice.act),
        "lines": list(choice.lines),
        "product": choice.product.id if choice.product else None,
        "amount": money,
        "undo_until": choice.undo_until,
    }


class Format(StrEnum):
    """The format of an export."""

    CSV = "csv"
    JSON = "json"


@choices.command()
def export(
    file: Annotated[Path, typer.Argument(help="file to write, as choices.csv or choices.json")],
    shop: Shop = None,
    state: Annotated[ChoiceState | None, typer.Option(help="in which state \\[default: any]")] = None,
    since: Annotated[
        datetime | None, typer.Option(parser=parse_day, metavar="DATE", help="only choices made on or after this day")
    ] = None,
    *,
    form: Annotated[Format | None, typer.Option("--format", help="\\[default: by the file's name]")] = None,
) -> None:
    """Write choices as CSV or JSON, the oldest first, for the shop's system to import."""
    from tasks.customers.choice_export import export_csv, export_json
    from tasks.customers.choice_list import each_choice

    if form is None and file.suffix.lower() not in (".csv", ".json"):
        raise ForewarnError(f"{file.name} does not say which format is wanted: name it .csv or .json, or add --format")
    write = export_json if form is Format.JSON or (form is None and file.suffix.lower() == ".json") else export_csv
    with open_app(shop, create=CreateLedger.NEVER) as app:
        start = app.context.start_of(since.date()) if since else None
        written = write(each_choice(app.context, state, start), file)
    printing.out.print(f"{counted(written, 'choice')} in {file}", markup=False)


@choices.command()
def done(choice: Reference, who: Who, shop: Shop = None, why: Why = "") -> None:
    """Mark a choice as done: the shop has refunded, swapped or sent what was asked."""
    _close(choice, ChoiceState.DONE, who, shop, why)


@choices.command()
def refused(choice: Reference, who: Who, shop: Shop = None, why: Why = "") -> None:
    """Mark a choice that the shop could not do: its lines are owed again, and the customer is told."""
    _close(choice, ChoiceState.REFUSED, who, shop, why)


def _close(choice: str, state: ChoiceState, who: str, shop: Path | None, why: str) -> None:
    from tasks.customers.choice_tasks import close_choice

    with open_app(shop, create=CreateLedger.NEVER) as app:
        context = now_of(app)
        closed = close_choice(context, choice, state, who, why, context.started_at)
    printing.out.print(f"{closed.id} is {closed.state}.", markup=False)


@choices.command()
def webhooks(
    shop: Shop = None,
    most: Most = 50,
    *,
    all_: Annotated[bool, typer.Option("--all", help="also those sent, and those that wait for another try")] = False,
    json: Json = False,
) -> None:
    """Show the webhook events that were given up, the newest first."""
    from tasks.customers.webhook_review import list_webhook_events

    with open_app(shop, create=CreateLedger.NEVER) as app:
        events = list_webhook_events(app.context, most, only_rejected=not all_)
    if json:
        printing.print_json({"events": events})
        return
    shown = ("event", "choice", "type", "state", "tries", "created_at", "reason")
    rows = [{**{name: event[name] for name in shown}, "event": event["event"][:8]} for event in events]
    nothing = "No webhook event was given up. `--all` shows those that failed and are tried again."
    printing.print_table(rows, nothing="There are no webhook events." if all_ else nothing)


@choices.command()
def resend(
    who: Who,
    events: Annotated[list[str] | None, typer.Argument(help="beginnings of the events' ids \\[default: all]")] = None,
    shop: Shop = None,
    *,
    drop: Annotated[bool, typer.Option("--drop", help="drop them instead: they are shown no more")] = False,
) -> None:
    """Send webhook events again that were given up; named ones also if they were sent, or failed and wait."""
    from tasks.customers.webhook_review import drop_events, send_again

    with open_app(shop, create=CreateLedger.NEVER) as app:
        decide = drop_events if drop else send_again
        decided = decide(app.context, events or [], now_of(app).started_at, who)
    outcome = "dropped" if drop else "queued for the next deliver run"
    printing.out.print(f"{counted(len(decided), 'webhook event')} {outcome}.")
