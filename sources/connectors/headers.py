"""Read the header of a delimited file, below blank lines and `sep=`, and detect other lines above it."""

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator

DELIMITERS = ",;\t|"
BLANKS = " \t\r\n\"'" + DELIMITERS
SEP = re.compile(r'"?sep=([^"\r\n])"?[,;\t|\s]*', re.IGNORECASE)
BREAK = re.compile(r"\s*[\r\n]+\s*")
QUOTED = re.compile(r'"(?:[^"]|"")*"')
MAX_LINES_INSPECTED = 20
"""Lines below the first line that are inspected, and the most lines that a header may have."""


class Lines:
    """An iterator over a file's lines that counts them. Lines can be put back."""

    def __init__(self, stream: Iterable[str]) -> None:
        self.stream, self.pending = iter(stream), deque[str]()
        self.taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.pending.popleft() if self.pending else next(self.stream)
        self.taken.append(line)
        self.number += 1
        return line

    def plain(self, delimiter: str, width: int) -> Iterator[str]:
        """Yield the next lines as long as each is a record of `width` values, without quotes, that begins with one.

        A comma in a record of another delimiter ends them, too, and a line too long for Python's csv.
        """
        longest = csv.field_size_limit()
        while (line := self.pending.popleft() if self.pending else next(self.stream, "")) != "":
            if (
                '"' in line
                or line.count(delimiter) != width - 1
                or line[0] == delimiter
                or line[0].isspace()
                or (delimiter != "," and "," in line)
                or len(line) > longest
            ):
                self.pending.appendleft(line)
                return
            self.number += 1
            yield line

    def put_back_all_but_first(self) -> str:
        """Put back all lines read since `taken` was cleared, except the first, and return the first."""
        first, *rest = self.taken
        self.pending.extendleft(reversed(rest))
        self.number -= len(rest)
        return first

    def peek(self, count: int) -> list[str]:
        """Return up to `count` next lines without reading past them."""
        while len(self.pending) < count and (line := next(self.stream, None)) is not None:
            self.pending.append(line)
        return list(self.pending)[:count]


def read_header(lines: Lines, name: str) -> tuple[list[str], str]:
    """Read the header, and blank lines and `sep=` above it. Return the column names and the delimiter.

    Raises ValueError when there is no header, or when other lines stand above it.
    """
    header, declared = _first_line(lines), None
    if match := SEP.fullmatch(header.strip("\r\n")):
        header, declared = _first_line(lines), match[1]
    while header.count('"') % 2 and lines.number <= MAX_LINES_INSPECTED and (more := next(lines, "")):
        header += more
    if not header.strip(BLANKS):
        raise ValueError("has no header; a first line with the columns' names is right")
    delimiter = declared or _delimiter(header)
    names = _names(header, delimiter)
    _reject_preamble(lines, header, name, declared or (delimiter if delimiter in header else None))
    return names, delimiter


def _first_line(lines: Lines) -> str:
    return next((line for line in lines if line.strip(BLANKS)), "")


def _delimiter(text: str) -> str:
    unquoted = QUOTED.sub("", text)
    return max(DELIMITERS, key=unquoted.count)


def _reject_preamble(lines: Lines, header: str, name: str, delimiter: str | None) -> None:
    """Raise ValueError when most lines have more values than the first line: it is a title, not the header."""
    following = lines.peek(MAX_LINES_INSPECTED)
    separator = delimiter or _delimiter("".join(following))
    width = _width(header, separator)
    widths = [_width(line, separator) for line in following if line.strip(BLANKS)]
    wider = [values for values in widths if values > width]
    if len(wider) < 2 or 2 * len(wider) <= len(widths):
        return
    widest = max(wider)
    above = lines.number + next(at for at, line in enumerate(following) if _width(line, separator) == widest)
    raise ValueError(
        f"has {header.strip()!r} as its first line, where lines below have {widest} values. Where lines stand above "
        f"the header, read_csv('{name}', skip = {above}, all_varchar = true) leaves them out"
    )


def _width(line: str, delimiter: str) -> int:
    """Return how many values a line has, not counting blank ones at its end."""
    record = next(csv.reader([line[: csv.field_size_limit()]], delimiter=delimiter), [])
    while record and not record[-1].strip():
        record.pop()
    return len(record)


def _names(header: str, delimiter: str) -> list[str]:
    try:
        (record,) = csv.reader(header.splitlines(keepends=True), delimiter=delimiter, strict=True)
    except (csv.Error, ValueError) as error:
        raise ValueError(f"has a header with bad quotes ({error})") from error
    names = [BREAK.sub(" ", name.strip()) or f"column{at}" for at, name in enumerate(record, start=1)]
    known = set[str]()
    for name in names:
        if name.lower() in known:
            raise ValueError(f"names the column {name!r} twice")
        known.add(name.lower())
    return names
