"""Run all checks of `forewarn doctor`: what works, what does not, and what to do about it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from app.api_keys import api_keys
from app.clock import make_clock
from app.composition import open_shop_source, read_settings
from app.health.callbacks import check_callbacks
from app.health.check import Check
from app.health.ledger import check_ledger, check_live_channels, check_owner_matches, open_existing_ledger
from app.health.prefect import check_prefect
from app.health.providers import check_credentials, check_transports
from app.health.warnings import check_warnings
from app.ledger import state_folder
from app.panel_keys import panel_hosts, panel_signer
from app.vendor_transports import SETTING, keys_of, secret_problem
from app.webhook import webhook_host, webhook_problem
from models.config.settings import Settings
from models.config.shop import ShopFolder, read_shop
from models.errors import ForewarnError
from models.quantities import counted
from tasks.customers.webhook_review import count_given_up
from tasks.db.migrations import newest, version
from tasks.db.sql import read_only
from tasks.reporting.alert_state import alerts_failing_since
from templates.rendering.check import find_errors

MIN_FREE_BYTES = 200 * 1024**2


def examine(shop: Path | None, *, providers: bool = True) -> list[Check]:
    """Check everything that a run needs; a failed check does not stop the others. Secrets are never shown.

    With `providers`, each provider is asked whether it accepts the credentials; nothing is sent.
    """
    try:
        settings = read_settings({"shop": shop})
        folder = read_shop(settings.shop)
    except ForewarnError as error:
        return [Check("shop", str(error), "correct it, and check again", bad=True)]
    checks = [
        Check("shop", f"{folder.shop.name} in {folder.path}"),
        Check("policy", f"{len(folder.policy.bucket)} buckets, digest {folder.policy.digest}"),
    ]
    for check in CHECKS:
        checks += check(settings, folder)
    return checks + check_credentials(settings, folder) if providers else checks


def _alerts(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    """Report alerts that do not go through; nothing where all is well, or nobody is alerted."""
    try:
        with open_existing_ledger(settings, folder) as engine:
            if version(engine) != newest():
                return
            with read_only(engine) as connection:
                since = alerts_failing_since(connection)
    except (DBAPIError, ForewarnError):
        return  # check_ledger reports it
    if since is not None:
        found = f"none went through since {since:%Y-%m-%d %H:%M} UTC"
        yield Check("alerts", found, "`forewarn alerts test` says why; `forewarn alerts set-up` changes them", bad=True)


def _source(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    try:
        with open_shop_source(settings, folder) as source:
            yield Check("source", f"{folder.shop.source.kind}: {', '.join(source.tables)}")
    except ForewarnError as error:
        yield Check("source", str(error), "`forewarn shop check` says more", bad=True)


def _vendors(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    try:
        keys = keys_of(settings)
    except ForewarnError as error:
        yield Check("vendors", str(error), "correct the setting", bad=True)
        return
    for vendor, way in folder.shop.vendor.items():
        if problem := secret_problem(vendor, way, keys.get(vendor, "")):
            yield Check(f"vendor {vendor}", problem, f"set {vendor} in {SETTING}", bad=True)
        else:
            yield Check(f"vendor {vendor}", f"by {way.by}")


def _webhook(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    if not settings.webhook_url:
        return
    if problem := webhook_problem(settings):
        yield Check("webhook", problem, "set it; until then no event is sent", bad=True)
        return
    if given_up := _webhook_events_given_up(settings, folder):
        found = f"given up: {counted(given_up, 'event')}"
        yield Check("webhook", found, "`forewarn choices webhooks` shows them", bad=True)
    else:
        yield Check("webhook", f"choices are told to {webhook_host(settings)}")


def _api(settings: Settings, _: ShopFolder) -> Iterator[Check]:
    try:
        keys = api_keys(settings)
    except ForewarnError as error:
        yield Check("api", str(error), "correct the setting; until then `forewarn serve` does not start", bad=True)
        return
    if keys:
        yield Check("api", f"the JSON API accepts {counted(len(keys), 'key')}")


def _panel(settings: Settings, _: ShopFolder) -> Iterator[Check]:
    try:
        hosts = panel_hosts(settings)
        panel_signer(settings)
    except ForewarnError as error:
        yield Check("panel", str(error), "correct the setting; until then `forewarn serve` does not start", bad=True)
        return
    if hosts:
        yield Check("panel", f"may be framed by {counted(len(hosts), 'site')}")


def _webhook_events_given_up(settings: Settings, folder: ShopFolder) -> int:
    try:
        with open_existing_ledger(settings, folder) as engine:
            if version(engine) != newest():
                return 0
            with read_only(engine) as connection:
                return count_given_up(connection)
    except (DBAPIError, ForewarnError):
        return 0  # check_ledger reports it


def _templates(_: Settings, folder: ShopFolder) -> Iterator[Check]:
    policy = folder.policy
    messages = [bucket.words for bucket in policy.bucket]
    problems = find_errors(folder.shop, folder.own_templates, messages, policy.experiment, policy.words)
    if problems:
        yield Check("templates", f"{len(problems)} wrong, first: {problems[0]}", "`forewarn templates check`", bad=True)
    else:
        yield Check("templates", "every message renders")


def _trials(_: Settings, folder: ShopFolder) -> Iterator[Check]:
    today = make_clock(folder.shop.zone, None).as_of
    for trial in folder.policy.experiment:
        state = "begins" if today < trial.begins else "runs until" if trial.runs_on(today) else "ended"
        day = trial.begins if today < trial.begins else trial.ends
        what = f"{trial.share:.0%} of customers read {trial.wording} in place of {trial.message}; {trial.outcome}"
        yield Check(f"trial {trial.name!r}", f"{state} {day}: {what} is compared")


def _outbox(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    place = _existing_parent(settings.outbox_dir or state_folder(settings, folder))
    free = shutil.disk_usage(place).free
    if not os.access(place, os.W_OK):
        yield Check(
            "outbox", f"{place} cannot be written to", "give this user the right, or set FOREWARN_OUTBOX_DIR", bad=True
        )
    elif free < MIN_FREE_BYTES:
        yield Check("outbox", f"{free // 1024**2} MB free at {place}", "make room", bad=True)
    else:
        yield Check("outbox", f"{free // 1024**3} GB free at {place}")


def _existing_parent(path: Path) -> Path:
    return path.resolve() if path.exists() else _existing_parent(path.resolve().parent)


CHECKS: tuple[Callable[[Settings, ShopFolder], Iterator[Check]], ...] = (
    check_ledger,
    check_owner_matches,
    check_live_channels,
    _source,
    check_transports,
    check_callbacks,
    _vendors,
    _webhook,
    _api,
    _panel,
    _templates,
    _trials,
    check_warnings,
    _outbox,
    check_prefect,
    _alerts,
)
