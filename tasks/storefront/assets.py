"""TODO."""

import importlib.resources
from functools import lru_cache

from tasks.storefront import payloads as stock


@lru_cache(1)
def load_script() -> bytes:
    """Return the script for product pages."""
    return (importlib.resources.files("tasks.storefront") / "static" / stock.SCRIPT).read_bytes()
