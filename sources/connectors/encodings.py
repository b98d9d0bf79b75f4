"""How a text file is opened: which encoding it is in, packed or plain."""

import codecs
import gzip
import shutil
from pathlib import Path
from typing import IO, cast

UTF_8 = "utf-8"
# The longer marks first: UTF-32 in the order of small machines begins as UTF-16 does.
MARKS = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
PACKED = (".gz", ".gzip")
GZIP = b"\x1f\x8b"
UNREADABLE = "forewarn-unreadable"


def _unreadable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


codecs.register_error(UNREADABLE, _unreadable)


def open_bytes(file: Path) -> IO[bytes]:
    """Open a file as bytes, unpacked."""
    packed = file.suffix.lower() == PACKED[0]
    if not packed:
        with file.open("rb") as stream:
            packed = stream.read(len(GZIP)) == GZIP
    return cast("IO[bytes]", gzip.open(file) if packed else file.open("rb"))


def unpack(file: Path, to: Path) -> None:
    """Write a file's bytes, unpacked."""
    with open_bytes(file) as packed, to.open("wb") as unpacked:
        shutil.copyfileobj(packed, unpacked)


def marked(file: Path) -> str | None:
    """Return the encoding that a file's byte order mark names."""
    with open_bytes(file) as stream:
        start = stream.read(4)
    return next((encoding for mark, encoding in MARKS if start.startswith(mark)), None)


def encoding_of(file: Path, declared: str | None) -> str:
    """Return a file's encoding: as its mark says, else UTF-8, or the shop's where the lines are not UTF-8.

    A line of Windows-1252 is hardly ever UTF-8 by chance, so the lines of either kind are counted: a UTF-8 file with a
    broken line stays UTF-8.
    """
    if (found := marked(file)) is not None:
        return found
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
    """Open a file, packed or plain; bytes that the encoding cannot have come as lone surrogates, to be refused."""
    plain = encoding == UTF_8
    opener = gzip.open if isinstance(probe := open_bytes(file), gzip.GzipFile) else open
    probe.close()
    stream = opener(
        file,
        "rt",
        encoding="utf-8-sig" if plain else encoding,
        errors="surrogateescape" if plain else UNREADABLE,
        newline="",
    )
    return cast("IO[str]", stream)


def as_utf8(file: Path, encoding: str, to: Path) -> None:
    """Copy a file as UTF-8; raises ValueError with the line that is not in the encoding."""
    number = 1
    try:
        with open_text(file, encoding) as stream, to.open("w", encoding=UTF_8, newline="") as copy:
            for number, line in enumerate(stream, start=1):  # noqa: B007 - told where it fails
                copy.write(line)
    except UnicodeError as error:
        raise ValueError(f"is not {encoding} in line {number}") from error
