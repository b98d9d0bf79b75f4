"""Hash the tests' passwords quickly: at full cost each hash takes 64 MiB and a tenth of a second of a core."""

from functools import cache

from tasks.staff import passwords

full_cost_hasher = passwords._hasher
"""Return the hasher that a user's process has."""


def make_passwords_quick() -> None:
    """Let this process hash and check passwords at the lowest cost. A desk that is a process of its own does not."""
    passwords._hasher = _quick_hasher


@cache
def _quick_hasher():
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
