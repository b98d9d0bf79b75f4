"""Which shop it is: what its folder says, and what a ledger remembers of the shop that it belongs to."""

import re
import unicodedata
from dataclasses import dataclass

SLUG_LENGTH = 60
"""Characters; a file system takes 255 bytes, and some letters take four."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A shop as ledgers know it. Without an `id` in its shop.toml it is its name at one place."""

    id: str | None
    name: str
    folder: str

    def __str__(self) -> str:
        """Say which shop it is; never more than its own folder says."""
        return f'"{self.name}" ({f"id {self.id}" if self.id else f"no id, {self.folder}"})'


def slug(name: str) -> str:
    """Return a name as a file name, in lower case; letters of every script stay."""
    words = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFKC", name).lower())
    return words[:SLUG_LENGTH].strip("-") or "shop"


def plain_slug(name: str) -> str:
    """Return the file name that Forewarn used to make of a name: Latin letters without accents, or `shop`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "shop"
