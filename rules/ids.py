"""Ids computed from what they identify, so that the same notice, post or request never gets two."""

import uuid

from models.enums import Channel, PostKind

NAMESPACE = uuid.UUID("6f0d9a3e-5b0c-4d2e-9c57-1f6d0f0e4a11")


def notice_id(order: str, revision: int, channel: Channel) -> str:
    """Return the id of a notice: one for each order, revision and channel. The order cannot be read from it."""
    return uuid.uuid5(NAMESPACE, f"{order}|{revision}|{channel}").hex


def first_mail(order: str) -> str:
    """Return the id of the first mail about an order, whose thread the later ones join."""
    return notice_id(order, 1, Channel.EMAIL)


def post_id(product: str, week: str, kind: PostKind = PostKind.LATE) -> str:
    """Return the id of a post: one for each product, ISO week and kind."""
    name = "post" if kind is PostKind.LATE else f"post {kind}"
    return uuid.uuid5(NAMESPACE, f"{name}|{product}|{week}").hex


def post_message_id(post: str, network: Channel) -> str:
    """Return the id of a post on one network."""
    return uuid.uuid5(NAMESPACE, f"post on {network}|{post}").hex


def request_id(run: str, vendor: str) -> str:
    """Return the id of a purchase request: one for each run and vendor."""
    return uuid.uuid5(NAMESPACE, f"request|{run}|{vendor}").hex


def reminder_id(request: str, number: int = 1) -> str:
    """Return the id of the nth reminder of a purchase request; staff may send more than one."""
    name = f"reminder|{request}" if number == 1 else f"reminder|{request}|{number}"
    return uuid.uuid5(NAMESPACE, name).hex


def purchase_line_id(order: str, line: str, attempt: int) -> str:
    """Return the id of the nth request for an order line."""
    return uuid.uuid5(NAMESPACE, f"purchase|{order}|{line}|{attempt}").hex


def choice_id(order: str, number: int) -> str:
    """Return the id of an order's nth choice: the reference that its customer reads, as 1041-C1."""
    return f"{order}-C{number}"
