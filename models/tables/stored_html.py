"""Store the HTML of mails compressed by a dictionary of the built-in mails: 9 kB become a few hundred bytes.

A database would compress each mail by itself, in several times the time, and to a third of its size.
"""

import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import zstandard
from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

NEWEST = 1001
DICTIONARIES: Mapping[int, str] = {NEWEST: "mails-1001.zdict"}
"""The files of all dictionaries there were, by the number that is in each compressed mail; none is ever removed."""
LEVEL = 1
FRAME = b"\x28\xb5\x2f\xfd"
"""How a compressed text begins (RFC 8878); what does not is stored as it is."""

_of_thread = threading.local()


class StoredHtml(TypeDecorator[str]):
    """A text that is stored compressed."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else compress_html(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else decompress_html(value)


def compress_html(html: str) -> bytes:
    """Return a text as it is stored; an empty one stays empty."""
    return _compressor().compress(html.encode()) if html else b""


def decompress_html(stored: bytes) -> str:
    """Return the text of what was stored; raises LookupError where its dictionary is missing."""
    if not stored.startswith(FRAME):
        return stored.decode()
    number = zstandard.get_frame_parameters(stored).dict_id
    html: bytes = _decompressor(number).decompress(stored)
    return html.decode()


_reading = threading.Lock()


def _dictionary(number: int) -> Any:
    with _reading:
        return _read_dictionary(number)


@cache
def _read_dictionary(number: int) -> Any:
    file = Path(__file__).with_name(DICTIONARIES[number])
    dictionary = zstandard.ZstdCompressionDict(file.read_bytes())
    # Once: another call frees what compressors of other threads still use.
    dictionary.precompute_compress(level=LEVEL)
    return dictionary


# A compressor may be used by one thread at a time.
def _compressor() -> Any:
    if not hasattr(_of_thread, "compressor"):
        _of_thread.compressor = zstandard.ZstdCompressor(dict_data=_dictionary(NEWEST))
    return _of_thread.compressor


def _decompressor(number: int) -> Any:
    decompressors = _of_thread.__dict__.setdefault("decompressors", {})
    if number not in decompressors:
        decompressors[number] = zstandard.ZstdDecompressor(dict_data=_dictionary(number))
    return decompressors[number]
