"""Seal an address into the token of a link to unsubscribe: nobody can read it, guess it or make one for another."""

import base64
import binascii
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rules.customers.link_tokens import MIN_KEY_BYTES

NONCE_BYTES = 12
MAX_TOKEN_CHARS = 512


def seal_address(key: bytes, address: str) -> str:
    """Return the token of an address, the same each time; raises ValueError for a key that could be guessed."""
    if len(key) < MIN_KEY_BYTES:
        raise ValueError(f"a link key has at least {MIN_KEY_BYTES} bytes, not {len(key)}")
    words = address.encode()
    # Computed from the address, so that no two addresses ever share one, and a link stays as it was.
    nonce = _derive(key, b"unsubscribe nonce:" + words)[:NONCE_BYTES]
    sealed = AESGCM(_derive(key, b"unsubscribe")).encrypt(nonce, words, None)
    return base64.urlsafe_b64encode(nonce + sealed).decode().rstrip("=")


def open_address(key: bytes, token: str) -> str | None:
    """Return the address of a token; None for one that was not made with this key."""
    if len(token) > MAX_TOKEN_CHARS or len(key) < MIN_KEY_BYTES:
        return None
    try:
        sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        return AESGCM(_derive(key, b"unsubscribe")).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None).decode()
    except (binascii.Error, ValueError, InvalidTag):
        return None


def _derive(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, purpose, hashlib.sha256)
