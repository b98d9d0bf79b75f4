"""Detect the encoding of text files, and open them, compressed with gzip or not."""

import codecs
import gzip
import shutil
from pathlib import Path
from typing import IO, cast

UTF_8 = "utf-8"
# Longer marks come first: the mark of little-endian UTF-32 begins with that of UTF-16.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
GZIP_SUFFIXES = (".gz", ".gzip")
GZIP_MAGIC = b"\x1f\x8b"
REPLACE_UNDECODABLE = "forewarn-replace-undecodable"
"""The name of an error handler: undecodable bytes become a lone surrogate, so that their row is rejected."""


def _replace_undecodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error(REPLACE_UNDECODABLE, _replace_undecodable)


def open_bytes(file: Path) -> IO[bytes]:
    """Open a file as decompressed bytes."""
    compressed = file.suffix.lower() == GZIP_SUFFIXES[0]
    if not compressed:
        with file.open("rb") as stream:
            compressed = stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    return cast("IO[bytes]", gzip.open(file) if compressed else file.open("rb"))


def decompress(file: Path, to: Path) -> None:
    """Copy a file as decompressed bytes."""
    with open_bytes(file) as source, to.open("wb") as copy:
        shutil.copyfileobj(source, copy)


def encoding_of_mark(file: Path) -> str | None:
    """Return the encoding that a file's byte order mark names; None without a mark."""
    with open_bytes(file) as stream:
        start = stream.read(4)
    return next((encoding for mark, encoding in BYTE_ORDER_MARKS if start.startswith(mark)), None)


def encoding_of(file: Path, declared: str | None) -> str:
    """Return a file's encoding: that of its mark, else UTF-8, or `declared` when most lines are not UTF-8.

    A non-ASCII line of Windows-1252 is hardly ever valid UTF-8 by chance. Lines of both kinds are counted, so that a
    UTF-8 file with a broken line is still read as UTF-8.
    """
    if (encoding := encoding_of_mark(file)) is not None:
        return encoding
    if declared is None:
        return UTF_8
    balance = 0
    with open_bytes(file) as lines:
        for line in lines:
            if not line.isascii():
                balance += 1 if _is_utf8(line) else -1
    return UTF_8 if balance > 0 else declared


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def open_text(file: Path, encoding: str = UTF_8) -> IO[str]:
    """Open a file, compressed or not. Undecodable bytes become lone surrogates, so that their rows are rejected."""
    is_utf8 = encoding == UTF_8
    opener = gzip.open if isinstance(probe := open_bytes(file), gzip.GzipFile) else open
    probe.close()
    stream = opener(
        file,
        "rt",
        encoding="utf-8-sig" if is_utf8 else encoding,
        errors="surrogateescape" if is_utf8 else REPLACE_UNDECODABLE,
        newline="",
    )
    return cast("IO[str]", stream)


def copy_as_utf8(file: Path, encoding: str, to: Path) -> None:
    """Copy a file as UTF-8. Raises ValueError with the number of a line that is not in the encoding."""
    number = 1
    try:
        with open_text(file, encoding) as stream, to.open("w", encoding=UTF_8, newline="") as copy:
            for number, line in enumerate(stream, start=1):  # noqa: B007 - the error names it
                copy.write(line)
    except UnicodeError as error:
        raise ValueError(f"is not {encoding} in line {number}") from error
