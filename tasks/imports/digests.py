"""Digests of a source's rows: two rows of one digest have the same values, and are converted to the same fact."""

import platform
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import NamedTuple
from unicodedata import normalize
from zoneinfo import TZPATH

import models.fields
import models.quantities
import models.reasons
import models.tables.column_types
import sources.coercion
import sources.contract
import tasks.imports.endings
import tasks.imports.fact_rows
from models.config.shop import ShopConfig
from sources.contract import CONTRACT, KEYS
from sources.rows import Row

DIGEST_BYTES = 8
"""As many as a BIGINT has. A digest is compared only with that of its own key."""
CONVERSION: tuple[ModuleType, ...] = (
    models.fields,
    models.quantities,
    models.reasons,
    models.tables.column_types,
    sources.coercion,
    sources.contract,
    tasks.imports.endings,
    tasks.imports.fact_rows,
)
"""The modules that convert a row as read to the row of a table."""
LIBRARIES = ("pydantic", "pydantic-core")


class Digest(NamedTuple):
    """The digest of a row, and the key of the one stored row that may have it."""

    key: tuple[str, ...]
    value: int


def row_digests(table: str, shop: ShopConfig) -> Callable[[Row], Digest]:
    """Return the function that returns the digest of a row of a table. All rows must have the same columns.

    The digest changes with the columns, the values and their types, the time zones, and the code that converts them.
    """
    fields, key_names = CONTRACT[table].model_fields, KEYS[table]
    names: list[str] = []
    start = blake2b(digest_size=DIGEST_BYTES)

    def digest(row: Row) -> Digest:
        values = row.values
        if not names:
            # Columns such as _file and _line say where a row is, not what it says.
            names.extend(name for name in values if name in fields)
            start.update(repr((_conversion_version(), _zones_version(shop), names)).encode())
        hashed = start.copy()
        hashed.update(repr([values[name] for name in names]).encode())
        key = tuple([_key_text(str(values[name])) for name in key_names])
        return Digest(key, int.from_bytes(hashed.digest(), signed=True))

    return digest


def _key_text(value: str) -> str:
    """Return a key as the ledger probably has it: if it has another, the row is not found, and is validated."""
    if value.isascii() and "\0" not in value:
        return value
    # Neither database takes text with halves of surrogate pairs, and PostgreSQL none with NUL.
    return normalize("NFC", value.encode(errors="replace").decode()).replace("\0", "")


@cache
def _conversion_version() -> bytes:
    code = blake2b(platform.python_version().encode())
    for module in CONVERSION:
        code.update(Path(str(module.__file__)).read_bytes())
    for library in LIBRARIES:
        code.update(version(library).encode())
    return code.digest()


def _zones_version(shop: ShopConfig) -> list[tuple[str, bytes]]:
    return [(zone, _zone_data(zone)) for zone in (shop.source.zone or shop.zone, shop.zone)]


def _zone_data(zone: str) -> bytes:
    """Return the rules of a time zone as this machine has them, or else the version of the package that has them."""
    files = (Path(folder) / zone for folder in TZPATH)
    return next((file.read_bytes() for file in files if file.is_file()), None) or version("tzdata").encode()
