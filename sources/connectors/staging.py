"""Text files, read once before the SELECTs: each good record gets its file and line, each bad one is refused.

DuckDB's own reader knows no line numbers, and loses all rows after a stray quote. So the records go through Python's
`csv` and `json` into a plain copy that DuckDB cannot misread, one record at a time.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from io import TextIOBase
from pathlib import Path
from typing import IO

from sources.connectors.encodings import UTF_8, encoding_of, marked, open_text
from sources.connectors.headers import Lines, read_header

Refuse = Callable[[int, str, str], None]
"""Takes the line, its text, and the reason."""

SHOWN = 200
# How Excel is made to keep leading zeros: ="0017" means 0017.
AS_TEXT = '="'
EXCEL = re.compile(r'="((?:[^"]|"")*)"')


def _not_text(encoding: str) -> str:
    named = "UTF-8" if encoding == UTF_8 else encoding
    return (
        f"not {named}; save the file as UTF-8, or name its encoding: "
        "encoding = \"cp1252\" under [source] in shop.toml, or read_csv('...', encoding = 'cp1252')"
    )


def _records(lines: Lines, delimiter: str, refuse: Refuse) -> Iterator[tuple[int, list[str]]]:
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


def stage_csv(file: Path, name: str, staged: Path, refuse: Refuse, declared: str | None = None) -> list[str]:
    """Copy a delimited file with the columns _file and _line added; return the names in its header.

    `declared` is the encoding of files that are not UTF-8. Raises ValueError where the header is no header.
    """
    encoding = encoding_of(file, declared)
    with open_text(file, encoding) as stream, staged.open("w", encoding=UTF_8, newline="") as copy:
        lines = Lines(stream)
        columns, delimiter = read_header(lines, name)
        if any(map(_is_torn, columns)):
            raise ValueError(f"has a header that is {_not_text(encoding)}")
        fit = _Fit(columns)
        writer = csv.writer(copy, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for line, found in _records(lines, delimiter, refuse):
            if not any(map(str.strip, found)):
                continue
            record = found if len(found) == fit.width else fit.cut(found)
            if record is None:
                refuse(line, "".join(lines.taken), f"{len(found)} values, where the header names {fit.width}")
                continue
            if AS_TEXT in (lines.taken[0] if len(lines.taken) == 1 else "".join(lines.taken)):
                record = [_from_excel(value) for value in record]
            try:
                writer.writerow((*record, name, line))
            except UnicodeEncodeError:
                refuse(line, "".join(lines.taken), _not_text(encoding))
    return columns


class _Fit:
    """How many values a record may have: blank ones at its end, beyond the header, do not count."""

    def __init__(self, columns: list[str]) -> None:
        self.width = self.least = len(columns)
        while self.least > 1 and columns[self.least - 1] == f"column{self.least}":
            self.least -= 1

    def cut(self, record: list[str]) -> list[str] | None:
        """Return the record with as many values as the header has names; None where that would lose one."""
        if self.least <= len(record) < self.width:
            return record + [""] * (self.width - len(record))
        return None if len(record) < self.width or any(map(str.strip, record[self.width :])) else record[: self.width]


def _from_excel(value: str) -> str:
    found = EXCEL.fullmatch(value.strip())
    return found[1].replace('""', '"') if found else value


def _is_torn(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def is_lines(file: Path) -> bool | None:
    """Tell JSON with one object a line from one array; None is one object printed over several lines.

    A first line that is no JSON is a bad line where the second is JSON by itself.
    """
    with open_text(file, marked(file) or UTF_8) as stream:
        written = (line for line in stream if line.strip())
        first, second = next(written, "{}"), next(written, "")
    if first.lstrip()[0] != "{":
        return False
    return True if not second or _is_object(first) or _is_object(second) else None


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def stage_json_lines(file: Path, name: str, staged: Path, refuse: Refuse) -> None:
    """Copy a file of one JSON object a line with _file and _line added."""
    with open_text(file, marked(file) or UTF_8) as stream, staged.open("w", encoding=UTF_8) as copy:
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
        refuse(line, text, _not_text(UTF_8))
    except ValueError as error:
        refuse(line, text, f"not JSON ({error})")
