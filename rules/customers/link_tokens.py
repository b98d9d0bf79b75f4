"""Compute the token of a link to an order page, and the hash by which the ledger knows it."""

import base64
import hashlib
import hmac

from models.customers import LINK_PLACEHOLDER

TOKEN_BYTES = 16
"""128 bits, which nobody can guess; 22 characters in an address."""
MIN_KEY_BYTES = 16


def token_of(key: bytes, link_id: str) -> str:
    """Return the token of a link: without the installation's key it cannot be computed from what the ledger holds.

    Raises ValueError for a key that could be guessed.
    """
    if len(key) < MIN_KEY_BYTES:
        raise ValueError(f"a link key has at least {MIN_KEY_BYTES} bytes, not {len(key)}")
    digest = hmac.digest(key, link_id.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:TOKEN_BYTES]).decode().rstrip("=")


def hash_of_token(token: str) -> str:
    """Return the hash that the ledger stores in place of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def fill_link(words: str, token: str) -> str:
    """Return a message's words with its link's token in place of the placeholder."""
    return words.replace(LINK_PLACEHOLDER, token)
