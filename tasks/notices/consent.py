"""Consents: record that one was given or withdrawn, and read what counts for an address now."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, insert, select

from models.enums import Channel
from models.privacy import ConsentSource, Purpose, RecordedConsent
from rules.contact.keyed_hash import hashed_address
from tasks.context import Context
from tasks.db.sql import in_list
from tasks.tables import CONSENTS


def record_consent(
    connection: Connection,
    address: str,
    channel: Channel,
    purpose: Purpose,
    source: ConsentSource,
    now: datetime,
    *,
    given: bool,
    detail: str = "",
) -> bool:
    """Record that a consent was given or withdrawn for an address in its normal form; False where it was so already.

    It does not suppress the address: who wants no message at all belongs on the suppression list as well.
    """
    same = (CONSENTS.c.address == address, CONSENTS.c.channel == channel, CONSENTS.c.purpose == purpose)
    last = select(CONSENTS.c.given).where(*same).order_by(CONSENTS.c.id.desc()).limit(1)
    if connection.execute(last).scalar() is given:
        return False
    row = {"address": address, "channel": channel, "purpose": purpose, "given": given, "source": source}
    connection.execute(insert(CONSENTS).values(**row, at=now, detail=detail))
    return True


def withdraw_by_staff(connection: Connection, address: str, now: datetime, who: str) -> None:
    """Record that staff ended all messages to an address."""
    channel = Channel.EMAIL if "@" in address else Channel.SMS
    for purpose in Purpose:
        record_consent(connection, address, channel, purpose, ConsentSource.STAFF, now, given=False, detail=who)


def give_back_by_staff(connection: Connection, address: str, now: datetime, who: str) -> None:
    """Record that staff let messages go to an address again, but no marketing that the customer did not want."""
    rows = connection.execute(select(CONSENTS).where(CONSENTS.c.address == address).order_by(CONSENTS.c.id))
    last = {(Channel(row.channel), Purpose(row.purpose)): row for row in rows}
    for (channel, purpose), row in last.items():
        if not row.given and (purpose is Purpose.SERVICE or row.source == ConsentSource.STAFF):
            record_consent(connection, address, channel, purpose, ConsentSource.STAFF, now, given=True, detail=who)


def load_consents(
    context: Context, connection: Connection, addresses: Collection[str]
) -> Mapping[tuple[str, Channel, Purpose], RecordedConsent]:
    """Return the last decision for each address, channel and purpose; none for those that only the shop's facts have.

    An address whose customer was erased is found by its hash.
    """
    if not addresses:
        return {}
    hashes = {hashed_address(context.erasure_key, one): one for one in addresses} if context.erasure_key else {}
    query = select(CONSENTS).where(in_list(connection, CONSENTS.c.address, {*addresses, *hashes}))
    return {
        (hashes.get(row.address, row.address), Channel(row.channel), Purpose(row.purpose)): RecordedConsent(
            row.given, ConsentSource(row.source), row.at, row.detail
        )
        for row in connection.execute(query.order_by(CONSENTS.c.id))
    }
