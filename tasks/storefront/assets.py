"""Static files of the storefront."""

import importlib.resources
from functools import lru_cache

from tasks.storefront.payloads import SCRIPT


@lru_cache(1)
def load_script() -> bytes:
    """Return the script that a product page includes."""
    return (importlib.resources.files("tasks.storefront") / "static" / SCRIPT).read_bytes()
