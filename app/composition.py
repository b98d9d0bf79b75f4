"""The composition root: read the settings, open the shop and its ledger, and make the context of tasks."""

import gc
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from app.erasure_key import erasure_key
from app.ledger import CreateLedger, open_ledger
from app.ledger import database_url as database_url
from app.ledger import state_folder as state_folder
from app.link_key import link_key
from app.live_words import LiveRenderer
from app.mastodon_limit import mastodon_limit
from models.config.known_keys import RENAMED
from models.config.settings import MAX_TIMEOUTS, Settings, TransportKind, nearest, unknown_names
from models.config.shop import ShopFolder, read_shop, sentence
from models.enums import NETWORKS, Channel
from models.errors import ForewarnError
from models.policy.policy import Policy
from models.private_files import private_folder
from rules.delays.working_days import Calendar
from tasks.context import Context
from tasks.delivery.queue import LeaseHolder

if TYPE_CHECKING:
    from sources.reader import Source
    from templates.rendering.messages import Renderer

COMPILED = "compiled-templates"
"""A folder in the state folder. Its files save each process a third of a second, and may be removed at any time."""

ISOLATED_SETTINGS: ContextVar[Settings | None] = ContextVar("ISOLATED_SETTINGS", default=None)
"""The settings of a demo or a trial, which must not use anything that is configured on this machine."""


@dataclass(frozen=True, slots=True)
class App:
    """An open shop: its settings, its folder, and the context of tasks."""

    settings: Settings
    folder: ShopFolder
    context: Context

    def source(self) -> "Source":
        """Open the shop's own files or database, read-only."""
        return open_shop_source(self.settings, self.folder)

    @property
    def outbox(self) -> Path:
        """Return the folder of the local outbox."""
        return (self.settings.outbox_dir or state_folder(self.settings, self.folder) / "outbox").resolve()

    @property
    def rejects(self) -> Path:
        """Return the file of the rows that the last import rejected."""
        return state_folder(self.settings, self.folder) / "rejects.csv"

    @property
    def rejected_responses(self) -> Path:
        """Return the file of the rows of vendors' responses that were rejected."""
        return self.rejects.with_name("rejected-responses.csv")

    @property
    def lease_holder(self) -> LeaseHolder:
        """Return a unique name for one deliver run, and how long its leases last."""
        name = f"{socket.gethostname()}/{os.getpid()}/{time.monotonic_ns():x}"
        settings = self.settings
        longest = timedelta(seconds=settings.timeout * MAX_TIMEOUTS)
        return LeaseHolder(name, timedelta(seconds=settings.lease_seconds), longest)


def current_erasure_key(app: App) -> bytes:
    """Return the secret of erased customers, also where it was created after the app was opened; empty without one."""
    return app.context.erasure_key or erasure_key(app.settings, app.folder)


def read_settings(given: Mapping[str, object] | None = None) -> Settings:
    """Read the settings from the environment and `.env`; those of `given`, from the command line, take precedence.

    Raises ForewarnError, also for an unknown FOREWARN_ name: FOREWARN_EMIAL=sendgrid would otherwise send nothing.
    Within `isolated_settings` nothing is read, and those settings are returned.
    """
    if unknown := (given or {}).keys() - Settings.model_fields.keys():
        raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
    if (isolated := ISOLATED_SETTINGS.get()) is not None:
        return isolated
    for name, where in unknown_names().items():
        if new := RENAMED.get(name):
            raise ForewarnError(f"{name}, in {where}: its name is {new} now")
        hint = f"did you mean {close}?" if (close := nearest(name)) else "`docs/settings.md` lists them"
        raise ForewarnError(f"{name}, in {where}, is not a setting of Forewarn; {hint}")
    try:
        return Settings(**{key: value for key, value in (given or {}).items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        key, problem = sentence(error).split(":", 1)
        raise ForewarnError(f"FOREWARN_{key.upper()}:{problem}") from error


def open_shop_source(settings: Settings, folder: ShopFolder) -> "Source":
    """Open a shop's own files or database, read-only. Raises ForewarnError."""
    # Here, because most commands read the ledger alone, and DuckDB is large.
    from sources.reader import open_source

    url = settings.source_url
    return open_source(folder, settings.data, url.get_secret_value() if url else None)


@contextmanager
def isolated_settings(settings: Settings) -> Iterator[None]:
    """Use these settings for every app opened within, in flows too, in place of the environment and `.env`."""
    token = ISOLATED_SETTINGS.set(settings)
    try:
        yield
    finally:
        ISOLATED_SETTINGS.reset(token)


def _new_renderer(folder: ShopFolder, state: Path) -> "Renderer":
    # Here, because most commands write no message.
    from templates.rendering.messages import Renderer

    return Renderer(folder.shop, folder.own_templates, _compiled_templates(state))


def _compiled_templates(state: Path) -> Path | None:
    """Return the folder of compiled templates; None where there is no state folder, or it is of another owner."""
    compiled = state / COMPILED
    try:
        if not state.is_dir():
            return None
        private_folder(compiled)
        return compiled if compiled.stat().st_uid == os.geteuid() else None
    except OSError:
        return None


def networks_with(settings: Settings, which: Callable[[TransportKind], bool]) -> tuple[Channel, ...]:
    """Return the networks whose transport the settings name so."""
    return tuple(network for network in NETWORKS if which(getattr(settings, network)))


@contextmanager
def open_app(
    shop: str | Path | None = None,
    policy: Policy | None = None,
    *,
    data: Path | None = None,
    create: CreateLedger = CreateLedger.AT_HOME,
    follows_words: bool = False,
) -> Iterator[App]:
    """Open a shop, and bring its ledger's tables up to date; `policy` replaces the shop's own.

    With `follows_words` messages have the words that the shop's files have at each moment, as a server needs it.
    Raises ForewarnError for a ledger of another shop, or one that does not exist and that `create` forbids to create.
    """
    settings = read_settings({"shop": shop, "data": data})
    folder = read_shop(settings.shop)
    engine = open_ledger(settings, folder, create)
    state = state_folder(settings, folder)
    if state.is_dir():
        private_folder(state)
    rules = policy or folder.policy
    now = datetime.now(UTC)
    today = now.astimezone(ZoneInfo(folder.shop.zone)).date()
    new_renderer = partial(_new_renderer, folder, state)
    context = Context(
        engine,
        folder.shop,
        rules,
        Calendar(rules.days),
        LiveRenderer(folder.path, new_renderer) if follows_words else cache(new_renderer),
        today,
        now,
        has_webhook=bool(settings.webhook_url),
        link_key=link_key(settings, folder),
        open_networks=networks_with(settings, lambda kind: kind is not TransportKind.OFF),
        connected_networks=networks_with(settings, lambda kind: kind not in (TransportKind.OFF, TransportKind.OUTBOX)),
        erasure_key=erasure_key(settings, folder),
        mastodon_limit=mastodon_limit(settings),
    )
    # The objects loaded so far live as long as the run: searching them at each garbage collection costs 10 % of it.
    gc.freeze()
    gc.enable()  # a flow run starts without it
    try:
        yield App(settings, folder, context)
    finally:
        engine.dispose()
