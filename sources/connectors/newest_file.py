"""Tell which of two files of one pattern is newer: by name, because copying a file changes its times."""

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import PurePosixPath

PATTERN = re.compile(r"""['"]([^'"\n]*[*?\[][^'"\n]*)['"]""")
DIGITS = re.compile(r"(\d+)", re.ASCII)


class Newest:
    """Compares files that a pattern in a SELECT matches."""

    def __init__(self, sql: str) -> None:
        self.patterns = tuple(_without_gz(name) for name in PATTERN.findall(sql))

    def newer(self, one: str, other: str) -> bool | None:
        """Return whether `one` is newer than `other`; None for one file, or when no pattern matches both."""
        if one == other or not any(
            fnmatchcase(_without_gz(one), pattern) and fnmatchcase(_without_gz(other), pattern)
            for pattern in self.patterns
        ):
            return None
        return sort_key(one) > sort_key(other)


@lru_cache(maxsize=4096)
def sort_key(name: str) -> tuple[tuple[int, str], ...]:
    """Return the key that file names sort by: numbers in them by value, without the suffix."""
    parts = DIGITS.split(str(PurePosixPath(_without_gz(name)).with_suffix("")))
    return tuple((int(part), "") if at % 2 else (-1, part) for at, part in enumerate(parts) if part)


def _without_gz(name: str) -> str:
    return name.removesuffix(".gz")
