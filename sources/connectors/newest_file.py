"""Which of two files of one pattern is the newer one: by its name, for copying a file changes its times."""

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import PurePosixPath

PATTERN = re.compile(r"""['"]([^'"\n]*[*?\[][^'"\n]*)['"]""")
DIGITS = re.compile(r"(\d+)", re.ASCII)


class Newest:
    """Compares the files that the patterns of a SELECT find."""

    def __init__(self, sql: str) -> None:
        self.patterns = tuple(_plain(name) for name in PATTERN.findall(sql))

    def newer(self, one: str, other: str) -> bool | None:
        """Say whether `one` is newer than `other`; None where they are one file, or no pattern finds both."""
        if one == other or not any(
            fnmatchcase(_plain(one), pattern) and fnmatchcase(_plain(other), pattern) for pattern in self.patterns
        ):
            return None
        return natural(one) > natural(other)


@lru_cache(maxsize=4096)
def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return what file names sort by: numbers in them by their size, the ending left out."""
    parts = DIGITS.split(str(PurePosixPath(_plain(name)).with_suffix("")))
    return tuple((int(part), "") if at % 2 else (-1, part) for at, part in enumerate(parts) if part)


def _plain(name: str) -> str:
    return name.removesuffix(".gz")
