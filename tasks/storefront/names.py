"""The file name and URL segment of a product's notice, safe in every path whatever the product's id is."""

import re
from urllib.parse import unquote_to_bytes

MAX_NAME_BYTES = 200
"""Bytes of a file name without its extension; file systems allow 255."""
_UNSAFE = re.compile(rb"[^A-Za-z0-9_.-]|^\.")


def slug_of(product: str) -> str:
    """Return a product id with each byte but letters, digits, `_`, `-` and `.` written as `~` and two hex digits."""
    return _UNSAFE.sub(lambda byte: b"~%02X" % byte[0][0], product.encode()).decode()


def product_from_slug(slug: str) -> str | None:
    """Return the product id with this slug; None where no id has it."""
    try:
        product = unquote_to_bytes(slug.replace("%", "~25").replace("~", "%")).decode()
    except UnicodeDecodeError:
        return None
    # PostgreSQL accepts no text with a NUL, so no id has one.
    return product if product and "\0" not in product and slug_of(product) == slug else None
