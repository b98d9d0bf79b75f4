"""Names that follow from what they name, so that doing it twice gives the same one."""

import uuid

from models.values import Channel

NOTICES = uuid.UUID("6f0d9a3e-5b0c-4d2e-9c57-1f6d0f0e4a11")


def notice_id(order: str, revision: int, channel: Channel) -> str:
    """Return the id of a notice: the same for the same words owed twice, and opaque to others."""
    return uuid.uuid5(NOTICES, f"{order}|{revision}|{channel}").hex


def post_id(product: str, week: str) -> str:
    """Return the id of a post about a product in an ISO week."""
    return uuid.uuid5(NOTICES, f"post|{product}|{week}").hex
