"""Names that follow from what they name, so that doing it twice gives the same one."""

import hashlib
import uuid

from models.values import Channel, Delay

NOTICES = uuid.UUID("6f0d9a3e-5b0c-4d2e-9c57-1f6d0f0e4a11")


def notice_id(order: str, revision: int, channel: Channel) -> str:
    """Return the id of a notice: the same for the same words owed twice, and opaque to others."""
    return uuid.uuid5(NOTICES, f"{order}|{revision}|{channel}").hex


def post_id(product: str, week: str) -> str:
    """Return the id of a post about a product in an ISO week."""
    return uuid.uuid5(NOTICES, f"post|{product}|{week}").hex


def facts_of(delay: Delay) -> str:
    """Return a digest of what a notice says of an order: which lines are late, promised and expected when.

    The days late are left out: they grow by themselves, and make no notice untrue.
    """
    said = "|".join(f"{one.line.number}:{one.line.promised_on}:{one.expected_on}" for one in delay.late)
    return hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
