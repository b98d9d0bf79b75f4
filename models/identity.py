"""Identify a shop: by its folder, and by the owner that a ledger records."""

import re
import unicodedata
from dataclasses import dataclass

SLUG_LENGTH = 60
"""Characters. File systems allow 255 bytes in a name, and a character takes up to four."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A shop as ledgers record it. Without an `id` in shop.toml, its name and folder identify it."""

    id: str | None
    name: str
    folder: str

    def __str__(self) -> str:
        """Return the name with the id, or with the folder when there is no id."""
        return f'"{self.name}" ({f"id {self.id}" if self.id else f"no id, {self.folder}"})'


def slug(name: str) -> str:
    """Return a name as a file name in lower case. Letters of every script are kept."""
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFKC", name).lower())
    return words[:SLUG_LENGTH].strip("-") or "shop"


def plain_slug(name: str) -> str:
    """Return a name as a file name of the letters a to z, digits and hyphens; `shop` if none is left."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "shop"
