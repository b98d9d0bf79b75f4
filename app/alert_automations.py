"""Set up, list and remove a shop's alerts: automations of Prefect, and the block by which they notify."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml
from prefect.blocks.abstract import NotificationError
from prefect.blocks.core import Block
from prefect.blocks.notifications import (
    CustomWebhookNotificationBlock,
    MicrosoftTeamsWebhook,
    SendgridEmail,
    SlackWebhook,
)
from prefect.client.orchestration import PrefectClient, get_client
from prefect.events.schemas.automations import Automation, AutomationCore
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from pydantic import SecretStr, ValidationError

from app.composition import App
from app.deployment_files import work_pool
from app.desk_links import shop_key
from models.alerts import Alert, AlertTarget
from models.errors import ForewarnError
from tasks.reporting.alert_state import note_alert_sent

TEMPLATE = Path(__file__).with_name("alerts.yaml")
NO_BLOCK = "00000000-0000-0000-0000-000000000000"
BLOCK_TYPES: dict[AlertTarget, type[Block]] = {
    AlertTarget.EMAIL: SendgridEmail,
    AlertTarget.SLACK: SlackWebhook,
    AlertTarget.TEAMS: MicrosoftTeamsWebhook,
    AlertTarget.WEBHOOK: CustomWebhookNotificationBlock,
}
SLACK = re.compile(r"https://hooks\.slack(-gov)?\.com/services/\w+/\w+/\w+/?")
TEST = ("a test", "This is a test of the alerts. Nothing is wrong.")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a shop's alerts go."""

    target: AlertTarget
    url: SecretStr | None = None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertStatus:
    """One alert as it is set up on the server."""

    alert: Alert
    automation: str
    set_up: bool
    enabled: bool
    target: AlertTarget | None
    description: str


def automation_name(app: App, alert: Alert) -> str:
    """Return the name of an alert's automation."""
    return f"forewarn-{shop_key(app.folder.shop)}-{alert}"


def block_name(app: App) -> str:
    """Return the name of the block by which the shop's alerts notify."""
    return f"forewarn-{shop_key(app.folder.shop)}"


def automations_yaml(app: App, block_id: str, pool: str | None = None) -> str:
    """Return the shop's automations as YAML that `prefect automation create --from-file` loads."""
    shop = app.folder.shop
    # In a quoted YAML string, and in a template of Jinja: neither may be ended by the shop's name.
    name = "".join(letter for letter in shop.name if letter not in '"\\{}%#' and letter.isprintable())
    values = {"SHOP": shop_key(shop), "NAME": name, "POOL": pool or work_pool(app.settings, shop), "BLOCK": block_id}
    text = TEMPLATE.read_text()
    head, body = text[: text.index("automations:")], text[text.index("automations:") :]
    return head + re.sub(r"\b(SHOP|NAME|POOL|BLOCK)\b", lambda found: values[found[0]], body)


def build_automations(
    app: App, block_id: str, *, alerts: Sequence[Alert], pool: str | None = None, silence: timedelta | None = None
) -> list[AutomationCore]:
    """Return the automations of some alerts; `silence` is how long no run may come before `no-run` is sent."""
    found: list[dict[str, Any]] = yaml.safe_load(automations_yaml(app, block_id, pool))["automations"]
    wanted = {automation_name(app, alert): alert for alert in alerts}
    for one in found:
        if silence is not None and wanted.get(one["name"]) is Alert.NO_RUN:
            one["trigger"]["within"] = silence.total_seconds()
    return [AutomationCore.model_validate(one) for one in found if one["name"] in wanted]


async def set_up_alerts(
    app: App,
    destination: Destination,
    *,
    alerts: Sequence[Alert] = tuple(Alert),
    pool: str | None = None,
    silence: timedelta | None = None,
) -> list[AlertStatus]:
    """Create the block and the automations, or bring them up to date. Raises ForewarnError.

    Alerts of the shop that are not wanted are removed. It can be repeated: there is never a second of any.
    """
    _check_server()
    block = _block(app, destination)
    async with _translated(), get_client() as client:
        block_id = await block.asave(block_name(app), overwrite=True, client=client)
        for automation in build_automations(app, str(block_id), alerts=alerts, pool=pool, silence=silence):
            known = await client.read_automations_by_name(automation.name)
            if known:
                await client.update_automation(known[0].id, automation)
            else:
                await client.create_automation(automation)
            for double in known[1:]:
                await client.delete_automation(double.id)
        await _delete(client, app, [alert for alert in Alert if alert not in alerts])
        await _delete_blocks(client, app, keep=destination.target)
    return await list_alerts(app)


async def list_alerts(app: App) -> list[AlertStatus]:
    """Return each alert, and whether and to where it is set up. Raises ForewarnError."""
    _check_server()
    all_of_them = yaml.safe_load(automations_yaml(app, NO_BLOCK, "-"))["automations"]
    described = {one["name"]: one["description"] for one in all_of_them}
    found = []
    async with _translated(), get_client() as client:
        stored = [kind for kind in AlertTarget if await _document(client, app, kind)]
        for alert in Alert:
            name = automation_name(app, alert)
            known: list[Automation] = await client.read_automations_by_name(name)
            enabled = any(one.enabled for one in known)
            found.append(
                AlertStatus(alert, name, bool(known), enabled, stored[0] if known and stored else None, described[name])
            )
    return found


async def remove_alerts(app: App) -> int:
    """Remove the shop's automations and their block; return how many automations there were. Raises ForewarnError."""
    _check_server()
    async with _translated(), get_client() as client:
        removed = await _delete(client, app, list(Alert))
        await _delete_blocks(client, app, keep=None)
    await asyncio.to_thread(_note_sent, app)
    return removed


async def send_test_alert(app: App) -> AlertTarget:
    """Send a test to where the alerts go; return the kind of place. Raises ForewarnError."""
    _check_server()
    async with _translated(), get_client() as client:
        for target in AlertTarget:
            if await _document(client, app, target):
                block: Any = await BLOCK_TYPES[target].aload(block_name(app), client=client)
                with block.raise_on_failure():
                    await block.anotify(TEST[1], subject=f"{app.folder.shop.name}: {TEST[0]}")
                await asyncio.to_thread(_note_sent, app)
                return target
    raise ForewarnError("no alerts are set up for this shop: `forewarn alerts set-up`")


def _note_sent(app: App) -> None:
    with app.context.engine.begin() as connection:
        note_alert_sent(connection, datetime.now(UTC))


def _check_server() -> None:
    # Without an address, Prefect's client would start a server of its own, with nobody to listen to it.
    if not os.environ.get("PREFECT_API_URL"):
        raise ForewarnError("alerts are sent by Prefect's server: set PREFECT_API_URL to its address")


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Turn what Prefect's client and its blocks raise into a ForewarnError."""
    try:
        yield
    except (httpx.HTTPError, PrefectHTTPStatusError, NotificationError, RuntimeError) as error:
        raise ForewarnError(f"the alerts were not sent or changed: {type(error).__name__}: {_words(error)}") from error


def _words(error: Exception) -> str:
    log = error.log if isinstance(error, NotificationError) else str(error)
    return re.sub(r"https?://\S+", "...", log.strip().splitlines()[0] if log.strip() else "no answer")


def _block(app: App, destination: Destination) -> Block:
    """Return the block that notifies. Raises ForewarnError for what cannot be reached that way."""
    url = destination.url
    if destination.target is not AlertTarget.EMAIL and url is None:
        raise ForewarnError(f"--to {destination.target} needs the address of the webhook: --url")
    try:
        match destination.target:
            case AlertTarget.EMAIL:
                return _email_block(app, destination.addresses)
            case AlertTarget.SLACK:
                return SlackWebhook(url=_slack_address(url))
            case AlertTarget.TEAMS:
                return MicrosoftTeamsWebhook(url=url)
            case AlertTarget.WEBHOOK:
                data = {"shop": app.folder.shop.name, "subject": "{{subject}}", "text": "{{body}}"}
                return CustomWebhookNotificationBlock(
                    name=block_name(app),
                    url="{{address}}",
                    json_data=data,
                    secrets={"address": url.get_secret_value()},  # type: ignore[union-attr] # see above
                )
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise ForewarnError(f"that is no address of a webhook of {destination.target}") from error


def _slack_address(url: SecretStr | None) -> SecretStr:
    """Return the address; raises ValueError for another one, of which the block would notify nobody in silence."""
    if url is None or not SLACK.fullmatch(url.get_secret_value()):
        raise ValueError
    return url


def _email_block(app: App, addresses: tuple[str, ...]) -> Block:
    key = app.settings.sendgrid_api_key
    if not addresses:
        raise ForewarnError("--to email needs whom to write to: --address, once for each person")
    if key is None:
        raise ForewarnError("Prefect sends mail by SendGrid: set FOREWARN_SENDGRID_API_KEY")
    return SendgridEmail(api_key=key, sender_email=str(app.folder.shop.sender.email), to_emails=list(addresses))


async def _document(client: PrefectClient, app: App, target: AlertTarget) -> Any:
    """Return the stored block of a kind; None where there is none."""
    try:
        slug = BLOCK_TYPES[target].get_block_type_slug()
        return await client.read_block_document_by_name(block_name(app), slug, include_secrets=False)
    except ObjectNotFound:
        return None


async def _delete(client: PrefectClient, app: App, alerts: Sequence[Alert]) -> int:
    removed = 0
    for alert in alerts:
        for one in await client.read_automations_by_name(automation_name(app, alert)):
            await client.delete_automation(one.id)
            removed += 1
    return removed


async def _delete_blocks(client: PrefectClient, app: App, *, keep: AlertTarget | None) -> None:
    """Delete the blocks of other kinds, with the addresses in them."""
    for target in AlertTarget:
        if target is not keep and (document := await _document(client, app, target)):
            await client.delete_block_document(document.id)
