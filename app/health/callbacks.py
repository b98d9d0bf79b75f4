"""Checks of providers' callbacks: whether they are set up, and whether any arrive."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.exc import DBAPIError

from app.callbacks import EVENTS_PATH, INBOUND_PATH, STATUS_PATH, CallbackKeys, callback_keys
from app.health.check import Check
from app.health.ledger import open_existing_ledger
from app.transports import configured_transports
from models.callbacks import CallbackSource
from models.config.settings import Settings, TransportKind
from models.config.shop import ShopFolder
from models.errors import ForewarnError
from tasks.callbacks.review import last_arrivals
from tasks.db.migrations import newest, version
from tasks.db.sql import read_only
from tasks.going_live.rollout import live_channels

NEEDED = {
    TransportKind.SENDGRID: "set FOREWARN_SENDGRID_EVENT_KEYS: without it nobody learns which mails bounced",
    TransportKind.TWILIO: "set FOREWARN_CALLBACK_URL: without it nobody learns which texts failed, or who wrote STOP",
}
UNSIGNED = (
    "set FOREWARN_TWILIO_AUTH_TOKEN, or FOREWARN_TWILIO_SHARED_KEY, beside the API key: Twilio signs callbacks by it, "
    "and without it nobody learns which texts failed, or who wrote STOP"
)
SOURCES = {
    TransportKind.SENDGRID: {CallbackSource.SENDGRID: EVENTS_PATH},
    TransportKind.TWILIO: {CallbackSource.TWILIO_STATUS: STATUS_PATH, CallbackSource.TWILIO_INBOUND: INBOUND_PATH},
}


def check_callbacks(settings: Settings, folder: ShopFolder) -> Iterator[Check]:
    """Check that the callbacks of each provider that sends are set up, and that some have come."""
    try:
        keys, transports = callback_keys(settings), configured_transports(settings)
    except ForewarnError as error:
        yield Check("callbacks", str(error), "correct the setting", bad=True)
        return
    used = {channel: kind for channel, kind in transports.items() if kind in SOURCES}
    if not used:
        return
    arrivals, live = _read(settings, folder)
    for channel, kind in used.items():
        if not _is_set_up(keys, kind):
            needed = UNSIGNED if kind is TransportKind.TWILIO and keys.url else NEEDED[kind]
            yield Check(f"callbacks {channel}", f"{kind} has no endpoint", f"{needed}: docs/callbacks.md")
            continue
        for source, path in SOURCES[kind].items():
            yield _arrival(source, path, arrivals.get(source), is_live=channel in live)


def _is_set_up(keys: CallbackKeys, kind: TransportKind) -> bool:
    return bool(keys.twilio if kind is TransportKind.TWILIO else keys.sendgrid)


def _arrival(source: CallbackSource, path: str, last: datetime | None, *, is_live: bool) -> Check:
    what = f"callbacks {source.replace('_', ' ')}"
    if last is not None:
        return Check(what, f"the last one came at {last:%Y-%m-%d %H:%M} UTC")
    if source is CallbackSource.TWILIO_INBOUND:
        # Perhaps nobody has written yet.
        return Check(what, "none so far", f"set {path} at the number or the messaging service, and text STOP to it")
    remedy = f"let the provider reach `forewarn serve` at {path}: docs/callbacks.md"
    return Check(what, "none ever came, and the channel is live" if is_live else "none so far", remedy)


def _read(settings: Settings, folder: ShopFolder) -> tuple[dict[CallbackSource, datetime | None], set[str]]:
    """Return when the last callback of each source came, and the live channels; nothing where no ledger can be read."""
    try:
        with open_existing_ledger(settings, folder) as engine:
            if version(engine) != newest():
                return {}, set()
            with read_only(engine) as connection:
                return last_arrivals(connection), set(live_channels(connection))
    except (DBAPIError, ForewarnError):
        return {}, set()  # check_ledger reports it
