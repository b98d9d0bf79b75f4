"""`forewarn alerts`: have Prefect tell people by mail, Slack, Teams or a webhook when something is wrong."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import SecretStr

from app.composition import open_app
from app.ledger import CreateLedger
from cli import console as printing
from cli.options import Json, Shop
from models.alerts import Alert, AlertTarget
from models.errors import ForewarnError

if TYPE_CHECKING:  # what imports Prefect takes a second
    from app.alert_automations import AlertStatus

alerts = typer.Typer(no_args_is_help=True, help="Alerts by mail, Slack, Teams or a webhook, sent by Prefect.")
Pool = Annotated[str | None, typer.Option(help="the work pool of the shop's runs \\[default: as in its prefect.yaml]")]


@alerts.command("set-up")
def set_up(
    to: Annotated[AlertTarget, typer.Option(help="where alerts are sent")],
    url: Annotated[
        str | None, typer.Option(help="address of the webhook; `-` reads it from the input, so that no log has it")
    ] = None,
    address: Annotated[list[str], typer.Option(help="for e-mail: whom to write to; repeat it for more")] = [],  # noqa: B006
    only: Annotated[list[Alert], typer.Option(help="the alerts to send; repeat it \\[default: all]")] = [],  # noqa: B006
    silence: Annotated[float, typer.Option(min=0.2, help="minutes without a run after which `no-run` is sent")] = 180,
    pool: Pool = None,
    shop: Shop = None,
    *,
    json: Json = False,
) -> None:
    """Set up the shop's alerts, or change them. It can be repeated."""
    from app.alert_automations import Destination, set_up_alerts

    given = sys.stdin.readline().strip() if url == "-" else url
    destination = Destination(to, SecretStr(given) if given else None, tuple(address))
    with open_app(shop, create=CreateLedger.NEVER) as app:
        wanted, after = tuple(only) or tuple(Alert), timedelta(minutes=silence)
        found = asyncio.run(set_up_alerts(app, destination, alerts=wanted, pool=pool, silence=after))
    _show(found, json=json)


@alerts.command("list")
def list_them(shop: Shop = None, *, json: Json = False) -> None:
    """Show which alerts are set up, and by which way they are sent."""
    from app.alert_automations import list_alerts

    with open_app(shop, create=CreateLedger.NEVER) as app:
        found = asyncio.run(list_alerts(app))
    _show(found, json=json)


@alerts.command()
def remove(shop: Shop = None, *, json: Json = False) -> None:
    """Remove the shop's alerts, and the address to which they went."""
    from app.alert_automations import remove_alerts

    with open_app(shop, create=CreateLedger.NEVER) as app:
        removed = asyncio.run(remove_alerts(app))
    if json:
        printing.print_json({"removed": removed})
    else:
        printing.out.print(f"{removed} alerts are removed.")


@alerts.command("test")
def send_test(shop: Shop = None, *, json: Json = False) -> None:
    """Send a test to where the alerts go."""
    from app.alert_automations import send_test_alert

    with open_app(shop, create=CreateLedger.NEVER) as app:
        target = asyncio.run(send_test_alert(app))
    if json:
        printing.print_json({"sent_to": target})
    else:
        printing.out.print(f"A test was sent to {target}.")


@alerts.command()
def file(
    block: Annotated[str, typer.Option(help="id of the notification block that you have made on Prefect's page")],
    into: Annotated[Path, typer.Option(help="the file to write")] = Path("alerts.yaml"),
    pool: Pool = None,
    shop: Shop = None,
) -> None:
    """Write the alerts as a file for `prefect automation create --from-file`."""
    from app.alert_automations import automations_yaml

    with open_app(shop, create=CreateLedger.NEVER) as app:
        text = automations_yaml(app, block, pool)
    try:
        into.write_text(text)
    except OSError as error:
        raise ForewarnError(f"{into} cannot be written: {error.strerror}") from error
    printing.out.print(f"{into}: prefect automation create --from-file {into}", markup=False)


def _show(found: Sequence["AlertStatus"], *, json: bool) -> None:
    if json:
        printing.print_json({"alerts": [asdict(one) for one in found]})
        return
    rows = [
        {"alert": one.alert, "sent to": (one.target or "?") if one.set_up else "not set up", "says": one.description}
        | ({} if one.enabled or not one.set_up else {"paused": "paused on Prefect's page"})
        for one in found
    ]
    printing.print_table(rows, nothing="")
