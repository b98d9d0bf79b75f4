"""Text files, read once before the SELECTs: each good record gets its file and line, each bad one is refused.

DuckDB's own reader knows no line numbers, and loses all rows after a stray quote. So the records go through Python's
`csv` and `json` into a plain copy that DuckDB cannot misread, one record at a time.
"""

import csv
import gzip
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from io import TextIOBase
from pathlib import Path
from typing import IO, cast

Refuse = Callable[[int, str, str], None]
"""Takes the line, its text, and the reason."""

DELIMITERS = ",;\t|"
NOT_UTF8 = "not UTF-8; save the file as UTF-8, or read it with read_csv('...', encoding = 'latin-1')"
SHOWN = 200


class _Lines:
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
        first, *rest = self.taken
        self.back.extendleft(reversed(rest))
        self.number -= len(rest)
        return first


def open_text(file: Path) -> IO[str]:
    """Open a file, packed or plain; bytes that are no UTF-8 come as lone surrogates, to be refused one by one."""
    opener = gzip.open if file.suffix == ".gz" else open
    stream = opener(file, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")
    return cast("IO[str]", stream)


def _records(lines: _Lines, delimiter: str, refuse: Refuse) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.taken.clear()
        line = lines.number + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # An open quote swallows the lines below it: only the first is at fault, the others are read again.
            refuse(line, lines.put_back_all_but_first(), f"bad quotes ({error})")
            continue
        if record:
            yield line, record


def stage_csv(file: Path, name: str, staged: Path, refuse: Refuse) -> list[str]:
    """Copy a delimited file with the columns _file and _line added; return the names in its header.

    Raises ValueError where the header is no header.
    """
    with open_text(file) as stream, staged.open("w", encoding="utf-8", newline="") as copy:
        lines = _Lines(stream)
        header = next(lines, "")
        delimiter = max(DELIMITERS, key=header.count)
        columns = _names(header, delimiter)
        writer = csv.writer(copy, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for line, record in _records(lines, delimiter, refuse):
            if len(record) != len(columns):
                refuse(line, "".join(lines.taken), f"{len(record)} values, where the header names {len(columns)}")
                continue
            try:
                writer.writerow((*record, name, line))
            except UnicodeEncodeError:
                refuse(line, "".join(lines.taken), NOT_UTF8)
    return columns


def _names(header: str, delimiter: str) -> list[str]:
    if not header.strip():
        raise ValueError("has no header; a first line with the columns' names is right")
    try:
        (record,) = csv.reader([header], delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise ValueError(f"has a header with bad quotes ({error})") from error
    names = [name.strip() or f"column{at}" for at, name in enumerate(record, start=1)]
    seen = set[str]()
    for name in names:
        if name.lower() in seen:
            raise ValueError(f"names the column {name!r} twice")
        seen.add(name.lower())
    return names


def is_lines(file: Path) -> bool:
    """Tell JSON with one object a line from one array."""
    with open_text(file) as stream:
        return next((line.lstrip()[0] for line in stream if line.strip()), "{") == "{"


def stage_json_lines(file: Path, name: str, staged: Path, refuse: Refuse) -> None:
    """Copy a file of one JSON object a line with _file and _line added."""
    with open_text(file) as stream, staged.open("w", encoding="utf-8") as copy:
        for line, text in enumerate(stream, start=1):
            if text.strip():
                _stage_object(text.strip(), {"_file": name, "_line": line}, copy, refuse)


def _stage_object(text: str, place: dict[str, str | int], copy: TextIOBase | IO[str], refuse: Refuse) -> None:
    line = int(place["_line"])
    try:
        found = json.loads(text)
        if isinstance(found, dict):
            copy.write(json.dumps(place)[:-1] + (", " if found else "") + text[1:] + "\n")
        else:
            refuse(line, text, 'a JSON object such as {"id": 1} is right')
    except UnicodeEncodeError:
        refuse(line, text, NOT_UTF8)
    except ValueError as error:
        refuse(line, text, f"not JSON ({error})")
