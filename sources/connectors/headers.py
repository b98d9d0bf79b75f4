"""The header of a delimited file: found below blank lines and `sep=`, and missed where other lines stand above it."""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator

DELIMITERS = ",;\t|"
BLANKS = " \t\r\n\"'" + DELIMITERS
SEP = re.compile(r'"?sep=([^"\r\n])"?[,;\t|\s]*', re.IGNORECASE)
BREAK = re.compile(r"\s*[\r\n]+\s*")
QUOTED = re.compile(r'"(?:[^"]|"")*"')
LOOKED_AT = 20
"""Lines below the first that are looked at; also the most that a header may fill."""


class Lines:
    """A file's lines, counted, that can be put back."""

    def __init__(self, stream: Iterable[str]) -> None:
        self.stream, self.back = iter(stream), deque[str]()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.back.popleft() if self.back else next(self.stream)
        self.taken.append(line)
        self.number += 1
        return line

    def put_back_all_but_first(self) -> str:
        """Take the lines since `taken` was cleared as unread, except the first, and return that."""
        first, *rest = self.taken
        self.back.extendleft(reversed(rest))
        self.number -= len(rest)
        return first

    def ahead(self, count: int) -> list[str]:
        """Return the next lines without taking them."""
        while len(self.back) < count and (line := next(self.stream, None)) is not None:
            self.back.append(line)
        return list(self.back)[:count]


def read_header(lines: Lines, name: str) -> tuple[list[str], str]:
    """Take the header, and blank lines and `sep=` above it; return the names in it and the delimiter.

    Raises ValueError where the header is no header.
    """
    header, said = _first(lines), None
    if found := SEP.fullmatch(header.strip("\r\n")):
        header, said = _first(lines), found[1]
    while header.count('"') % 2 and lines.number <= LOOKED_AT and (more := next(lines, "")):
        header += more
    if not header.strip(BLANKS):
        raise ValueError("has no header; a first line with the columns' names is right")
    delimiter = said or _delimiter(header)
    names = _names(header, delimiter)
    _below_a_preamble(lines, header, name, said or (delimiter if delimiter in header else None))
    return names, delimiter


def _first(lines: Lines) -> str:
    return next((line for line in lines if line.strip(BLANKS)), "")


def _delimiter(text: str) -> str:
    bare = QUOTED.sub("", text)
    return max(DELIMITERS, key=bare.count)


def _below_a_preamble(lines: Lines, header: str, name: str, delimiter: str | None) -> None:
    """Raise ValueError where most lines have more values than the first: then that is a title, and no header."""
    ahead = lines.ahead(LOOKED_AT)
    by = delimiter or _delimiter("".join(ahead))
    width = _width(header, by)
    wider = [_width(line, by) for line in ahead if line.strip(BLANKS)]
    longer = [values for values in wider if values > width]
    if len(longer) < 2 or 2 * len(longer) <= len(wider):
        return
    widest = max(longer)
    above = lines.number + next(at for at, line in enumerate(ahead) if _width(line, by) == widest)
    raise ValueError(
        f"has {header.strip()!r} as its first line, where lines below have {widest} values. Where lines stand above "
        f"the header, read_csv('{name}', skip = {above}, all_varchar = true) leaves them out"
    )


def _width(line: str, delimiter: str) -> int:
    """Return how many values a line has, without blank ones at its end."""
    record = next(csv.reader([line], delimiter=delimiter), [])
    while record and not record[-1].strip():
        record.pop()
    return len(record)


def _names(header: str, delimiter: str) -> list[str]:
    try:
        (record,) = csv.reader(header.splitlines(keepends=True), delimiter=delimiter, strict=True)
    except (csv.Error, ValueError) as error:
        raise ValueError(f"has a header with bad quotes ({error})") from error
    names = [BREAK.sub(" ", name.strip()) or f"column{at}" for at, name in enumerate(record, start=1)]
    seen = set[str]()
    for name in names:
        if name.lower() in seen:
            raise ValueError(f"names the column {name!r} twice")
        seen.add(name.lower())
    return names
