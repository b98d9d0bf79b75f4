"""Make links to order pages. `tasks/customers/links.py` opens and revokes them."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from rules.customers.link_tokens import hash_of_token, token_of
from tasks.context import Context
from tasks.db.bulk import bulk_insert
from tasks.tables import ORDER_LINKS

ID_BYTES = 16


def new_link(context: Context, order_id: str, customer_id: str) -> dict[str, Any]:
    """Return the row of a new link to an order's page."""
    key = secrets.token_hex(ID_BYTES)
    return {
        "id": key,
        "token_hash": hash_of_token(token_of(context.link_key, key)),
        "order_id": order_id,
        "customer_id": customer_id,
        "created_at": context.started_at,
        "expires_at": context.started_at + timedelta(days=context.policy.order_page.link_days),
        "revoked_at": None,
        "revoked_by": None,
    }


def insert_links(connection: Connection, links: Iterable[Mapping[str, Any]]) -> None:
    """Insert new links."""
    bulk_insert(connection, ORDER_LINKS, [dict(link) for link in links], ignore_conflicts=False)
