"""Which file and address name a product's notice has: one that is safe in every path, whatever its id is."""

import re
from urllib.parse import unquote_to_bytes

MAX_NAME_BYTES = 200
"""Characters of a file's name, without its ending; file systems take 255 bytes."""
_ODD = re.compile(rb"[^A-Za-z0-9_.-]|^\.")


def slug_of(product: str) -> str:
    """Return an id's name: letters, digits, `_`, `-` and `.` as they are, any other byte as `~` and two hex digits."""
    return _ODD.sub(lambda odd: b"~%02X" % odd[0][0], product.encode()).decode()


def product_from_slug(name: str) -> str | None:
    """Return the id that has this name, or None where no id has."""
    try:
        product = unquote_to_bytes(name.replace("%", "~25").replace("~", "%")).decode()
    except UnicodeDecodeError:
        return None
    # No id has a NUL, and PostgreSQL takes no text with one.
    return product if product and "\0" not in product and slug_of(product) == name else None
