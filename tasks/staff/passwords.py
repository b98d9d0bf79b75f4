"""Hash and check passwords with Argon2."""

import threading
from functools import cache
from typing import TYPE_CHECKING

from models.errors import ForewarnError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_CHARS, MAX_CHARS = 12, 200
_AT_ONCE = threading.BoundedSemaphore(2)
"""Each hash takes 64 MiB and a core: many sign-ins at once wait for each other, and pages do not wait for them."""


@cache
def _hasher() -> "PasswordHasher":
    # Here, because only signing in needs it. Its defaults are the second recommendation of RFC 9106.
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    return _hasher().hash("nobody has this password")


def hash_password(password: str) -> str:
    """Return the hash of a password. Raises ForewarnError for one that is too short or too long."""
    if problem := password_problem(password):
        raise ForewarnError(problem)
    return _hasher().hash(password)


def password_problem(password: str) -> str:
    """Return what is wrong with a new password; empty: nothing."""
    if len(password) < MIN_CHARS:
        return f"A password has {MIN_CHARS} characters or more; several words together are easy to remember."
    if len(password) > MAX_CHARS:
        return f"A password has {MAX_CHARS} characters at most."
    if len(set(password)) < 5:
        return "This password repeats the same few characters."
    return ""


def fits(password: str, password_hash: str | None) -> bool:
    """Return whether a password is the right one; without a hash it takes the same time, and is wrong."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        with _AT_ONCE:
            return _hasher().verify(password_hash or _nobodys_hash(), password[: MAX_CHARS + 1]) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(password_hash: str) -> bool:
    """Return whether a hash was made with older parameters than those of today."""
    return _hasher().check_needs_rehash(password_hash)
