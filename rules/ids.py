"""Names that follow from what they name, so that doing it twice gives the same one."""

import uuid

from models.enums import Channel, PostKind

NAMESPACE = uuid.UUID("6f0d9a3e-5b0c-4d2e-9c57-1f6d0f0e4a11")


def notice_id(order: str, revision: int, channel: Channel) -> str:
    """Return the id of a notice: the same for the same words owed twice, and opaque to others."""
    return uuid.uuid5(NAMESPACE, f"{order}|{revision}|{channel}").hex


def post_id(product: str, week: str, kind: PostKind = PostKind.LATE) -> str:
    """Return the id of a kind of post about a product in an ISO week."""
    name = "post" if kind is PostKind.LATE else f"post {kind}"
    return uuid.uuid5(NAMESPACE, f"{name}|{product}|{week}").hex


def request_id(run: str, vendor: str) -> str:
    """Return the id of what a vendor is asked for in a run."""
    return uuid.uuid5(NAMESPACE, f"request|{run}|{vendor}").hex


def reminder_id(request: str) -> str:
    """Return the id of the one reminder of a purchase request."""
    return uuid.uuid5(NAMESPACE, f"reminder|{request}").hex


def purchase_line_id(order: str, line: str, attempt: int) -> str:
    """Return the id of the nth request for an order line."""
    return uuid.uuid5(NAMESPACE, f"purchase|{order}|{line}|{attempt}").hex
