"""Recognise a customer or an address that was erased: the ledger has a keyed hash in its place."""

import hashlib
import hmac

HASH_BYTES = 16
ERASED = "erased-"
"""How the id of an erased customer begins."""
HASHED = "hash:"
"""How an erased address begins. No mail address or number does."""
MIN_KEY_BYTES = 16


def erased_id(key: bytes, customer_id: str) -> str:
    """Return the id that replaces the one of an erased customer, which may be a mail address."""
    return ERASED + _hash(key, f"customer {customer_id}")


def hashed_address(key: bytes, address: str) -> str:
    """Return what replaces an address in its normal form."""
    return HASHED + _hash(key, f"address {address}")


def address_forms(key: bytes, address: str) -> tuple[str, ...]:
    """Return an address with the hash that replaces it; the address alone without a key, or where it is one."""
    return (address, hashed_address(key, address)) if key and not address.startswith(HASHED) else (address,)


def key_check(key: bytes) -> str:
    """Return what tells this key from another, and tells nothing of it."""
    return _hash(key, "check")


def _hash(key: bytes, value: str) -> str:
    if len(key) < MIN_KEY_BYTES:
        raise ValueError(f"an erasure key has at least {MIN_KEY_BYTES} bytes, not {len(key)}")
    return hmac.digest(key, value.encode(), hashlib.sha256)[:HASH_BYTES].hex()
