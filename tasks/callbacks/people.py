"""Do what people want who answer a text, and what providers tell of marketing mails."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, or_

from models.callbacks import DeliveryReport, Effect, Wish
from models.enums import Channel
from models.privacy import ConsentSource, Purpose
from rules.callbacks.wishes import read_wish
from rules.contact.addresses import BadAddress, phone_number
from rules.contact.keyed_hash import HASHED, address_forms
from tasks.context import Context
from tasks.db.events import record_events
from tasks.notices.consent import record_consent
from tasks.notices.marketing import resume_marketing, stop_marketing
from tasks.notices.suppressions import customers_with, suppress
from tasks.tables import SUPPRESSIONS

STOPPED = "the person answered STOP"
STOPPED_ON_PAGE = "the person stopped texts on the order page"
STOP_CODE = "21610"
"""Twilio's code of a text to a person who answered STOP; it is in the reason of a suppression."""
RESUMED_SOURCE = "group_unsubscribe"
"""The only source whose opt-out an event takes back: that of the same group."""
TEXT_EVENTS = {Wish.STOP: "text_stop", Wish.START: "text_start", Wish.HELP: "text_help", Wish.OTHER: "text_received"}


def answer_text(context: Context, connection: Connection, row: Any, now: datetime, who: str) -> tuple[Effect, bool]:
    """Do what the sender of a text wants; return the effect, and whether staff must read the text."""
    wish = read_wish(row.kind, str(row.payload.get("Body", "")))
    # The words stay with the callback, and go with it.
    record_events(connection, [(TEXT_EVENTS[wish], row.reference, "")], now, who)
    number = _number(row.address)
    if number is None or wish not in (Wish.STOP, Wish.START):
        return Effect.MESSAGE, True
    if wish is Wish.STOP:
        stop_number(connection, number, STOPPED, now, who)
        return Effect.SUPPRESSED, True
    record_consent(connection, number, Channel.SMS, Purpose.SERVICE, ConsentSource.START, now, given=True)
    lifted = _lift_stop(connection, address_forms(context.erasure_key, number))
    return (Effect.RESUMED if lifted else Effect.NOTHING), False


def stop_number(connection: Connection, number: str, reason: str, now: datetime, who: str) -> None:
    """Send no more texts to a number, because its owner says so."""
    suppress(connection, {number: reason}, now, who)
    for purpose in Purpose:
        record_consent(connection, number, Channel.SMS, purpose, ConsentSource.STOP, now, given=False)


def _number(address: str) -> str | None:
    """Return the number, or the hash of an erased customer's; None for what is neither."""
    if address.startswith(HASHED):
        return address
    try:
        return phone_number(address, None)
    except BadAddress:  # as of another service, `whatsapp:+49...`, or a short code
        return None


def _lift_stop(connection: Connection, forms: Collection[str]) -> bool:
    """Delete a suppression by its owner alone: staff and landlines are other reasons."""
    by_stop = or_(SUPPRESSIONS.c.reason.in_((STOPPED, STOPPED_ON_PAGE)), SUPPRESSIONS.c.reason.contains(STOP_CODE))
    lifted = delete(SUPPRESSIONS).where(SUPPRESSIONS.c.address.in_(forms), by_stop)
    return connection.execute(lifted).rowcount > 0


def settle_marketing(
    context: Context, connection: Connection, row: Any, report: DeliveryReport, now: datetime, *, is_known: bool
) -> Effect:
    """Stop or resume marketing mails to an address; of a stranger's address nothing is kept."""
    address = row.address
    is_known = is_known or address.startswith(HASHED)
    if not address or not (is_known or customers_with(connection, address, context.shop.country)):
        return Effect.UNKNOWN
    if report.stops_marketing:
        stop_marketing(connection, {address: row.kind}, now)
        return Effect.MARKETING_STOPPED
    forms = set(address_forms(context.erasure_key, address))
    return Effect.MARKETING_RESUMED if resume_marketing(connection, forms, RESUMED_SOURCE, now) else Effect.NOTHING
