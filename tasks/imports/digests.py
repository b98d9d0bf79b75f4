"""Digests of a source's rows: two rows of one digest have the same values, and are converted to the same fact."""

import platform
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from operator import itemgetter
from pathlib import Path
from types import ModuleType
from typing import Any
from unicodedata import normalize
from zoneinfo import TZPATH

import models.fields
import models.quantities
import models.reasons
import models.tables.column_types
import sources.coercion
import sources.contract
import sources.rows
import tasks.imports.endings
import tasks.imports.fact_rows
from models.config.shop import ShopConfig
from sources.connectors.queries import DIGEST_COLUMN
from sources.contract import CONTRACT, KEYS
from sources.rows import Row

DIGEST_BYTES = 8
"""As many as a BIGINT has. A digest is compared only with that of its own key."""
SIGN = 1 << (8 * DIGEST_BYTES - 1)
CONVERSION: tuple[ModuleType, ...] = (
    models.fields,
    models.quantities,
    models.reasons,
    models.tables.column_types,
    sources.coercion,
    sources.contract,
    sources.rows,
    tasks.imports.endings,
    tasks.imports.fact_rows,
)
"""The modules that convert a row as read to the row of a table."""
LIBRARIES = ("duckdb", "pydantic", "pydantic-core")

Digest = tuple[tuple[str, ...], int]
"""The key of the one stored row that may have the digest of a row, and the digest."""


def row_digests(table: str, shop: ShopConfig) -> Callable[[Iterable[Row]], list[Digest]]:
    """Return the function that returns the digests of rows of a table. All rows must have the same columns.

    A digest changes with the columns, the values and their types, the time zones, and the code that converts them.
    """
    digest_of: Callable[[tuple[Any, ...]], Digest] | None = None

    def digests(rows: Iterable[Row]) -> list[Digest]:
        nonlocal digest_of
        found = []
        for record, columns, _, _ in rows:
            digest_of = digest_of or _digest_of(table, columns, shop)
            found.append(digest_of(record))
        return found

    return digests


def _digest_of(table: str, columns: Sequence[str], shop: ShopConfig) -> Callable[[tuple[Any, ...]], Digest]:
    # Columns such as _file and _line say where a row is, not what it says.
    said = [at for at, name in enumerate(columns) if name in CONTRACT[table].model_fields]
    names = [columns[at] for at in said]
    key_of = _values_at([columns.index(name) for name in KEYS[table]])
    start = blake2b(repr((_conversion_version(), _zones_version(shop), names)).encode(), digest_size=DIGEST_BYTES)
    if DIGEST_COLUMN in columns:
        at, mask = columns.index(DIGEST_COLUMN), int.from_bytes(start.digest())
        return lambda record: (_key_texts(key_of(record)), (record[at] ^ mask) - SIGN)
    values_of = _values_at(said)

    def digest(record: tuple[Any, ...]) -> Digest:
        hashed = start.copy()
        hashed.update(repr(values_of(record)).encode())
        return _key_texts(key_of(record)), int.from_bytes(hashed.digest(), signed=True)

    return digest


def _values_at(places: Sequence[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Return the function that returns the values of some columns of a record."""
    first, *others = places
    return itemgetter(first, *others) if others else itemgetter(slice(first, first + 1))


def _key_texts(key: tuple[Any, ...]) -> tuple[str, ...]:
    """Return a key as the ledger probably has it: if it has another, the row is not found, and is validated."""
    texts = tuple([str(value).strip() for value in key])
    joined = "".join(texts)
    if joined.isascii() and "\0" not in joined:
        return texts
    # Neither database takes text with halves of surrogate pairs, and PostgreSQL none with NUL.
    return tuple(normalize("NFC", text.encode(errors="replace").decode()).replace("\0", "") for text in texts)


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
