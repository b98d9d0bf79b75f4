"""Open what a run works with: settings, shop, ledger, doors and clock. Nowhere else are they read."""

import gc
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from app.ledger import CreateLedger, open_ledger
from app.ledger import database_url as database_url
from app.ledger import state_folder as state_folder
from models.config.known_keys import RENAMED
from models.config.settings import Settings, nearest, unknown_names
from models.config.shop import ShopFolder, read_shop, sentence
from models.errors import ForewarnError
from models.policy.policy import Policy
from models.private_files import private_folder
from rules.delays.working_days import Calendar
from sources.reader import Source, open_source
from tasks.context import Context
from tasks.delivery.queue import LeaseHolder
from templates.rendering.messages import Renderer

ISOLATED_SETTINGS: ContextVar[Settings | None] = ContextVar("GIVEN_ONLY", default=None)
"""The settings of a demo or a trial, which must reach nothing that somebody has set up here."""


@dataclass(frozen=True, slots=True)
class App:
    """A shop, opened: what every flow and command begins with."""

    settings: Settings
    folder: ShopFolder
    context: Context

    def source(self) -> Source:
        """Open the shop's own files or database, read-only."""
        return open_shop_source(self.settings, self.folder)

    @property
    def outbox(self) -> Path:
        """Return the folder of the local outbox."""
        return (self.settings.outbox_dir or state_folder(self.settings, self.folder) / "outbox").resolve()

    @property
    def rejects(self) -> Path:
        """Return the file that keeps the rows that the last import refused."""
        return state_folder(self.settings, self.folder) / "rejects.csv"

    @property
    def rejected_responses(self) -> Path:
        """Return the file that keeps the rows of vendors' answers refused."""
        return self.rejects.with_name("rejected-responses.csv")

    @property
    def lease_holder(self) -> LeaseHolder:
        """Return a name for one deliver run, and how long its claims hold."""
        name = f"{socket.gethostname()}/{os.getpid()}/{time.monotonic_ns():x}"
        return LeaseHolder(name, timedelta(seconds=self.settings.lease_seconds))


def read_settings(given: Mapping[str, object] | None = None) -> Settings:
    """Read the environment and `.env`; what is given on the command line goes before them. Raises ForewarnError.

    A name that is no setting is refused: whoever wrote FOREWARN_EMIAL=sendgrid believes that mails leave.
    Within `given_only`, nothing is read, and what that was given stands.
    """
    if unknown := (given or {}).keys() - Settings.model_fields.keys():
        raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
    if (only := ISOLATED_SETTINGS.get()) is not None:
        return only
    for name, where in unknown_names().items():
        if new := RENAMED.get(name):
            raise ForewarnError(f"{name}, in {where}: its name is {new} now")
        instead = f"did you mean {close}?" if (close := nearest(name)) else "`docs/settings.md` lists them"
        raise ForewarnError(f"{name}, in {where}, is not a setting of Forewarn; {instead}")
    try:
        return Settings(**{key: value for key, value in (given or {}).items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        key, said = sentence(error).split(":", 1)
        raise ForewarnError(f"FOREWARN_{key.upper()}:{said}") from error


def open_shop_source(settings: Settings, folder: ShopFolder) -> Source:
    """Open a shop's own files or database, read-only. Raises ForewarnError."""
    url = settings.source_url
    return open_source(folder, settings.data, url.get_secret_value() if url else None)


@contextmanager
def isolated_settings(settings: Settings) -> Iterator[None]:
    """Let these settings stand for everything that is opened within, flows too; no environment and no `.env` counts."""
    before = ISOLATED_SETTINGS.set(settings)
    try:
        yield
    finally:
        ISOLATED_SETTINGS.reset(before)


@contextmanager
def open_app(
    shop: str | Path | None = None,
    policy: Policy | None = None,
    *,
    data: Path | None = None,
    create: CreateLedger = CreateLedger.AT_HOME,
) -> Iterator[App]:
    """Open a shop and bring its ledger up to date; a policy given here goes before the shop's own.

    Raises ForewarnError for a ledger of another shop, or one that is not there where it may not `begin`.
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
    renderer = Renderer(folder.shop, folder.own_templates)
    context = Context(engine, folder.shop, rules, Calendar(rules.days), renderer, today, now)
    # What is loaded by now stays for the run; to look through it at every collection costs a tenth of the time.
    gc.freeze()
    try:
        yield App(settings, folder, context)
    finally:
        engine.dispose()
