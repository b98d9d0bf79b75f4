"""Addresses that get no marketing mails; notices that are due go there all the same."""

from collections.abc import Collection, Mapping, Set
from datetime import datetime

from sqlalchemy import Connection, delete, select

from models.enums import Channel
from models.errors import ForewarnError
from models.privacy import ConsentSource, Purpose
from rules.contact.keyed_hash import hashed_address
from rules.customers.unsubscribe_tokens import seal_address
from tasks.context import Context
from tasks.db.sql import in_list, insert
from tasks.notices.consent import load_consents, record_consent
from tasks.notices.waiting import recheck_waiting
from tasks.tables import MARKETING_OPT_OUTS

BY_LINK = "link"
"""The source of an opt-out by the link in a mail."""
SOURCES = {"spamreport": ConsentSource.SPAM_REPORT}
"""What a consent ends by, for each source of an opt-out that is no unsubscription."""
MAIL_MARKETING = (Channel.EMAIL, Purpose.MARKETING)


def unsubscribe_url(context: Context, address: str) -> str:
    """Return the address that stops marketing mails to a mail address; raises ForewarnError without order pages.

    It goes into a mail that is marketing, as `Message.unsubscribe_url`. A notice that is due has none.
    """
    if context.shop.order_pages is None:
        raise ForewarnError("shop.toml has no [order_pages]: set its `url`, where customers reach `forewarn serve`")
    return f"{context.shop.order_pages.url}/u/{seal_address(context.link_key, address)}"


def stop_marketing(connection: Connection, addresses: Mapping[str, str], now: datetime) -> int:
    """Stop marketing mails to addresses, each with how it was told; return how many got some until now."""
    if not addresses:
        return 0
    rows = [{"address": address, "source": source, "created_at": now} for address, source in sorted(addresses.items())]
    new = insert(connection, MARKETING_OPT_OUTS).on_conflict_do_nothing()
    stopped = list(connection.execute(new.returning(MARKETING_OPT_OUTS.c.address), rows).scalars())
    for address in sorted(stopped):
        told = addresses[address]
        source = SOURCES.get(told, ConsentSource.UNSUBSCRIBE)
        record_consent(connection, address, *MAIL_MARKETING, source, now, given=False, detail=told)
    recheck_waiting(connection, stopped)
    return len(stopped)


def resume_marketing(connection: Connection, addresses: Set[str], source: str, now: datetime) -> int:
    """Let marketing mails go to addresses again that were stopped by one source; return how many were."""
    stopped = in_list(connection, MARKETING_OPT_OUTS.c.address, addresses)
    resumed = delete(MARKETING_OPT_OUTS).where(stopped, MARKETING_OPT_OUTS.c.source == source)
    again = list(connection.execute(resumed.returning(MARKETING_OPT_OUTS.c.address)).scalars())
    for address in sorted(again):
        record_consent(connection, address, *MAIL_MARKETING, ConsentSource.RESUBSCRIBE, now, given=True)
    return len(again)


def without_marketing(connection: Connection, addresses: Set[str], erasure_key: bytes = b"") -> set[str]:
    """Return those of the addresses that get no marketing mails, also those that the ledger has as a hash alone."""
    if erasure_key:
        hashes = {hashed_address(erasure_key, address): address for address in addresses}
        return {hashes.get(one, one) for one in without_marketing(connection, {*addresses, *hashes})}
    stopped = select(MARKETING_OPT_OUTS.c.address).where(in_list(connection, MARKETING_OPT_OUTS.c.address, addresses))
    return set(connection.execute(stopped).scalars())


def find_objections(context: Context, connection: Connection, addresses: Collection[str]) -> set[str]:
    """Return those of the addresses whose owner wants no marketing, whatever the shop's facts say."""
    recorded = load_consents(context, connection, addresses)
    withdrawn = {key[0] for key, one in recorded.items() if key[2] is Purpose.MARKETING and not one.given}
    return withdrawn | (without_marketing(connection, set(addresses), context.erasure_key) if addresses else set())
